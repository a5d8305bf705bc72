"""Waveforms, frames and clips: the units of sound that pass between the parts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Waveform = NDArray[np.float32]
"""Mono samples in [-1, 1], shape (samples,)."""

SPEECH_RATE_HZ = 16_000
"""The rate that voice activity detection and the speech model expect."""


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """A fixed slice of the microphone's signal on the audio clock."""

    samples: Waveform
    start_samples: int
    """Samples received before this frame since the conversation began, at 16 kHz."""


@dataclass(frozen=True, slots=True)
class AudioClip:
    """A piece of synthesised speech."""

    samples: Waveform
    sample_rate: int
    """Hz."""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate


def to_int16(waveform: Waveform) -> NDArray[np.int16]:
    """Returns 16-bit PCM of `waveform`, clipped to [-1, 1]."""
    return np.round(np.clip(waveform, -1.0, 1.0) * 32767.0).astype(np.int16)


def to_float32(pcm: NDArray[np.int16]) -> Waveform:
    """Returns the waveform in [-1, 1) of 16-bit PCM."""
    return (pcm.astype(np.float32) / 32768.0).astype(np.float32)


def resample(waveform: Waveform, *, from_hz: int, to_hz: int) -> Waveform:
    """Returns `waveform` at `to_hz` (soxr, high quality); the same array if the rates agree."""
    if from_hz == to_hz:
        return waveform
    import soxr

    return np.asarray(soxr.resample(waveform, from_hz, to_hz), dtype=np.float32)
