"""Microphone and speaker at the end of a socket."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import numpy as np

from assistant.audio.capture_clock import TimedFramer
from assistant.audio.file_devices import FileSpeaker
from assistant.audio.playout import SampleQueue, StreamResampler
from assistant.audio.utterance_buffer import UtteranceBuffer
from assistant.audio.waveform import SPEECH_RATE_HZ, AudioClip, AudioFrame, Waveform

LEAST_KEPT_S = 0.5
WAITING_FRAMES = 1_024
"""Frames that may wait for the ear; whoever pushes more waits (33 s at 512 samples)."""
LEAD_S = 0.02
"""A client's echo comes later than so: a network and two sound devices lie between. A clock that
runs a little faster than ours does not ask for what is not played yet."""
AHEAD_S = 8.0
"""Speech that is sent ahead of playback at most."""


class SocketMicrophone:
    """Frames from sound that arrives in pieces of any length; its clock is the sound's own."""

    def __init__(self, frame_samples: int) -> None:
        """Keeps hardly any sound until `keep_s` is raised."""
        self.dropped_frames = 0
        self.keep_s = LEAST_KEPT_S
        """Seconds of sound kept for turns that the client orders itself."""
        self._framer = TimedFramer(frame_samples)
        self._resampler = StreamResampler(SPEECH_RATE_HZ)
        self._frames: deque[AudioFrame] = deque()
        self._is_over = False
        self._changed = asyncio.Event()
        self._taken = asyncio.Event()
        self._played = SampleQueue()
        """What the client says that it played, in step with what waits in the framer."""
        self._played_resampler = StreamResampler(SPEECH_RATE_HZ)
        self._reports = False
        self._kept = UtteranceBuffer()
        self._received = 0
        self._cleared = 0
        self._appended_s = 0.0

    @property
    def kept_s(self) -> float:
        """Seconds of sound since the buffer was last cleared, as far as it is kept."""
        return (self._received - max(self._cleared, self._kept.start_samples)) / SPEECH_RATE_HZ

    @property
    def appended_s(self) -> float:
        """Seconds of sound that were sent since the buffer was last cleared."""
        return self._appended_s

    async def push(
        self, samples: Waveform, rate_hz: int, *, played: Waveform | None = None
    ) -> None:
        """Takes sound at `rate_hz`; waits while too much of it is not heard yet.

        Args:
            samples: Of the microphone.
            rate_hz: Their rate.
            played: What the client's loudspeaker played meanwhile, as many samples; None where the
                client does not say.
        """
        self._appended_s += len(samples) / rate_hz
        for start in range(0, len(samples), rate_hz):
            # A second at a time: others must not wait for somebody who sends minutes at once.
            piece = slice(start, start + rate_hz)
            reported = None if played is None else AudioClip(played[piece], rate_hz)
            await self._push(AudioClip(samples[piece], rate_hz), reported)
            await asyncio.sleep(0)

    async def _push(self, clip: AudioClip, played: AudioClip | None) -> None:
        self._reports = played is not None
        silence = AudioClip(np.zeros_like(clip.samples), clip.sample_rate)
        # Silence too is converted: a conversion begun later would hold back more, or less.
        self._played.push(self._played_resampler.push(played or silence))
        for frame in self._taken_in(self._resampler.push(clip)):
            while len(self._frames) >= WAITING_FRAMES and not self._is_over:
                self._taken.clear()
                await self._taken.wait()
            self._frames.append(frame)
            self._changed.set()

    def _taken_in(self, sound: Waveform) -> list[AudioFrame]:
        """Keeps 16 kHz sound; returns the frames that are full with it."""
        if len(sound):
            self._kept.append(sound, keep_s=self.keep_s)
            self._received += len(sound)
        frames = self._framer.push(sound, asyncio.get_running_loop().time())
        played = [self._played.pop(len(frame.samples)) for frame in frames]
        if not self._reports:
            return frames
        return [replace(f, played=p) for f, p in zip(frames, played, strict=True)]

    def settle(self) -> None:
        """Takes in what the conversion of rates holds back: up to 36 ms at 24 kHz."""
        self._played.push(self._played_resampler.flush())
        self._frames.extend(self._taken_in(self._resampler.flush()))
        self._changed.set()

    def take(self) -> Waveform:
        """Returns all sound that was sent since the buffer was last cleared, and clears it."""
        self.settle()
        sound = self._kept.cut(self._cleared, self._received)
        self.clear()
        return sound

    def clear(self) -> None:
        """Forgets all sound that was sent so far."""
        self.settle()
        self._cleared = self._received
        self._appended_s = 0.0

    def silence_waiting(self) -> None:
        """Makes silence of the frames that nobody heard yet; their time passes all the same."""
        self._frames = deque(replace(f, samples=np.zeros_like(f.samples)) for f in self._frames)

    def end(self) -> None:
        """The client is gone for good."""
        self._is_over = True
        self._changed.set()
        self._taken.set()

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Yields frames as they come in, until `end`."""
        while True:
            while self._frames:
                yield self._frames.popleft()
                self._taken.set()
            if self._is_over:
                return
            self._changed.clear()
            await self._changed.wait()


class SocketSpeaker(FileSpeaker):
    """Sends each clip at once and keeps the playback clock that the client should be keeping.

    The client plays what it gets without a pause; what it really played it can tell afterwards.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        send: Callable[[Waveform], None],
        sent: Callable[[], None],
        ducked: Callable[[float], None],
        held: Callable[[bool], None],
    ) -> None:
        """Starts silent.

        Args:
            sample_rate: Hz of what is sent.
            send: Gets the sound of a reply as it becomes ready.
            sent: Called when all of a reply has been sent.
            ducked: Called with the level in dB that the client should play at.
            held: Called with whether the client should fall silent, ready to go on.
        """
        super().__init__(sample_rate=sample_rate, ahead_s=AHEAD_S)
        self._is_listened_to = asyncio.Event()
        self._is_listened_to.set()
        self._send, self._sent, self._ducked, self._held = send, sent, ducked, held
        self._outgoing = StreamResampler(sample_rate)
        self._reference.lead_s = LEAD_S

    def change_rate(self, sample_rate: int) -> bool:
        """Sends at another rate from now on; False where something was played already."""
        if self.played_samples or self.queued_samples:
            return False
        self.__init__(
            sample_rate, send=self._send, sent=self._sent, ducked=self._ducked, held=self._held
        )
        return True

    def listened_to(self, is_there: bool) -> None:
        """The client is gone, and what comes waits for it; or it is back."""
        if is_there:
            self._is_listened_to.set()
        else:
            self._is_listened_to.clear()

    async def play(self, clip: AudioClip) -> None:
        """Sends `clip`; waits while the client is away, or has more than enough to play."""
        await self._is_listened_to.wait()
        sound = self._outgoing.push(clip)
        self._send(sound)
        await super().play(AudioClip(sound, self.sample_rate))

    async def drain(self) -> None:
        """Ends a reply: all is sent; waits until it has been played."""
        await self._is_listened_to.wait()
        rest = self._outgoing.flush()
        if len(rest):
            self._send(rest)
            await super().play(AudioClip(rest, self.sample_rate))
        self._sent()
        await super().drain()

    def gain(self, decibels: float) -> None:
        """Asks the client to duck or to restore."""
        super().gain(decibels)
        self._ducked(decibels)

    def hold(self, held: bool) -> None:
        """Asks the client to fall silent, or to go on."""
        super().hold(held)
        self._held(held)

    def clear(self) -> int:
        """Drops what the client has not played; returns how many samples that were."""
        self._outgoing.reset()
        return super().clear()
