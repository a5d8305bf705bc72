"""A loudspeaker for answers that nobody listens to while they are made."""

from collections.abc import Callable

import numpy as np

from assistant.audio.waveform import AudioClip, Waveform


class ClipSpeaker:
    """Hands each clip on as soon as it exists, and counts it as played."""

    def __init__(self, take: Callable[[AudioClip], None], *, sample_rate: int) -> None:
        """Gives the clips to `take`, whatever their rate; `sample_rate` is that of the clock."""
        self.sample_rate = sample_rate
        self.latency_s = 0.0
        self.underruns = 0
        self.slips = 0
        self.played_samples = 0
        self.queued_samples = 0
        self._take = take

    async def play(self, clip: AudioClip) -> None:
        """Hands `clip` on."""
        self._take(clip)
        self.played_samples += round(len(clip.samples) * self.sample_rate / clip.sample_rate)

    async def drain(self) -> None:
        """Nothing waits."""

    def gain(self, decibels: float) -> None:
        """Nobody speaks meanwhile, for whom it would have to be softer."""

    def hold(self, held: bool) -> None:
        """Nor silent."""

    def clear(self) -> int:
        """Nothing waits that would be dropped."""
        return 0

    def played(self, samples: int, *, captured_s: float | None = None) -> Waveform:
        """Returns the silence of `samples` at 16 kHz: no microphone is in the room."""
        return np.zeros(samples, dtype=np.float32)
