"""A room at the end of a network: its sound comes in bursts, late, by another clock, or not at all.

The client is what the page is: it plays what was sent once a little of it is there, obeys a moment
later, and sends each frame of its microphone, with or without what its loudspeaker played then.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from assistant.audio.playout import SampleQueue
from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from benchmarks.rooms.room import Room
from ui.realtime.devices import SocketMicrophone, SocketSpeaker

FRAME = 512
JITTER_S = 0.06
"""Sound that a client has in hand before it begins to play."""


@dataclass(frozen=True, slots=True)
class NetworkPath:
    """The way between server and client, and what the client tells."""

    delay_ms: float = 20.0
    """Each way, at least."""
    stall_ms: float = 0.0
    """Once a second nothing comes through for up to so long, then all at once."""
    loss_every_s: float = 0.0
    """So often `loss_ms` of the microphone never come; 0 for never."""
    loss_ms: float = 96.0
    drift_ppm: float = 0.0
    """By which the client's clock is slower than the server's."""
    reports: bool = True
    """Whether the client says what its loudspeaker played."""

    def __str__(self) -> str:
        parts = [f"{self.delay_ms:g} ms away"]
        parts += [f"stalls up to {self.stall_ms:g} ms"] if self.stall_ms else []
        lost = f"loses {self.loss_ms:g} ms every {self.loss_every_s:g} s"
        parts += [lost] if self.loss_every_s else []
        parts += [f"clock {self.drift_ppm:g} ppm"] if self.drift_ppm else []
        return ", ".join([*parts, "reports" if self.reports else "reports nothing"])


class DistantRoom:
    """A client in a room, and the server's two ends of its socket; `run` lives through it."""

    def __init__(
        self, people: Waveform, room: Room, line: NetworkPath, *, noise_db: float = -60.0
    ) -> None:
        """Takes what people say in the room, 16 kHz, as long as it is to be run."""
        self.microphone = SocketMicrophone(FRAME)
        self.speaker = _Speaker(self)
        self._people, self._room, self._line = people, room, line
        self._noise = np.random.default_rng(0)
        self._noise_level = 10 ** (noise_db / 20)
        self._queue = SampleQueue()
        self._is_started, self._is_ended, self._is_held, self._gain = False, False, False, 1.0
        self._down = _Way(line, seed=1)
        self._up = _Way(line, seed=2)

    def told(self, act: Callable[[], None]) -> None:
        """Lets the client act on a message as soon as it reaches it."""
        asyncio.get_running_loop().call_at(self._down.arrives_s(), act)

    def take(self, sound: Waveform) -> None:
        """Queues sound of an answer."""
        self._queue.push(sound)
        self._is_ended = False

    def end(self) -> None:
        """All of an answer is there."""
        self._is_ended = True

    def duck(self, decibels: float) -> None:
        """Plays softer."""
        self._gain = 10 ** (decibels / 20)

    def hold(self, held: bool) -> None:
        """Falls silent, or goes on."""
        self._is_held = held

    def flush(self) -> None:
        """Drops what is queued."""
        self._queue.clear()
        self._is_started = False

    async def run(self) -> None:
        """Plays and listens until `people` have said all, then hangs up."""
        loop = asyncio.get_running_loop()
        start_s, frame_s = loop.time(), FRAME / SPEECH_RATE_HZ * (1.0 + self._line.drift_ppm * 1e-6)
        sending: asyncio.Queue[tuple[float, Waveform, Waveform] | None] = asyncio.Queue()
        sender = asyncio.create_task(self._send(sending))
        for number in range(len(self._people) // FRAME):
            await asyncio.sleep(start_s + (number + 1) * frame_s - loop.time())
            played = self._render()
            self._room.play(played)
            heard = self._people[number * FRAME : (number + 1) * FRAME] + self._room.echo(FRAME)
            heard = heard + self._noise_level * self._noise.standard_normal(FRAME)
            if not self._is_lost(number * FRAME / SPEECH_RATE_HZ):
                frame = np.clip(heard, -1.0, 1.0).astype(np.float32)
                sending.put_nowait((self._up.arrives_s(), frame, played))
        sending.put_nowait(None)
        await sender
        self.microphone.end()

    async def _send(
        self, sending: "asyncio.Queue[tuple[float, Waveform, Waveform] | None]"
    ) -> None:
        loop = asyncio.get_running_loop()
        while (sent := await sending.get()) is not None:
            at_s, frame, played = sent
            await asyncio.sleep(max(0.0, at_s - loop.time()))
            reported = played if self._line.reports else None
            await self.microphone.push(frame, SPEECH_RATE_HZ, played=reported)

    def _is_lost(self, at_s: float) -> bool:
        every_s = self._line.loss_every_s
        return bool(every_s) and at_s >= every_s and at_s % every_s < self._line.loss_ms / 1_000

    def _render(self) -> Waveform:
        has_enough = len(self._queue) >= JITTER_S * SPEECH_RATE_HZ or self._is_ended
        if not self._is_started and len(self._queue) and has_enough:
            self._is_started = True
        if self._is_held or not self._is_started:
            return np.zeros(FRAME, dtype=np.float32)
        sound = self._queue.pop(FRAME)
        if self._is_ended and not len(self._queue):
            self._is_started = False
        return (self._gain * np.pad(sound, (0, FRAME - len(sound)))).astype(np.float32)


class _Way:
    """One direction of a line: in order, and nothing while it stalls."""

    def __init__(self, line: NetworkPath, *, seed: int) -> None:
        self._line = line
        self._random = random.Random(seed)
        self._stalls: list[tuple[float, float]] = []
        self._last_s = 0.0

    def arrives_s(self) -> float:
        """Returns when what is sent now arrives, on the event loop's clock."""
        at_s = asyncio.get_running_loop().time() + self._line.delay_ms / 1_000
        while len(self._stalls) <= at_s:
            begin_s = len(self._stalls) + self._random.random()
            lasts_s = self._random.uniform(0.0, self._line.stall_ms / 1_000)
            self._stalls.append((begin_s, begin_s + lasts_s))
        for begin_s, end_s in self._stalls[max(0, int(at_s) - 1) :]:
            if begin_s <= at_s < end_s:
                at_s = end_s
        # a little later than the one before: a heap does not keep the order of equals
        self._last_s = max(self._last_s + 1e-6, at_s)
        return self._last_s


class _Speaker(SocketSpeaker):
    def __init__(self, room: DistantRoom) -> None:
        super().__init__(
            SPEECH_RATE_HZ,
            send=lambda sound: room.told(lambda: room.take(sound)),
            sent=lambda: room.told(room.end),
            ducked=lambda decibels: room.told(lambda: room.duck(decibels)),
            held=lambda held: room.told(lambda: room.hold(held)),
        )
        self._flush = lambda: room.told(room.flush)

    def clear(self) -> int:
        self._flush()
        return super().clear()
