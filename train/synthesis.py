"""Synthetic speech in many voices, with the phones and their times where the engine tells them."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import NDArray

from models.emotions import Emotion

Waveform = NDArray[np.float32]

SAMPLE_RATE_HZ = 16_000
TIMEOUT_S = 60.0
TEXTS_A_CALL = 40
"""Texts that flite's front end is given at once."""

FLITE_VOICES = ("slt", "rms", "awb", "kal16")
FLITE_PITCH_HZ = {"slt": 170.0, "rms": 95.0, "awb": 125.0, "kal16": 105.0}
ESPEAK_ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-us-nyc")
ESPEAK_VARIANTS = (
    *("f1", "f2", "f3", "f5", "m1", "m2", "m3", "m4", "m6", "m7"),
    *("klatt", "klatt2", "klatt4", "belinda", "linda", "steph", "adam", "edward", "john", "max"),
)
MBROLA_VOICES = ("us1", "us2", "us3", "en1")
"""Recorded people whose diphones espeak-ng speaks with, where mbrola and they are installed."""
MBROLA_FOLDER = Path("/usr/share/mbrola")
PICO_VOICES = ("en-US", "en-GB")
ENGINE_SHARES = {"flite": 0.45, "mbrola": 0.2, "pico": 0.1, "espeak": 0.25}
"""Of the training voices, the most natural first; of those that are installed."""
HELD_OUT_ESPEAK_VARIANTS = ("f4", "m5", "klatt3", "Annie", "david")
"""Never in training: voices that held-out sentences are judged in."""
FESTIVAL_VOICES = ("cmu_us_slt_arctic_hts", "kal_diphone")
"""An engine that is kept for judging."""

PHONES = tuple(
    "pau aa ae ah ao aw ax ay b ch d dh eh er ey f g hh ih iy jh k l m n ng ow oy p r s sh t th "
    "uh uw v w y z zh".split()
)
"""The phones of flite's lexicon; `pau` is silence."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice and the manner in which it speaks."""

    engine: Literal["flite", "mbrola", "pico", "espeak", "festival"]
    name: str
    stretch: float = 1.0
    """Duration against the engine's own tempo."""
    pitch: float = 1.0
    """Mean pitch against the voice's own."""
    pitch_range: float = 1.0
    """Movement of the pitch against the voice's own."""
    warp: float = 1.0
    """Formants and pitch move up by this factor together: another size of speaker."""
    tilt: float = 0.0
    """Brightness: -0.9 (dull) to 0.9 (sharp), the coefficient of a first-order filter."""
    gain: float = 1.0


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence as a synthetic voice says it."""

    waveform: Waveform
    phones: tuple[str, ...] = ()
    ends_s: tuple[float, ...] = ()
    """End of each phone; empty where the engine does not tell."""


@dataclass(frozen=True, slots=True)
class Prosody:
    """How an emotion sounds, against the same speaker's neutral voice."""

    pitch: float
    pitch_range: float
    stretch: float
    gain: float
    tilt: float


def speak(text: str, voice: Voice) -> Spoken:
    """Returns `text` in `voice`, 16 kHz mono.

    Raises:
        OSError: The engine is not installed, failed, or gave no sound.
    """
    if not text.strip():
        raise OSError("an empty text cannot be spoken")
    speakers = {
        "flite": _flite,
        "mbrola": _espeak,
        "pico": _pico,
        "espeak": _espeak,
        "festival": _festival,
    }
    spoken = speakers[voice.engine](text, voice)
    if spoken.waveform.size < SAMPLE_RATE_HZ // 10:
        raise OSError(f"{voice.engine} gave no sound for {text!r}")
    return _shaped(spoken, voice)


def phones_of(texts: Sequence[str]) -> list[tuple[str, ...]]:
    """Returns the phones of each text, without silences, by flite's lexicon and rules.

    Args:
        texts: Words without punctuation.

    Raises:
        OSError: flite is not installed or failed.
    """
    found: list[tuple[str, ...]] = []
    for start in range(0, len(texts), TEXTS_A_CALL):
        part = texts[start : start + TEXTS_A_CALL]
        told = _run(["flite", "-ps", "-t", ". ".join(part) + ".", "-o", "none"])
        pieces = [tuple(piece.split()) for piece in told.split(PHONES[0]) if piece.strip()]
        if len(pieces) != len(part):
            each = [_run(["flite", "-ps", "-t", text, "-o", "none"]).split() for text in part]
            pieces = [tuple(p for p in phones if p != PHONES[0]) for phones in each]
        found += pieces
    return found


@cache
def installed_voices() -> dict[str, tuple[str, ...]]:
    """Returns the names of the training voices of each engine that this machine has."""
    found: dict[str, tuple[str, ...]] = {"flite": FLITE_VOICES}
    if shutil.which("mbrola"):
        found["mbrola"] = tuple(
            f"mb-{name}" for name in MBROLA_VOICES if (MBROLA_FOLDER / name / name).exists()
        )
    if shutil.which("pico2wave"):
        found["pico"] = PICO_VOICES
    found["espeak"] = tuple(f"{a}+{v}" for a in ESPEAK_ACCENTS for v in ESPEAK_VARIANTS)
    return {engine: names for engine, names in found.items() if names}


def draw_voice(
    generator: np.random.Generator, *, held_out: bool = False, engine: str = ""
) -> Voice:
    """Returns a random voice in a random manner.

    Args:
        generator: Draws both.
        held_out: A voice that training never hears.
        engine: Of the voice; drawn, too, where it is empty.
    """
    if held_out:
        if generator.random() < 0.5:
            return Voice("festival", _pick(FESTIVAL_VOICES, generator))
        accent = _pick(ESPEAK_ACCENTS[:2], generator)
        return Voice("espeak", f"{accent}+{_pick(HELD_OUT_ESPEAK_VARIANTS, generator)}")
    voices = installed_voices()
    shares = np.array([ENGINE_SHARES[name] for name in voices])
    engine = engine or str(generator.choice(list(voices), p=shares / shares.sum()))
    return Voice(
        engine,  # pyright: ignore[reportArgumentType]
        _pick(voices[engine], generator),
        stretch=float(generator.uniform(0.8, 1.2)),
        pitch=float(generator.uniform(0.85, 1.2)),
        pitch_range=float(generator.uniform(0.6, 2.0)),
        warp=float(generator.uniform(0.88, 1.16)),
        tilt=float(generator.uniform(-0.3, 0.3)),
    )


def with_prosody(voice: Voice, prosody: Prosody) -> Voice:
    """Returns `voice` speaking with `prosody`."""
    return replace(
        voice,
        pitch=voice.pitch * prosody.pitch,
        pitch_range=voice.pitch_range * prosody.pitch_range,
        stretch=voice.stretch * prosody.stretch,
        gain=voice.gain * prosody.gain,
        tilt=float(np.clip(voice.tilt + prosody.tilt, -0.9, 0.9)),
    )


def measure_prosody(
    waveforms: Sequence[tuple[str, Emotion, Waveform]],
) -> dict[Emotion, list[Prosody]]:
    """Returns the prosodies of acted recordings, to be transplanted onto synthetic voices.

    Args:
        waveforms: Speaker, emotion and 16 kHz recording of one sentence each; each speaker needs
            neutral ones to be compared with.
    """
    measured = [(speaker, emotion, _measures(w)) for speaker, emotion, w in waveforms]
    prosodies: dict[Emotion, list[Prosody]] = {emotion: [] for emotion in Emotion}
    for speaker in sorted({s for s, _, _ in measured}):
        own = [m for s, e, m in measured if s == speaker and e == Emotion.NEUTRAL]
        if not own:
            continue
        base = np.median(np.stack(own), axis=0)
        for _, emotion, values in (m for m in measured if m[0] == speaker):
            ratio = values / base
            prosodies[emotion].append(
                Prosody(
                    pitch=float(np.clip(ratio[0], 0.6, 2.2)),
                    pitch_range=float(np.clip(ratio[1], 0.3, 4.0)),
                    stretch=float(np.clip(ratio[2], 0.6, 1.6)),
                    gain=float(np.clip(ratio[3], 0.3, 6.0)),
                    tilt=float(np.clip(0.35 * np.log(ratio[4]), -0.6, 0.6)),
                )
            )
    return prosodies


def normalised_autocorrelation(frames: NDArray[np.floating]) -> NDArray[np.float64]:
    """Returns (N, W) by lag: 1 at lag 0, and near 1 at the period of a voice.

    The window's own autocorrelation is divided out (Boersma 1993).

    Args:
        frames: (N, W) without their mean.
    """
    window = frames.shape[1]
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(window), 2 * window)) ** 2
    correlation = np.fft.irfft(spectrum)[:, :window]
    taper = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(window), 2 * window)) ** 2)[:window]
    return correlation / (np.maximum(correlation[:, :1], 1e-9) * (taper / taper[0]))


def voiced_pitch_hz(waveform: Waveform) -> NDArray[np.float64]:
    """Returns the pitch of each voiced 10 ms frame, by normalised autocorrelation (70-500 Hz)."""
    window, hop = 640, 160
    if waveform.size < window:
        return np.empty(0)
    frames = np.lib.stride_tricks.sliding_window_view(waveform, window)[::hop].astype(np.float64)
    frames = frames - frames.mean(axis=1, keepdims=True)
    correlation = normalised_autocorrelation(frames)
    low, high = SAMPLE_RATE_HZ // 500, SAMPLE_RATE_HZ // 70
    lags = correlation[:, low:high].argmax(axis=1) + low
    strength = correlation[np.arange(len(lags)), lags]
    level = np.sqrt(np.mean(np.square(frames), axis=1))
    return SAMPLE_RATE_HZ / lags[(strength > 0.6) & (level > 0.1 * level.max())]


def _measures(waveform: Waveform) -> NDArray[np.float64]:
    """Returns mean pitch, pitch deviation, speech length, level and brightness."""
    signal = waveform.astype(np.float64)
    voiced = voiced_pitch_hz(waveform)
    frames = signal[: signal.size // 160 * 160].reshape(-1, 160)
    level = np.sqrt(np.mean(np.square(frames), axis=1))
    loud = level > 0.1 * level.max()
    inside = np.flatnonzero(loud)
    spectrum = np.abs(np.fft.rfft(signal)) ** 2
    hertz = np.fft.rfftfreq(signal.size, 1 / SAMPLE_RATE_HZ)
    bright = spectrum[hertz > 1000].sum() / max(spectrum[hertz <= 1000].sum(), 1e-9)
    return np.array(
        [
            np.median(voiced) if voiced.size else 150.0,
            np.std(voiced) if voiced.size > 1 else 20.0,
            float(inside[-1] - inside[0] + 1),
            np.sqrt(np.mean(np.square(frames[loud]))),
            max(bright, 1e-4),
        ]
    )


def _flite(text: str, voice: Voice) -> Spoken:
    pitch = FLITE_PITCH_HZ[voice.name] * voice.pitch
    settings = {
        "duration_stretch": voice.stretch * voice.warp,
        "int_f0_target_mean": pitch / voice.warp,
        "int_f0_target_stddev": 12.0 * voice.pitch_range * pitch / 120.0,
    }
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        command = ["flite", "-voice", voice.name]
        for name, value in settings.items():
            command += ["--setf", f"{name}={value:.3f}"]
        told = _run([*command, "-psdur", "-t", text, "-o", file.name])
        waveform = _read(file.name)
    pairs = re.findall(r"(\w+):(\d+\.\d+)", told)
    return Spoken(waveform, tuple(p for p, _ in pairs), tuple(float(end) for _, end in pairs))


def _espeak(text: str, voice: Voice) -> Spoken:
    rate = int(np.clip(165 / (voice.stretch * voice.warp), 80, 400))
    pitch = int(np.clip(50 + 60 * np.log2(voice.pitch / voice.warp), 0, 99))
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        markup = re.sub(r"[<>&]", " ", text)
        spread = int(np.clip(100 * voice.pitch_range, 0, 300))
        ssml = f'<speak><prosody range="{spread}%">{markup}</prosody></speak>'
        manner = ["-v", voice.name, "-s", str(rate), "-p", str(pitch)]
        _run(["espeak-ng", "-m", *manner, "-w", file.name, ssml])
        return Spoken(_read(file.name))


def _pico(text: str, voice: Voice) -> Spoken:
    speed = int(np.clip(100 / (voice.stretch * voice.warp), 50, 200))
    pitch = int(np.clip(100 * voice.pitch / voice.warp, 50, 200))
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        markup = re.sub(r"[<>&]", " ", text)
        manner = f'<speed level="{speed}"><pitch level="{pitch}">{markup}</pitch></speed>'
        _run(["pico2wave", "-l", voice.name, "-w", file.name, manner])
        return Spoken(_read(file.name))


def _festival(text: str, voice: Voice) -> Spoken:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "text", Path(folder) / "speech.wav"
        source.write_text(text)
        _run(["text2wave", "-eval", f"(voice_{voice.name})", str(source), "-o", str(target)])
        return Spoken(_read(str(target)))


def _shaped(spoken: Spoken, voice: Voice) -> Spoken:
    """Applies warp, tilt and gain."""
    waveform, ends = spoken.waveform, spoken.ends_s
    if abs(voice.warp - 1.0) > 0.01:
        waveform = soxr.resample(waveform, SAMPLE_RATE_HZ * voice.warp, SAMPLE_RATE_HZ)
        ends = tuple(end / voice.warp for end in ends)
    if voice.tilt:
        before = np.concatenate(([0.0], waveform[:-1])).astype(np.float32)
        waveform = waveform - voice.tilt * before
    peak = float(np.abs(waveform).max())
    level = float(np.clip(0.35 * voice.gain, 0.02, 0.98)) / max(peak, 1e-4)
    return Spoken((waveform * level).astype(np.float32), spoken.phones, ends)


def _pick(names: Sequence[str], generator: np.random.Generator) -> str:
    return names[int(generator.integers(len(names)))]


def _read(path: str) -> Waveform:
    try:
        waveform, rate = sf.read(path, dtype="float32", always_2d=True)
    except sf.LibsndfileError as error:
        raise OSError(f"{path} holds no speech: {error}") from error
    return soxr.resample(waveform[:, 0], rate, SAMPLE_RATE_HZ)


def _run(command: list[str]) -> str:
    """Returns what the program `command` prints."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True
        )
    except FileNotFoundError as error:
        raise OSError(
            f"{command[0]} is not installed: apt install flite festival espeak-ng"
        ) from error
    except subprocess.SubprocessError as error:
        raise OSError(f"{command[0]} failed: {error}") from error
    return done.stdout
