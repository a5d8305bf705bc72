"""What one client may take of the server: idle connections, bodies, open files."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import ClassVar

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

FIRST_REQUEST_S = 10.0
"""A connection that has asked for nothing by then is closed."""
MOST_WAITING = 1_024
"""Connections that have asked for nothing yet; one more, and the oldest of them is closed."""
LARGEST_BODY = 256 * 1024
"""Bytes of a request; the page's own settings are far below, sound goes through the socket."""
LONGEST_BODY_S = 15.0
"""For that: who sends slower holds a connection open, as attacks do."""
OPEN_FILES = 8_192
LAST_WORDS_S = 10.0
"""How long a client may take to read what it was sent last."""


def impatient_http() -> type[H11Protocol]:
    """Returns uvicorn's HTTP protocol, without patience for connections that ask for nothing.

    Each call returns a class of its own, for one server.
    """

    class Impatient(H11Protocol):
        waiting: ClassVar[dict["Impatient", asyncio.TimerHandle]] = {}

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.waiting) >= MOST_WAITING:
                next(iter(self.waiting)).drop()
            self.waiting[self] = self.loop.call_later(FIRST_REQUEST_S, self.drop)

        def handle_events(self) -> None:
            super().handle_events()
            if self.headers:
                self.settle()

        def connection_lost(self, exc: Exception | None) -> None:
            self.settle()
            super().connection_lost(exc)

        def settle(self) -> None:
            timer = self.waiting.pop(self, None)
            if timer is not None:
                timer.cancel()

        def drop(self) -> None:
            self.settle()
            self.transport.abort()

    return Impatient


class ImpatientSocket(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, which a client that does not read cannot keep open."""

    async def run_asgi(self) -> None:
        """Serves the socket, then hangs up: soon, or at once where the client does not read."""
        await super().run_asgi()
        patience_s = LAST_WORDS_S if self.writable.is_set() else 0.0
        self.loop.call_later(patience_s, self.transport.abort)

    def shutdown(self) -> None:
        """Says goodbye and hangs up; a client that is leaving already is not told again."""
        try:
            super().shutdown()
        except InvalidState:
            self.transport.close()


class BodyLimit:
    """Reads the body of each request before the application sees it, up to a limit."""

    def __init__(self, app: ASGIApp, larger: Mapping[str, int] | None = None) -> None:
        """Guards `app`; `larger` names paths whose bodies may have more bytes than others."""
        self._app = app
        self._larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, or refuses its body."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        most = self._larger.get(scope["path"], LARGEST_BODY)
        length = Headers(scope=scope).get("content-length", "0")
        is_large = not length.isascii() or not length.isdigit() or int(length) > most
        body = None if is_large else await _read(receive, most)
        if body is None:
            refusal = PlainTextResponse(
                f"a request may have {most} bytes\n", 413, headers={"Connection": "close"}
            )
            await refusal(scope, receive, send)
            return
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_again() -> Message:
            return waiting.pop() if waiting else await receive()

        await self._app(scope, receive_again, send)


async def _read(receive: Receive, most: int) -> bytes | None:
    """Returns a whole body; None where it has more than `most` bytes or is too slow."""
    body = bytearray()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_BODY_S):
            while len(body) <= most:
                message = await receive()
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    return bytes(body) if len(body) <= most else None
    return None


def allow_open_files() -> None:
    """Lets the process have as many connections as the system allows, within reason."""
    try:
        import resource
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
