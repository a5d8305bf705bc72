"""The recent sound of the microphone, from which utterances are cut."""

from collections import deque

import numpy as np

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform


class UtteranceBuffer:
    """Keeps the newest sound on the audio clock; its size is bounded."""

    def __init__(self) -> None:
        self._frames: deque[Waveform] = deque()
        self._start = 0
        self._end = 0

    @property
    def start_samples(self) -> int:
        """The oldest sample still there."""
        return self._start

    def append(self, frame: Waveform, *, keep_s: float) -> None:
        """Adds the next frame and forgets what is older than `keep_s` seconds."""
        self._frames.append(frame)
        self._end += len(frame)
        keep = round(keep_s * SPEECH_RATE_HZ)
        while self._end - self._start - len(self._frames[0]) >= keep:
            self._start += len(self._frames.popleft())

    def cut(self, start_samples: int, end_samples: int) -> Waveform:
        """Returns the sound between two sample counts, as far as it is still there."""
        if not self._frames:
            return np.zeros(0, dtype=np.float32)
        first = max(0, start_samples - self._start)
        return np.concatenate(self._frames)[first : max(first, end_samples - self._start)]
