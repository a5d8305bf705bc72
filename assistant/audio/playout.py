"""What every speaker needs: clips at one rate without seams, and a record of what was played."""

import math
from collections import deque

import numpy as np

from assistant.audio.waveform import SPEECH_RATE_HZ, AudioClip, Waveform

SETTLING_S, STEP_MS = 1.0, 10
"""A reference that was late or early by more than the step all the time for so long is put right:
less is jitter of the callbacks, which comes and goes."""
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

    Microphone and loudspeaker may run on two clocks, and either may lose sound. What waits beside
    what was played since the frame was captured is kept at `lead_s`; where it stays above or below
    for a second it is dropped or padded, and both are counted in `corrections`.
    """

    def __init__(self, sample_rate: int) -> None:
        """Starts with nothing played, which will be pushed at `sample_rate` (Hz)."""
        self.lead_s = 0.0
        """What should wait: less than the time from rendering a sound to hearing it, so that the
        echo never comes before its reference although callbacks are late at times."""
        self._resampler = StreamResampler(SPEECH_RATE_HZ)
        self._sample_rate = sample_rate
        self._raw = SampleQueue()
        self._waiting = SampleQueue()
        self._zeros = 0
        self._is_begun = False
        self._lowest, self._highest, self._taken = 0, 0, 0
        self.corrections = 0

    def push(self, samples: Waveform) -> None:
        """Takes what was just played, at the speaker's own rate."""
        self._raw.push(samples)
        if len(self._raw) >= self._sample_rate:
            self._convert()
        if len(self._waiting) > MOST_REFERENCE_S * SPEECH_RATE_HZ:
            # No microphone asks for it: the person types.
            self._waiting.pop(len(self._waiting) - MOST_REFERENCE_S * SPEECH_RATE_HZ)

    def take(self, samples: int, *, late_s: float = 0.0) -> Waveform:
        """Returns the next `samples` at 16 kHz; zeros come first where too few are waiting.

        `late_s` is the time since the microphone heard the last of them.
        """
        self._convert()
        late = round(late_s * SPEECH_RATE_HZ)
        lead = round(self.lead_s * SPEECH_RATE_HZ)
        if not self._is_begun:
            self._is_begun = True
            wanted = samples + lead + late
            self._zeros = max(0, wanted - len(self._waiting))
            self._waiting.pop(max(0, len(self._waiting) - wanted))
        sound = self._next(samples)
        self._settle(self._level - late, lead, samples)
        return sound

    @property
    def _level(self) -> int:
        return self._zeros + len(self._waiting)

    def _next(self, samples: int) -> Waveform:
        count = min(samples, self._zeros)
        self._zeros -= count
        sound = self._waiting.pop(samples - count)
        missing = samples - len(sound)
        return np.concatenate([np.zeros(missing, dtype=np.float32), sound]) if missing else sound

    def _settle(self, level: int, lead: int, samples: int) -> None:
        """Takes how much would wait if the frame of `samples` had come at once."""
        self._lowest = min(self._lowest, level) if self._taken else level
        self._highest = max(self._highest, level) if self._taken else level
        self._taken += samples
        if self._taken < SETTLING_S * SPEECH_RATE_HZ:
            return
        self._taken = 0
        step = STEP_MS * SPEECH_RATE_HZ // 1_000
        if self._lowest > lead + step:
            self._drop(self._lowest - lead)
        elif self._highest < lead - step:
            self.corrections += 1
            self._zeros += lead - self._highest

    def _drop(self, samples: int) -> None:
        self.corrections += 1
        zeros = min(samples, self._zeros)
        self._zeros -= zeros
        self._waiting.pop(samples - zeros)

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
