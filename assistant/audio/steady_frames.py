"""A microphone whose clock does not stand still: silence in place of frames that do not come.

Everything in a conversation is timed by the samples received. A client with a voice detection of
its own, a suspended page or a frozen microphone sends none: without silence in their place a turn
would never end, and questions with minutes between them would be one.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace

import numpy as np

from assistant.audio.incoming import Steadier
from assistant.audio.protocols import Microphone
from assistant.audio.waveform import SPEECH_RATE_HZ, AudioFrame, Waveform

GRACE_S = 1.0
"""How long frames may fail to come before silence takes their place: a network's hiccup is shorter,
and its frames come all at once afterwards."""
MOST_S = 30.0
"""Silence that is put in a row. Every turn is over by then, and the clock may stand still."""


class SteadyFrames:
    """The frames of a microphone on one clock, finite and without offset.

    Frames that come late although silence took their place are kept: words count for more than
    the few seconds by which the audio clock is then ahead. Before the first frame, and after
    `MOST_S` without any, the clock stands still.
    """

    def __init__(self, microphone: Microphone, frame_samples: int) -> None:
        self._microphone = microphone
        self._size = frame_samples
        self._steadier = Steadier()
        self._clock = 0
        self._heard_at_s: float | None = None
        """When the latest frame came or was made up; None before the first."""
        self._missing = 0
        """Samples of silence put in since the last frame that came."""
        self._reports = False
        """Whether the latest frame that came said what was played meanwhile."""

    @property
    def is_coming(self) -> bool:
        """Whether the latest frame came from the microphone."""
        return not self._missing

    async def frames(self) -> AsyncGenerator[AudioFrame, None]:
        """Yields frames until the microphone ends."""
        source = self._microphone.frames()
        coming = asyncio.ensure_future(_next(source))
        try:
            while True:
                await asyncio.wait({coming}, timeout=self._patience_s())
                if not coming.done():
                    for _ in range(self._owed()):
                        silence = _silence(self._size)
                        played = silence if self._reports else None
                        yield self._numbered(AudioFrame(silence, 0, played))
                    continue
                if (frame := coming.result()) is None:
                    return
                coming = asyncio.ensure_future(_next(source))
                self._heard_at_s, self._missing = asyncio.get_running_loop().time(), 0
                self._reports = frame.played is not None
                samples = self._steadier.steady(frame.samples)
                yield self._numbered(replace(frame, samples=samples))
        finally:
            coming.cancel()
            await asyncio.wait({coming})

    def _numbered(self, frame: AudioFrame) -> AudioFrame:
        start, self._clock = self._clock, self._clock + len(frame.samples)
        return replace(frame, start_samples=start)

    def _patience_s(self) -> float | None:
        """Returns how long to wait for a frame before silence is due; None: as long as it takes."""
        if self._heard_at_s is None or self._missing >= MOST_S * SPEECH_RATE_HZ:
            return None
        wait_s = self._size / SPEECH_RATE_HZ if self._missing else GRACE_S
        return max(0.0, self._heard_at_s + wait_s - asyncio.get_running_loop().time())

    def _owed(self) -> int:
        """Returns how many frames of silence are due now.

        At most those of a grace at once: a computer that slept does not make up for the night.
        """
        assert self._heard_at_s is not None
        now_s = asyncio.get_running_loop().time()
        passed_s = min(now_s - self._heard_at_s, GRACE_S)
        count = max(1, int(passed_s * SPEECH_RATE_HZ) // self._size)
        self._heard_at_s = now_s
        self._missing += count * self._size
        return count


async def _next(frames: AsyncIterator[AudioFrame]) -> AudioFrame | None:
    return await anext(frames, None)


def _silence(samples: int) -> Waveform:
    return np.zeros(samples, dtype=np.float32)
