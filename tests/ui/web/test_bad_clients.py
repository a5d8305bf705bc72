"""Clients that mean harm, at a real server; beside each of them somebody else is still answered."""

import asyncio
import json
import socket
import struct
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.ui.calling import Line, line, read
from tests.ui.serving import resident, serving, spoken
from ui.realtime.hosting.admission import AdmissionSettings
from ui.realtime.protocol.messages import LARGEST_EVENT_BYTES
from ui.web.limits import LARGEST_BODY
from ui.web.server import Site

SCRIPT = "<script>alert(1)</script>"
Server = tuple[str, Site]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    # However slow the machine is: it is not latency that is looked at here.
    admission = AdmissionSettings(most=8, line=4, budget_ms=60_000, most_load=100)
    with serving(resident(), admission=admission) as found:
        yield found


@contextmanager
def answered(host: str) -> Generator[None]:
    """Somebody else talks before, during and after: each turn gets its answer."""
    with line(host) as other:
        assert reply(other, "before") == "completed"
        yield
        assert reply(other, "after") == "completed"


def reply(client: Line, text: str) -> str:
    client.say(text)
    return client.until("response.done")["response"]["status"]


def raw(host: str) -> socket.socket:
    name, _, port = host.rpartition(":")
    return socket.create_connection((name, int(port)), timeout=60)


def status(connection: socket.socket) -> int:
    """Returns the status of the answer that comes."""
    return int(connection.makefile("rb").readline().split()[1])


def is_closed(connection: socket.socket) -> bool:
    """Whether the server hangs up, whatever it sends before."""
    try:
        while connection.recv(65_536):
            pass
    except ConnectionError:
        return True
    return True


def upgraded(host: str, *, receive_bytes: int) -> socket.socket:
    """Returns a socket after the handshake that has hardly any room for what it is sent."""
    name, _, port = host.rpartition(":")
    connection = socket.socket()
    connection.settimeout(60)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.connect((name, int(port)))
    connection.sendall(
        f"GET /v1/realtime HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    assert connection.recv(12) == b"HTTP/1.1 101"
    return connection


def frame(event: dict[str, Any]) -> bytes:
    """Returns a masked text frame; the mask is zero."""
    data = json.dumps(event).encode()
    head = struct.pack("!BBH", 0x81, 0x80 | 126, len(data)) if len(data) > 125 else None
    return (head or struct.pack("!BB", 0x81, 0x80 | len(data))) + bytes(4) + data


def test_a_client_that_never_reads_is_hung_up_on(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, site = server
    monkeypatch.setattr("ui.realtime.outbox.SEND_TIMEOUT_S", 1.0)
    text = "a" * 3_900
    item = {
        "id": "mine",
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": text}],
    }
    stalled = site.conversations.metrics.stalled
    with answered(host), upgraded(host, receive_bytes=4_096) as deaf:
        deaf.sendall(frame({"type": "conversation.item.create", "item": item}))
        question = frame({"type": "conversation.item.retrieve", "item_id": "mine"})
        with pytest.raises(ConnectionError):
            for _ in range(30):
                deaf.sendall(100 * question)
            while True:
                deaf.sendall(question)
                time.sleep(0.05)
    assert site.conversations.metrics.stalled == stalled + 1
    until_active(site, 0)


def until_active(site: Site, count: int) -> None:
    until_s = time.monotonic() + 60.0
    while site.conversations.gate.active > count and time.monotonic() < until_s:
        time.sleep(0.05)
    assert site.conversations.gate.active == count


def storm(host: str, connections: int, *, batch: int) -> None:
    """Opens sockets that never ask for anything, some hundreds at a time, and leaves them open."""
    held: list[socket.socket] = []
    try:
        for number in range(connections):
            held.append(raw(host))
            if len(held) > batch:
                held.pop(0).close()
            if number % 200 == 199:
                assert json.loads(read(host, "/health"))["status"] == "ok"
        with line(host) as late:
            assert reply(late, "in the storm") == "completed"
    finally:
        for connection in held:
            connection.close()


def test_a_storm_of_connections(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    host, _ = server
    monkeypatch.setattr("ui.web.limits.MOST_WAITING", 100)
    with answered(host):
        storm(host, 400, batch=300)


@pytest.mark.slow
def test_ten_thousand_connections(server: Server) -> None:
    host, _ = server
    with answered(host):
        storm(host, 10_000, batch=400)


def test_a_storm_of_talks(server: Server) -> None:
    host, site = server

    async def knock() -> str:
        from websockets.asyncio.client import connect

        async with connect(f"ws://{host}/v1/realtime", open_timeout=60) as client:
            event = json.loads(await client.recv())
            return event.get("error", {}).get("code", event["type"])

    async def all_at_once() -> list[str]:
        return list(await asyncio.gather(*(knock() for _ in range(300))))

    with answered(host):
        told = asyncio.run(all_at_once())
        assert set(told) <= {"session.created", "no_capacity"}
        assert "session.created" in told
    until_active(site, 0)
    assert site.conversations.gate.waiting == 0


def test_connections_that_ask_for_nothing_are_closed(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, _ = server
    monkeypatch.setattr("ui.web.limits.FIRST_REQUEST_S", 0.2)
    with answered(host), raw(host) as silent, raw(host) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert is_closed(silent)
        assert is_closed(slow)


@pytest.mark.parametrize("path", ["/", "/v1/realtime", "/health", "/attune/offers"])
def test_an_upload_of_two_gigabytes(server: Server, path: str) -> None:
    host, _ = server
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: audio/wav\r\n".encode()
    with answered(host):
        with raw(host) as claimed:
            claimed.sendall(head + b"Content-Length: 2147483648\r\n\r\n" + bytes(1_000))
            assert status(claimed) == 413
        with raw(host) as streamed, pytest.raises(ConnectionError):
            streamed.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
            for _ in range(2 * 1024**3 // LARGEST_BODY):
                streamed.sendall(f"{LARGEST_BODY:x}\r\n".encode() + bytes(LARGEST_BODY) + b"\r\n")


def test_a_body_that_never_ends(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    host, _ = server
    monkeypatch.setattr("ui.web.limits.LONGEST_BODY_S", 0.2)
    with answered(host), raw(host) as slow:
        slow.sendall(f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9\r\n\r\n1".encode())
        assert status(slow) == 413


def test_a_message_that_unpacks_to_far_more(server: Server) -> None:
    host, _ = server
    with answered(host), line(host, compression="deflate") as client:
        client.until("session.created")
        # Packing is not offered, so that nothing unpacks here.
        assert client.socket.protocol.extensions == []
        with pytest.raises(ConnectionClosed):
            client.send("x", fill="a" * (LARGEST_EVENT_BYTES + 200_000))
            client.until("never")


def test_minutes_of_sound_in_one_message(server: Server) -> None:
    host, _ = server
    with answered(host), line(host) as flood, line(host) as other:
        flood.send("input_audio_buffer.append", audio=spoken(0.5, tail_s=200.0))
        assert reply(other, "meanwhile") == "completed"
        assert flood.until("response.done")["response"]["status"] == "completed"


@pytest.mark.parametrize("audio", ["A", "!!", 7, None, [SCRIPT], {"a": "b"}])
def test_frames_that_are_no_sound(server: Server, audio: object) -> None:
    host, _ = server
    with answered(host), line(host) as client:
        client.send("input_audio_buffer.append", audio=audio)
        assert client.until("error")["error"]["code"] == "invalid_value"
        assert reply(client, "and now in words") == "completed"


def test_two_answers_at_once(server: Server) -> None:
    host, _ = server
    with answered(host), line(host) as client:
        client.say("one")
        client.say("two")
        client.say("three")
        codes = {client.until("error")["error"]["code"] for _ in range(2)}
        assert codes == {"conversation_already_has_active_response"}
        assert client.until("response.done")["response"]["status"] == "completed"


def test_script_in_every_field(server: Server) -> None:
    host, _ = server
    fields: list[dict[str, Any]] = [
        {"model": SCRIPT},
        {"instructions": SCRIPT},
        {"audio": {"output": {"voice": SCRIPT}}},
        {"attune": {"policy": SCRIPT}},
        {SCRIPT: SCRIPT},
    ]
    with answered(host), line(host, f"?model={SCRIPT}&session={SCRIPT}") as client:
        assert client.until("session.created")["session"]["model"] == "mini"
        for field in fields:
            client.send("session.update", session=field)
            client.until("session.updated", "error")
        client.send(SCRIPT)
        client.send("attune.emotion.correct", turn=SCRIPT, emotion=SCRIPT)
        client.send("attune.transcript.request", format=SCRIPT)
        for _ in range(3):
            assert client.until("error")["error"]["code"] != "session_failed"
        assert reply(client, SCRIPT) == "completed"
        assert SCRIPT not in read(host, "/metrics") + read(host, "/health")


def test_half_a_character(server: Server) -> None:
    host, _ = server
    with answered(host), line(host) as client:
        client.say("\ud800")
        assert "half a character" in client.until("error")["error"]["message"]
        assert reply(client, "whole \U0001f600") == "completed"


@pytest.mark.parametrize(
    "path",
    [
        "/attune/static/../web.py",
        "/attune/static/..%2fweb.py",
        "/attune/static/%2e%2e/%2e%2e/pyproject.toml",
        "/attune/static//etc/passwd",
        "/../../etc/passwd",
    ],
)
def test_a_path_in_a_name(server: Server, path: str) -> None:
    host, _ = server
    with raw(host) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert status(connection) in (400, 404)
