"""What waits to be sent to one client: bounded, so that nobody who never reads costs much."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable

from ui.realtime.protocol.messages import Json, new_id

MOST_BYTES = 8 * 1024 * 1024
"""Of events that wait; a client that is further behind has stopped reading."""
SEND_TIMEOUT_S = 20.0
"""For one message: a phone that changes its network takes seconds; who takes longer is gone."""


class ClientStalled(Exception):
    """The client does not take what is sent to it."""


class Outbox:
    """Events on their way to a client."""

    def __init__(self, *, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._waiting: deque[str] = deque()
        self._bytes = 0
        self._is_open = False
        self._has_overflowed = False
        self._changed = asyncio.Event()

    def open(self) -> None:
        """A client is there; until then, and after `close`, events are dropped."""
        self._is_open = True
        self._has_overflowed = False

    def close(self) -> None:
        """The client is gone: drops what waits."""
        self._is_open = False
        self._waiting.clear()
        self._bytes = 0

    def put(self, event: Json) -> None:
        """Queues an event and gives it an id."""
        if not self._is_open or self._has_overflowed:
            return
        message = json.dumps({"event_id": new_id("event"), **event}, ensure_ascii=False)
        self._bytes += len(message)
        self._has_overflowed = self._bytes > self._most_bytes
        self._waiting.append(message)
        self._changed.set()

    async def pump(self, send: Callable[[str], Awaitable[None]]) -> None:
        """Sends what is queued, for ever.

        Raises:
            ClientStalled: Too much waits, or a message could not be sent in time.
        """
        while True:
            while self._waiting:
                if self._has_overflowed:
                    raise ClientStalled
                message = self._waiting.popleft()
                self._bytes -= len(message)
                try:
                    async with asyncio.timeout(SEND_TIMEOUT_S):
                        await send(message)
                except TimeoutError:
                    raise ClientStalled from None
            self._changed.clear()
            await self._changed.wait()
