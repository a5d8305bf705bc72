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
    played: Waveform | None = None
    """What the loudspeaker played meanwhile, as long as `samples`, where the device itself says so;
    None where the speaker has to know."""
    captured_s: float | None = None
    """When its last sample was captured, on the event loop's clock; None for just now."""


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


class Framer:
    """Cuts a signal that arrives in pieces of any length into frames of one length."""

    def __init__(self, frame_samples: int) -> None:
        self._frame_samples = frame_samples
        self._rest: Waveform = np.zeros(0, dtype=np.float32)
        self._start = 0

    def push(self, samples: Waveform) -> list[AudioFrame]:
        """Returns the frames that `samples` completes; an incomplete rest is kept."""
        signal = np.concatenate([self._rest, samples.astype(np.float32, copy=False)])
        size = self._frame_samples
        whole = len(signal) // size
        frames = [
            AudioFrame(signal[index * size : (index + 1) * size], self._start + index * size)
            for index in range(whole)
        ]
        self._start += whole * size
        self._rest = signal[whole * size :]
        return frames

    def flush(self) -> list[AudioFrame]:
        """Returns the rest, padded with zeros to a whole frame, at the end of the input."""
        if not len(self._rest):
            return []
        padding = np.zeros(self._frame_samples - len(self._rest), dtype=np.float32)
        return self.push(padding)


class RingBuffer:
    """A queue of samples of fixed size for one writer and one reader, without a lock.

    Each side moves its own counter only, and after the samples are in place, so the reader may
    run on another thread (a device callback) than the writer. `drop` belongs to the reader's
    side; a writer asks for it with `request_clear`, which the next `read` obeys.
    """

    def __init__(self, capacity_samples: int) -> None:
        self._samples: Waveform = np.zeros(capacity_samples, dtype=np.float32)
        self._written = 0
        self._read = 0
        self._clear_to = 0

    @property
    def capacity(self) -> int:
        """Samples that fit in."""
        return len(self._samples)

    @property
    def available(self) -> int:
        """Samples waiting to be read."""
        return max(0, self._written - max(self._read, self._clear_to))

    @property
    def free(self) -> int:
        """Samples that can be written now."""
        return self.capacity - (self._written - self._read)

    def write(self, samples: Waveform) -> int:
        """Appends as much of `samples` as fits; returns how many were taken."""
        count = min(len(samples), self.free)
        start = self._written % self.capacity
        first = min(count, self.capacity - start)
        self._samples[start : start + first] = samples[:first]
        self._samples[: count - first] = samples[first:count]
        self._written += count
        return count

    def read(self, count: int) -> Waveform:
        """Removes and returns up to `count` samples; fewer where fewer are waiting."""
        self._read = max(self._read, self._clear_to)
        count = min(count, self._written - self._read)
        start = self._read % self.capacity
        first = min(count, self.capacity - start)
        taken = np.concatenate(
            [self._samples[start : start + first], self._samples[: count - first]]
        )
        self._read += count
        return taken

    def request_clear(self) -> int:
        """Discards all that is waiting; returns how many samples that were.

        Called by the writer. What a read under way at this moment still takes counts as read.
        """
        waiting = self.available
        self._clear_to = self._written
        return waiting
