"""Sentences in the voices of flite, and how they are laid into a recording."""

import subprocess
import tempfile
from functools import cache

import numpy as np
import soundfile

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform, resample

AUDIBLE = 0.02
"""Share of the peak from which a sample counts as speech."""


@cache
def say(text: str, voice: str = "rms", rate_hz: int = SPEECH_RATE_HZ) -> Waveform:
    """Returns `text` spoken by a voice of flite."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run(["flite", "-voice", voice, "-t", text, file.name], check=True)
        samples, made_hz = soundfile.read(file.name, dtype="float32")
    return resample(np.asarray(samples, dtype=np.float32), from_hz=made_hz, to_hz=rate_hz)


def silence(seconds: float, rate_hz: int = SPEECH_RATE_HZ) -> Waveform:
    """Returns exact zeros."""
    return np.zeros(round(seconds * rate_hz), dtype=np.float32)


def trimmed(sound: Waveform, audible: float = AUDIBLE) -> Waveform:
    """Returns `sound` without what is quiet at both ends."""
    loud = np.flatnonzero(np.abs(sound) > audible * np.abs(sound).max())
    return sound[loud[0] : loud[-1] + 1]


def at_level(sound: Waveform, level_db: float) -> Waveform:
    """Returns `sound` with its audible part at a level in dB relative to full scale."""
    audible = sound[np.abs(sound) > AUDIBLE * np.abs(sound).max()]
    factor = 10.0 ** (level_db / 20.0) / float(np.sqrt(np.mean(np.square(audible))))
    return (factor * sound).astype(np.float32)
