"""What every speaker needs: clips at one rate without seams, and a record of what was played."""

import math
from collections import deque

import numpy as np

from assistant.audio import SPEECH_RATE_HZ, AudioClip, Waveform

MOST_REFERENCE_S = 30
"""Seconds of what was played that wait for the microphone's frames at most."""


class SampleQueue:
    """Samples waiting in order; its length is their count."""

    def __init__(self) -> None:
        self._pieces: deque[Waveform] = deque()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def push(self, samples: Waveform) -> None:
        """Appends `samples`."""
        self._pieces.append(samples)
        self._count += len(samples)

    def pop(self, count: int) -> Waveform:
        """Removes and returns the first `count` samples; fewer where fewer are waiting."""
        count = min(count, self._count)
        self._count -= count
        taken: list[Waveform] = [np.zeros(0, dtype=np.float32)]
        while count:
            piece = self._pieces.popleft()
            if len(piece) > count:
                self._pieces.appendleft(piece[count:])
                piece = piece[:count]
            taken.append(piece)
            count -= len(piece)
        return np.concatenate(taken)

    def clear(self) -> int:
        """Drops all; returns how many samples that were."""
        dropped, self._count = self._count, 0
        self._pieces.clear()
        return dropped


class StreamResampler:
    """Converts the clips of one reply to one rate, without seams between them."""

    def __init__(self, to_hz: int) -> None:
        self._to_hz = to_hz
        self._from_hz = to_hz
        self._stream: object | None = None

    def push(self, clip: AudioClip) -> Waveform:
        """Returns what `clip` adds at the new rate; a few samples may come with the next one."""
        if clip.sample_rate != self._from_hz:
            rest = self.flush()
            self._from_hz = clip.sample_rate
            return np.concatenate([rest, self._convert(clip.samples, is_last=False)])
        return self._convert(clip.samples, is_last=False)

    def flush(self) -> Waveform:
        """Returns what is left at the end of a reply."""
        if self._stream is None:
            return np.zeros(0, dtype=np.float32)
        rest = self._convert(np.zeros(0, dtype=np.float32), is_last=True)
        self._stream = None
        return rest

    def reset(self) -> None:
        """Forgets what is left, after an interruption."""
        self._stream = None

    def _convert(self, samples: Waveform, *, is_last: bool) -> Waveform:
        if self._from_hz == self._to_hz:
            return samples
        import soxr

        if not isinstance(self._stream, soxr.ResampleStream):
            self._stream = soxr.ResampleStream(self._from_hz, self._to_hz, 1, dtype="float32")
        return np.asarray(self._stream.resample_chunk(samples, last=is_last), dtype=np.float32)


class PlayedReference:
    """What was played, at 16 kHz, handed out in step with the microphone's frames.

    Microphone and loudspeaker may run on two clocks. Within `slack_ms` that is left alone; beyond
    it the reference is dropped or padded, and both are counted in `corrections`.
    """

    def __init__(self, sample_rate: int, *, slack_ms: int = 200) -> None:
        self._resampler = StreamResampler(SPEECH_RATE_HZ)
        self._sample_rate = sample_rate
        self._raw = SampleQueue()
        self._waiting = SampleQueue()
        self._slack = SPEECH_RATE_HZ * slack_ms // 1_000
        self.corrections = 0

    def push(self, samples: Waveform) -> None:
        """Takes what was just played, at the speaker's own rate."""
        self._raw.push(samples)
        if len(self._raw) >= self._sample_rate:
            self._convert()
        if len(self._waiting) > MOST_REFERENCE_S * SPEECH_RATE_HZ:
            # No microphone asks for it: the person types.
            self._waiting.pop(len(self._waiting) - MOST_REFERENCE_S * SPEECH_RATE_HZ)

    def take(self, samples: int) -> Waveform:
        """Returns the next `samples` at 16 kHz; zeros come first where too few are waiting."""
        self._convert()
        surplus = len(self._waiting) - samples - self._slack
        if surplus > 0:
            self.corrections += 1
            self._waiting.pop(surplus)
        sound = self._waiting.pop(samples)
        missing = samples - len(sound)
        return np.concatenate([np.zeros(missing, dtype=np.float32), sound]) if missing else sound

    def _convert(self) -> None:
        """Converts what has come since the last time at once: each call has its price."""
        samples = self._raw.pop(len(self._raw))
        self._waiting.push(self._resampler.push(AudioClip(samples, self._sample_rate)))


def level_db(waveform: Waveform) -> float:
    """Returns the level in dB relative to full scale, not below -100."""
    if not len(waveform):
        return -100.0
    power = float(np.mean(np.square(waveform, dtype=np.float64)))
    return max(-100.0, 10.0 * math.log10(power + 1e-12))
