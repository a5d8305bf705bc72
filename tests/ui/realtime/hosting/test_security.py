"""Who may reach the server: names, origins, passwords; pages and sockets alike."""

import base64
from typing import Any

import pytest

from assistant.errors import SettingsError
from ui.realtime.hosting.security import LOOPBACK, MOST_FAILURES, Guard
from ui.web.server import check_exposure

PASSWORD = "anna:correct horse"


async def answer(
    guard: Guard, headers: dict[str, str], *, kind: str = "http"
) -> tuple[int, dict[str, str]]:
    """Returns status and headers of a request; 101 stands for an open socket."""
    scope: dict[str, Any] = {
        "type": kind,
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "client": ("10.0.0.9", 5),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    await guard(scope, receive, send)
    first = sent[0]
    if first["type"] == "websocket.close":
        return 403, {}
    if first["type"] == "websocket.accept":
        return 101, {}
    return first["status"], {k.decode(): v.decode() for k, v in first["headers"]}


async def hello(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def guard(password: str | None = None) -> Guard:
    return Guard(hello, hosts=LOOPBACK, password=password)


@pytest.mark.parametrize("host", ["localhost:7860", "127.0.0.1:7860", "[::1]:7860", "LOCALHOST"])
async def test_this_computer_is_answered(host: str) -> None:
    assert (await answer(guard(), {"Host": host}))[0] == 200
    own = {"Host": host, "Origin": f"http://{host}"}
    assert (await answer(guard(), own, kind="websocket"))[0] == 101


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "10.0.0.1:7860"])
async def test_other_names_are_not_answered(host: str) -> None:
    assert (await answer(guard(), {"Host": host}))[0] == 421
    assert (await answer(guard(), {"Host": host}, kind="websocket"))[0] == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:1", "file://localhost:7860"]
)
async def test_pages_of_other_sites_cannot_reach_it(origin: str) -> None:
    headers = {"Host": "localhost:7860", "Origin": origin}
    assert (await answer(guard(), headers))[0] == 403
    assert (await answer(guard(), headers, kind="websocket"))[0] == 403


async def test_a_password_guards_every_route_and_socket() -> None:
    protected = guard(PASSWORD)
    status, headers = await answer(protected, {"Host": "localhost"})
    assert status == 401
    assert "basic" in headers["www-authenticate"].lower()
    assert (await answer(protected, {"Host": "localhost"}, kind="websocket"))[0] == 403
    given = base64.b64encode(PASSWORD.encode()).decode()
    status, headers = await answer(
        protected, {"Host": "localhost", "Authorization": f"Basic {given}"}
    )
    assert status == 200
    cookie = headers["set-cookie"].partition(";")[0]
    assert "HttpOnly" in headers["set-cookie"]
    for extra in (
        {"Cookie": cookie},
        {"Authorization": "Bearer correct horse"},
        {"Sec-WebSocket-Protocol": "realtime, openai-insecure-api-key.correct horse"},
    ):
        assert (await answer(protected, {"Host": "localhost", **extra}, kind="websocket"))[0] == 101
    for wrong in (
        {"Cookie": "attune=x"},
        {"Authorization": "Basic ü"},
        {"Authorization": "Bearer"},
    ):
        encoded = {k: v.encode().decode("latin-1") for k, v in wrong.items()}
        assert (await answer(protected, {"Host": "localhost", **encoded}))[0] == 401


async def test_guessing_passwords_is_slowed() -> None:
    protected = guard(PASSWORD)
    wrong = {"Host": "localhost", "Authorization": "Bearer wrong"}
    answers = [(await answer(protected, wrong))[0] for _ in range(MOST_FAILURES + 1)]
    assert answers == [401] * MOST_FAILURES + [429]
    right = {"Host": "localhost", "Authorization": "Bearer correct horse"}
    assert (await answer(protected, right))[0] == 429


async def test_pages_may_load_nothing_from_elsewhere() -> None:
    _, headers = await answer(guard(), {"Host": "localhost"})
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")
    # Sockets too: the page's own is of the same origin.
    assert "connect-src 'self';" in policy


def test_other_computers_need_a_password() -> None:
    check_exposure("127.0.0.1", None)
    check_exposure("0.0.0.0", PASSWORD)
    with pytest.raises(SettingsError, match="ATTUNE_AUTH"):
        check_exposure("0.0.0.0", None)
    with pytest.raises(SettingsError, match="at least 8"):
        check_exposure("0.0.0.0", "anna:short")
