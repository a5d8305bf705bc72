"""A session driven without a socket, on a virtual clock: messages in, events out."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from assistant import events
from assistant.audio.waveform import Waveform
from assistant.clock import replay
from tests.ui.serving import pcm, resident
from ui.realtime.hosting.engines import Resident
from ui.realtime.session import Session


class Client:
    """One client of a session that has been attached to it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.seen: list[dict[str, Any]] = []
        self.happened: list[events.Event] = []
        self._read = 0
        self._came = asyncio.Event()

    async def take(self, message: str) -> None:
        self.seen.append(json.loads(message))
        self._came.set()

    async def send(self, kind: str, **fields: Any) -> None:
        await self.session.receive(json.dumps({"type": kind, **fields}))

    async def speak(self, sound: Waveform) -> None:
        """Sends 16 kHz sound at the pace at which it is spoken."""
        await self.update(audio={"input": {"format": {"type": "audio/pcm", "rate": 16_000}}})
        await self.send_sound(sound)

    async def send_sound(self, sound: Waveform) -> None:
        """The same in a session that takes 16 kHz already."""
        for start in range(0, len(sound), 512):
            await self.send("input_audio_buffer.append", audio=pcm(sound[start : start + 512]))
            await asyncio.sleep(512 / 16_000)

    async def update(self, **session: Any) -> dict[str, Any]:
        """Changes the session; returns it, or the error."""
        await self.send("session.update", session=session)
        return (await self.until("session.updated", "error"))[-1]

    async def until(self, *kinds: str) -> list[dict[str, Any]]:
        """Returns the events since the last call up to the first one of `kinds`."""
        start = self._read
        while True:
            while self._read < len(self.seen):
                self._read += 1
                if self.seen[self._read - 1]["type"] in kinds:
                    return self.seen[start : self._read]
            self._came.clear()
            await self._came.wait()

    async def until_floor(self, floor: str) -> None:
        """Waits until the view says who has the floor."""
        while (await self.until("attune.view"))[-1]["change"].get("floor") != floor:
            pass

    async def error(self) -> dict[str, Any]:
        return (await self.until("error"))[-1]["error"]


def drive(act: Callable[[Client], Awaitable[None]], engines: Resident | None = None) -> Client:
    """Holds a conversation with `act` as its client; returns the client."""
    engines = engines or resident()
    clients: list[Client] = []

    async def main() -> None:
        happened: list[events.Event] = []
        session = Session(engines, observer=happened.append)
        client = Client(session)
        client.happened = happened
        clients.append(client)
        session.attach()
        pumping = asyncio.ensure_future(session.outbox.pump(client.take))
        running = asyncio.ensure_future(session.run())
        try:
            await client.until("session.created")
            await act(client)
        finally:
            session.end()
            await running
            pumping.cancel()

    workers = [engines.ear_worker, engines.model_worker, engines.voice_worker]
    try:
        replay(main(), workers=workers)
    finally:
        engines.close()
    return clients[0]
