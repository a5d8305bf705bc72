"""Synthetic speech in many voices."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import NDArray

Waveform = NDArray[np.float32]

SAMPLE_RATE_HZ = 16_000
TIMEOUT_S = 60.0

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


@dataclass(frozen=True, slots=True)
class SyntheticVoice:
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


def speak(text: str, voice: SyntheticVoice) -> Waveform:
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
    waveform = speakers[voice.engine](text, voice)
    if waveform.size < SAMPLE_RATE_HZ // 10:
        raise OSError(f"{voice.engine} gave no sound for {text!r}")
    return _shaped(waveform, voice)


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
) -> SyntheticVoice:
    """Returns a random voice in a random manner.

    Args:
        generator: Draws both.
        held_out: A voice that training never hears.
        engine: Of the voice; drawn, too, where it is empty.
    """
    if held_out:
        if generator.random() < 0.5:
            return SyntheticVoice("festival", _pick(FESTIVAL_VOICES, generator))
        accent = _pick(ESPEAK_ACCENTS[:2], generator)
        return SyntheticVoice("espeak", f"{accent}+{_pick(HELD_OUT_ESPEAK_VARIANTS, generator)}")
    voices = installed_voices()
    shares = np.array([ENGINE_SHARES[name] for name in voices])
    engine = engine or str(generator.choice(list(voices), p=shares / shares.sum()))
    return SyntheticVoice(
        engine,  # pyright: ignore[reportArgumentType]
        _pick(voices[engine], generator),
        stretch=float(generator.uniform(0.8, 1.2)),
        pitch=float(generator.uniform(0.85, 1.2)),
        pitch_range=float(generator.uniform(0.6, 2.0)),
        warp=float(generator.uniform(0.88, 1.16)),
        tilt=float(generator.uniform(-0.3, 0.3)),
    )


def _flite(text: str, voice: SyntheticVoice) -> Waveform:
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
        _run([*command, "-t", text, "-o", file.name])
        return _read(file.name)


def _espeak(text: str, voice: SyntheticVoice) -> Waveform:
    rate = int(np.clip(165 / (voice.stretch * voice.warp), 80, 400))
    pitch = int(np.clip(50 + 60 * np.log2(voice.pitch / voice.warp), 0, 99))
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        markup = re.sub(r"[<>&]", " ", text)
        spread = int(np.clip(100 * voice.pitch_range, 0, 300))
        ssml = f'<speak><prosody range="{spread}%">{markup}</prosody></speak>'
        manner = ["-v", voice.name, "-s", str(rate), "-p", str(pitch)]
        _run(["espeak-ng", "-m", *manner, "-w", file.name, ssml])
        return _read(file.name)


def _pico(text: str, voice: SyntheticVoice) -> Waveform:
    speed = int(np.clip(100 / (voice.stretch * voice.warp), 50, 200))
    pitch = int(np.clip(100 * voice.pitch / voice.warp, 50, 200))
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        markup = re.sub(r"[<>&]", " ", text)
        manner = f'<speed level="{speed}"><pitch level="{pitch}">{markup}</pitch></speed>'
        _run(["pico2wave", "-l", voice.name, "-w", file.name, manner])
        return _read(file.name)


def _festival(text: str, voice: SyntheticVoice) -> Waveform:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "text", Path(folder) / "speech.wav"
        source.write_text(text)
        _run(["text2wave", "-eval", f"(voice_{voice.name})", str(source), "-o", str(target)])
        return _read(str(target))


def _shaped(waveform: Waveform, voice: SyntheticVoice) -> Waveform:
    """Applies warp and tilt, all voices equally loud."""
    if abs(voice.warp - 1.0) > 0.01:
        waveform = soxr.resample(waveform, SAMPLE_RATE_HZ * voice.warp, SAMPLE_RATE_HZ)
    if voice.tilt:
        before = np.concatenate(([0.0], waveform[:-1]))
        waveform = (waveform - voice.tilt * before).astype(np.float32)
    peak = float(np.abs(waveform).max())
    return (waveform * (0.35 / max(peak, 1e-4))).astype(np.float32)


def _pick(names: Sequence[str], generator: np.random.Generator) -> str:
    return names[int(generator.integers(len(names)))]


def _read(path: str) -> Waveform:
    try:
        waveform, rate = sf.read(path, dtype="float32", always_2d=True)
    except sf.LibsndfileError as error:
        raise OSError(f"{path} holds no speech: {error}") from error
    return soxr.resample(waveform[:, 0], rate, SAMPLE_RATE_HZ)


def _run(command: list[str]) -> None:
    """Runs the program `command`."""
    try:
        subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=True)
    except FileNotFoundError as error:
        raise OSError(
            f"{command[0]} is not installed: apt install flite festival espeak-ng"
        ) from error
    except subprocess.SubprocessError as error:
        raise OSError(f"{command[0]} failed: {error}") from error
