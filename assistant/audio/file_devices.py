"""Microphones and speakers that are files: the same conversation without hardware.

They sleep on the event loop's clock, so they run in real time on an ordinary loop and as fast
as the machine allows on a `ReplayLoop`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

import numpy as np

from assistant.audio.capture_clock import passed_s
from assistant.audio.playout import PlayedReference, SampleQueue, StreamResampler
from assistant.audio.waveform import SPEECH_RATE_HZ, AudioClip, AudioFrame, Framer, Waveform

HELD_S = 0.032
"""How often a speaker that is held is looked at."""


class FileMicrophone:
    """Plays 16 kHz sound into the conversation, frame by frame at its own pace."""

    def __init__(self, blocks: Iterable[Waveform], *, frame_samples: int = 512) -> None:
        """Takes the sound in `blocks` of any length; it is read as it is needed."""
        self.dropped_frames = 0
        self._blocks = blocks
        self._frame_samples = frame_samples

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Yields each frame when its last sample has been "spoken"."""
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        framer = Framer(self._frame_samples)
        for block in self._blocks:
            for frame in framer.push(block):
                await _until(start_s + _end_s(frame))
                yield frame
        for frame in framer.flush():
            await _until(start_s + _end_s(frame))
            yield frame


class FileSpeaker:
    """Plays into a sink what a listener would hear, silence included."""

    def __init__(
        self,
        sink: Callable[[Waveform], None] | None = None,
        *,
        sample_rate: int = SPEECH_RATE_HZ,
        ahead_s: float = 1.5,
    ) -> None:
        """Starts silent; its clock starts with the first call.

        Args:
            sink: Gets every sample in order, for example to write a file.
            sample_rate: Hz of `sink`.
            ahead_s: Speech that is queued at most before `play` waits.
        """
        self.sample_rate = sample_rate
        self.latency_s = 0.0
        self.underruns = 0
        self.slips = 0
        self._sink = sink
        self._ahead = round(ahead_s * sample_rate)
        self._queue = SampleQueue()
        self._played = 0
        self._factor = 1.0
        self._is_held = False
        self._start_s: float | None = None
        self._rendered = 0
        self._is_replying = False
        self._was_sounding = False
        self._resampler = StreamResampler(sample_rate)
        self._reference = PlayedReference(sample_rate)

    @property
    def played_samples(self) -> int:
        """Samples of clips played so far."""
        self._advance()
        return self._played

    @property
    def queued_samples(self) -> int:
        """Samples of clips waiting to be played."""
        self._advance()
        return len(self._queue)

    async def play(self, clip: AudioClip) -> None:
        """Queues `clip`; waits while more than the allowed length is queued."""
        self._advance()
        self._is_replying = True
        self._queue.push(self._resampler.push(clip))
        while len(self._queue) > self._ahead:
            await asyncio.sleep((len(self._queue) - self._ahead) / self.sample_rate)
            self._advance()

    async def drain(self) -> None:
        """Waits until all that is queued has been played."""
        self._advance()
        self._queue.push(self._resampler.flush())
        self._is_replying = False
        while len(self._queue):
            await asyncio.sleep(max(HELD_S * self._is_held, len(self._queue) / self.sample_rate))
            self._advance()

    def gain(self, decibels: float) -> None:
        """Sets the level of what is played from now on."""
        self._advance()
        self._factor = 10.0 ** (decibels / 20.0)

    def hold(self, held: bool) -> None:
        """Falls silent in the middle of what is playing, or goes on from there."""
        self._advance()
        self._is_held = held

    def clear(self) -> int:
        """Drops what is queued; returns the samples that were never heard."""
        self._advance()
        self._resampler.reset()
        self._is_replying = False
        return self._queue.clear()

    def played(self, samples: int, *, captured_s: float | None = None) -> Waveform:
        """Takes the next `samples` at 16 kHz of what was played, up to `captured_s`."""
        self._advance()
        return self._reference.take(samples, late_s=passed_s(captured_s))

    def _advance(self) -> None:
        """Plays up to the present time."""
        now_s = asyncio.get_running_loop().time()
        if self._start_s is None:
            self._start_s = now_s
        due = round((now_s - self._start_s) * self.sample_rate) - self._rendered
        if due <= 0:
            return
        sound = self._queue.pop(0 if self._is_held else due)
        self._played += len(sound)
        silence = due - len(sound)
        if self._sink is None:
            # Nobody may have asked for minutes, and the reference needs no more than is heard.
            silence = min(silence, self.sample_rate)
        is_short = len(sound) < due and self._is_replying and not self._is_held
        if is_short and (len(sound) or self._was_sounding):
            self.underruns += 1
        self._was_sounding = len(sound) == due
        heard = np.concatenate(
            [sound * np.float32(self._factor), np.zeros(silence, dtype=np.float32)]
        )
        self._rendered += due
        self._reference.push(heard)
        if self._sink is not None:
            self._sink(heard)


def _end_s(frame: AudioFrame) -> float:
    return (frame.start_samples + len(frame.samples)) / SPEECH_RATE_HZ


async def _until(time_s: float) -> None:
    delay_s = time_s - asyncio.get_running_loop().time()
    if delay_s > 0.0:
        await asyncio.sleep(delay_s)
