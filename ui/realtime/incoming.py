"""What a client sends, read from its first message on and kept until its conversation is there."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable
from typing import Any, TypeVar, cast

from fastapi import WebSocket, WebSocketDisconnect

from ui.realtime.protocol.messages import error_event

T = TypeVar("T")
MOST_KEPT_BYTES = 2 * 1024 * 1024
"""Of messages that wait for the conversation: settings, and half a minute of sound."""
MOST_KEPT = 4_096


class Incoming:
    """The messages of one client in their order."""

    def __init__(self, socket: WebSocket) -> None:
        """Reads nothing until it is asked to."""
        self._socket = socket
        self._kept: deque[str | bytes] = deque()
        self._bytes = 0
        self._has_told = False
        self._code: int | None = None

    @property
    def has_left(self) -> bool:
        """Whether the client is known to be gone."""
        return self._code is not None

    async def while_waiting(self, work: Awaitable[T]) -> T:
        """Returns what `work` comes to; keeps what the client sends meanwhile.

        Raises:
            WebSocketDisconnect: The client left, and `work` is given up. Where both happen at
                once `work` is done: see `has_left`.
        """
        working = asyncio.ensure_future(work)
        listening = asyncio.ensure_future(self._listen())
        try:
            await asyncio.wait({working, listening}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise WebSocketDisconnect(listening.result())
        finally:
            for task in (working, listening):
                task.cancel()
            await asyncio.gather(working, listening, return_exceptions=True)

    async def next(self) -> str | bytes | int:
        """Returns the next message, or the code with which the client closed."""
        if self._kept:
            return self._kept.popleft()
        return await self._receive() if self._code is None else self._code

    async def _listen(self) -> int:
        """Keeps messages until the client leaves; returns the code with which it closed."""
        while not isinstance(message := await self._receive(), int):
            if self._bytes + len(message) > MOST_KEPT_BYTES or len(self._kept) >= MOST_KEPT:
                await self._refuse(message)
                continue
            self._bytes += len(message)
            self._kept.append(message)
        return message

    async def _receive(self) -> str | bytes | int:
        message = cast(dict[str, Any], await self._socket.receive())
        if message["type"] == "websocket.disconnect":
            self._code = int(message.get("code") or 1005)
            return self._code
        return message.get("text") or message.get("bytes") or ""

    async def _refuse(self, message: str | bytes) -> None:
        """Says that a message is lost: of sound once, of anything else each time."""
        kind, event_id = _name(message)
        if kind == "input_audio_buffer.append" and self._has_told:
            return
        self._has_told = self._has_told or kind == "input_audio_buffer.append"
        await self._socket.send_json(
            error_event(
                f"the conversation has not begun, and {MOST_KEPT_BYTES // 1024} KiB wait for it: "
                f"{kind} was not kept, send it again after session.created",
                code="not_begun",
                event_id=event_id,
            )
        )


def _name(message: str | bytes) -> tuple[str, str | None]:
    """Returns type and id of an event, as far as it has any."""
    try:
        event = json.loads(message)
    except (ValueError, RecursionError):
        return "the message", None
    if not isinstance(event, dict):
        return "the message", None
    fields = cast(dict[str, Any], event)
    event_id = fields.get("event_id")
    return str(fields.get("type"))[:80], event_id if isinstance(event_id, str) else None
