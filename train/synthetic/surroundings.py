"""What happens to speech on its way to a microphone: rooms, noise, cheap devices."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import NDArray

from train.synthetic.voices import SAMPLE_RATE_HZ

Waveform = NDArray[np.float32]
TELEPHONE_HZ, TELEPHONE_RATE_HZ = (300.0, 3400.0), 8_000


class Surroundings:
    """Noises and rooms that speech is put into; empty folders leave it as it is."""

    def __init__(self, noises: Sequence[Waveform], rooms: Sequence[Waveform]) -> None:
        self.noises, self.rooms = list(noises), list(rooms)

    @classmethod
    def read(cls, folder: Path, *, held_out: bool = False) -> "Surroundings":
        """Reads the noises of `folder`: every fifth one is kept for judging (`held_out`)."""
        paths = sorted(
            p for part in ("esc10", "noise") for p in (folder / part).rglob("*") if p.is_file()
        )
        chosen = [p for i, p in enumerate(paths) if (i % 5 == 0) == held_out]
        rooms = sorted(p for p in (folder / "rirs").rglob("*") if p.is_file())
        return cls(_readable(chosen), _readable(rooms))


def with_noise(
    speech: Waveform, noise: Waveform, snr_db: float, generator: np.random.Generator
) -> Waveform:
    """Returns `speech` with `noise` from a random place, at `snr_db` below it."""
    repeats = -(-speech.size // noise.size) + 1
    start = int(generator.integers(noise.size))
    part = np.tile(noise, repeats)[start : start + speech.size]
    power = float(np.mean(np.square(part)))
    if power < 1e-10:
        return speech
    wanted = float(np.mean(np.square(speech))) / 10 ** (snr_db / 10)
    return (speech + part * np.sqrt(wanted / power)).astype(np.float32)


def in_room(speech: Waveform, response: Waveform) -> Waveform:
    """Returns `speech` as it sounds through the impulse `response`, as loud and as long."""
    response = response[: SAMPLE_RATE_HZ // 2]
    first = int(np.abs(response).argmax())
    size = speech.size + response.size
    spectrum = np.fft.rfft(speech, size) * np.fft.rfft(response, size)
    wet = np.fft.irfft(spectrum, size)[first : first + speech.size]
    level = np.sqrt(np.mean(np.square(speech)) / max(float(np.mean(np.square(wet))), 1e-12))
    return (wet * level).astype(np.float32)


def narrow_band(speech: Waveform, rate_hz: int) -> Waveform:
    """Returns `speech` as a device of the sample rate `rate_hz` passes it on."""
    low = soxr.resample(speech, SAMPLE_RATE_HZ, rate_hz)
    high = soxr.resample(low, rate_hz, SAMPLE_RATE_HZ)
    out = np.zeros_like(speech)
    out[: min(high.size, speech.size)] = high[: speech.size]
    return out


def telephone(waveform: Waveform) -> Waveform:
    """Returns a waveform as a telephone passes it on: 300 to 3,400 Hz."""
    spectrum = np.fft.rfft(waveform)
    hertz = np.fft.rfftfreq(waveform.size, 1 / SAMPLE_RATE_HZ)
    low, high = TELEPHONE_HZ
    # Slopes of some hundred hertz: walls in the spectrum would ring.
    kept = np.clip((hertz - 0.7 * low) / (0.3 * low), 0, 1)
    kept *= np.clip((1.1 * high - hertz) / (0.1 * high), 0, 1)
    passed = np.fft.irfft(spectrum * kept, waveform.size).astype(np.float32)
    return narrow_band(passed, TELEPHONE_RATE_HZ)


def faster(speech: Waveform, factor: float) -> Waveform:
    """Returns `speech` played `factor` times as fast, its pitch raised with it."""
    places = np.arange(0, speech.size - 1, factor)
    return np.interp(places, np.arange(speech.size), speech).astype(np.float32)


def read_mono(path: Path, start: int = 0, samples: int = -1) -> Waveform:
    """Returns a recording, or a part of it, as 16 kHz mono.

    Raises:
        OSError: The file cannot be read.
    """
    try:
        values, rate = sf.read(path, start=start, frames=samples, dtype="float32", always_2d=True)
    except sf.LibsndfileError as error:
        raise OSError(f"{path} cannot be read: {error}") from error
    mono = values.mean(axis=1)
    return mono if rate == SAMPLE_RATE_HZ else soxr.resample(mono, rate, SAMPLE_RATE_HZ)


def _readable(paths: Sequence[Path]) -> list[Waveform]:
    found: list[Waveform] = []
    for path in paths:
        try:
            found.append(read_mono(path))
        except OSError:
            continue
    return [w for w in found if w.size > 800]
