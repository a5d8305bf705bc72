"""Who may speak to the server at all: names it answers to, pages that may call it, a password."""

import base64
import binascii
import hmac
import time
from collections import OrderedDict
from secrets import token_urlsafe
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.realtime.hosting.secrets import ClientSecrets

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
COOKIE = "attune"
SOCKET = "/v1/realtime"
READY = "/ready"
"""Tells anybody whether visitors may be sent here, and no more: a balancer has no password."""
MOST_FAILURES = 20
"""Wrong passwords from one address within `FORGIVEN_S`; then nothing is compared any more."""
FORGIVEN_S = 60.0
MOST_ADDRESSES = 10_000
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self' data:; worker-src 'self' blob:; "
    "frame-ancestors 'self' https://huggingface.co; base-uri 'self'; object-src 'none'"
)
"""Content security: the page loads nothing from elsewhere and sends nothing elsewhere."""


class Guard:
    """Outermost layer of the server, for pages and sockets alike."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: frozenset[str],
        password: str | None,
        secrets: ClientSecrets | None = None,
    ) -> None:
        """Guards `app`.

        Args:
            app: The server.
            hosts: Names by which it may be called, without port.
            password: `USER:PASSWORD` that every request must bring; None asks for none.
            secrets: Keys that open the realtime socket, and nothing else, in its place.
        """
        self._app = app
        self._hosts = hosts
        self._password = password
        self._secrets = secrets or ClientSecrets()
        self._cookie = token_urlsafe(32)
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request or socket, or refuses it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if (refusal := self._refusal(scope, headers)) is not None:
            await _refuse(scope, receive, send, *refusal)
            return
        is_new = self._password is not None and not self._has_cookie(headers)
        # Who was let in without a password gets nothing that would stand for one.
        is_new = is_new and scope["path"] != READY
        await self._app(scope, receive, self._with_headers(send, cookie=is_new))

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if _name(host) not in self._hosts:
            return 421, "this server does not answer to that name (see --hosts)"
        origin = headers.get("origin")
        if origin is not None and not self._is_own(origin, host):
            return 403, "pages of other sites may not use this server"
        is_open = self._password is None or scope["path"] == READY
        if is_open or self._has_cookie(headers):
            return None
        address = (scope.get("client") or ("",))[0]
        if self._fails_often(address):
            return 429, "too many wrong passwords: wait a minute"
        given = credentials(headers)
        if given is not None and (self._matches(given) or self._opens(scope, given)):
            return None
        if given is not None:
            self._failures.setdefault(address, []).append(time.monotonic())
        return 401, "a password is needed"

    def _is_own(self, origin: str, host: str) -> bool:
        parts = urlsplit(origin)
        return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()

    def _matches(self, given: str) -> bool:
        expected = self._password or ""
        whole = hmac.compare_digest(given.encode(), expected.encode())
        alone = hmac.compare_digest(given.encode(), expected.partition(":")[2].encode())
        return whole or alone

    def _opens(self, scope: Scope, given: str) -> bool:
        """Whether a key for a while opens what is asked for."""
        is_socket = scope["type"] == "websocket" and scope["path"] == SOCKET
        return is_socket and self._secrets.find(given) is not None

    def _has_cookie(self, headers: Headers) -> bool:
        cookies = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
        return any(
            name == COOKIE and hmac.compare_digest(value.encode(), self._cookie.encode())
            for name, _, value in cookies
        )

    def _fails_often(self, address: str) -> bool:
        since = time.monotonic() - FORGIVEN_S
        recent = [moment for moment in self._failures.pop(address, []) if moment > since]
        if recent:
            self._failures[address] = recent
        while len(self._failures) > MOST_ADDRESSES:
            self._failures.popitem(last=False)
        return len(recent) >= MOST_FAILURES

    def _with_headers(self, send: Send, *, cookie: bool) -> Send:
        added = [
            (b"content-security-policy", POLICY.encode()),
            (b"x-content-type-options", b"nosniff"),
            # Other sites learn nothing. With no-referrer browsers send forms as from "null".
            (b"referrer-policy", b"same-origin"),
        ]
        if cookie:
            value = f"{COOKIE}={self._cookie}; Path=/; HttpOnly; SameSite=Strict"
            added.append((b"set-cookie", value.encode()))

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        return sending


def _name(host: str) -> str:
    """Returns a `Host` header without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def credentials(headers: Headers) -> str | None:
    """Returns what a client offers: `USER:PASSWORD`, or a key alone."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError):
            return ""
    marker = "openai-insecure-api-key."
    for offered in headers.get("sec-websocket-protocol", "").split(","):
        if offered.strip().startswith(marker):
            return offered.strip().removeprefix(marker)
    return None


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, text: str) -> None:
    headers = {"WWW-Authenticate": 'Basic realm="Attune"'} if status == 401 else {}
    response = PlainTextResponse(f"{text}\n", status, headers=headers)
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get(
        "extensions", {}
    ):
        await send({"type": "websocket.close", "code": 1008, "reason": text})
        return
    await response(scope, receive, send)
