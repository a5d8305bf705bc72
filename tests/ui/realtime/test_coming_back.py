"""Connections that die, wait and come back: the newest has the talk, and nothing sent is lost."""

import base64
import contextlib
import os
import socket
import time
from collections.abc import Iterator

import pytest

from tests.ui.calling import line
from tests.ui.serving import resident, serving
from ui.realtime.hosting.admission import AdmissionSettings
from ui.realtime.incoming import MOST_KEPT_BYTES
from ui.web.server import Site


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Site]]:
    with serving(resident(), admission=AdmissionSettings(most=2, line=4)) as found:
        yield found


@contextlib.contextmanager
def dead_line(host: str, query: str) -> Iterator[socket.socket]:
    """A connection whose network is gone: it neither reads nor closes."""
    name, port = host.split(":")
    with socket.create_connection((name, int(port))) as raw:
        key = base64.b64encode(os.urandom(16)).decode()
        raw.sendall(
            f"GET /v1/realtime{query} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += raw.recv(1)
        yield raw


def begun(host: str) -> str:
    """Begins a talk whose connection breaks off; returns its id."""
    with line(host, "?keep=1") as first:
        name = str(first.until("session.created")["session"]["id"])
        first.socket.close(1001)
    return name


@pytest.mark.parametrize("tries", [1, 2, 4])
@pytest.mark.parametrize("pause_s", [0.0, 0.05])
def test_the_newest_connection_has_the_talk(
    server: tuple[str, Site], tries: int, pause_s: float
) -> None:
    host, site = server
    name = begun(host)
    query = f"?keep=1&session={name}"
    with contextlib.ExitStack() as opened:
        opened.enter_context(dead_line(host, query))
        time.sleep(0.2)
        for _ in range(tries):
            # The page tries again, and that connection is cut as well.
            with dead_line(host, query):
                time.sleep(pause_s)
        with line(host, query) as newest:
            assert newest.until("session.created")["session"]["id"] == name
            time.sleep(1.5)
            newest.say("Are you there?")
            assert newest.until("response.done", "error")["type"] == "response.done"
            newest.socket.close(1000)
    until_s = time.monotonic() + 20.0
    while site.conversations.gate.active and time.monotonic() < until_s:
        time.sleep(0.05)
    assert site.conversations.gate.active == 0


@pytest.mark.parametrize("closes", [True, False])
def test_who_is_replaced_is_told_so_at_once(server: tuple[str, Site], closes: bool) -> None:
    host, _ = server
    with line(host, "?keep=1") as before:
        name = before.until("session.created")["session"]["id"]
        with line(host, f"?keep=1&session={name}") as after:
            assert after.until("session.created")["session"]["id"] == name
            with pytest.raises(Exception, match="newer connection"):
                before.until("never")
            if closes:
                before.socket.close(1000)
            after.say("Hello?")
            after.until("response.done")


def test_what_is_sent_in_line_is_kept(server: tuple[str, Site]) -> None:
    host, _ = server
    with line(host) as one, line(host) as two:
        one.until("session.created")
        two.until("session.created")
        with line(host, "?wait=1") as waiting:
            assert waiting.until("attune.waiting")["place"] == 1
            waiting.send("session.update", session={"instructions": "You are a pirate."})
            waiting.say("I came early.")
            one.socket.close()
            waiting.until("session.created")
            updated = waiting.until("session.updated")
            assert updated["session"]["instructions"] == "You are a pirate."
            item = waiting.until("conversation.item.added")["item"]
            assert item["content"][0]["text"] == "I came early."
            waiting.until("response.done")


def test_what_does_not_fit_in_line_is_refused_with_its_name(server: tuple[str, Site]) -> None:
    host, _ = server
    with line(host) as one, line(host) as two:
        one.until("session.created")
        two.until("session.created")
        with line(host, "?wait=1") as waiting:
            waiting.until("attune.waiting")
            waiting.send("input_audio_buffer.append", audio="A" * MOST_KEPT_BYTES, event_id="a")
            error = waiting.until("error")["error"]
            assert (error["code"], error["event_id"]) == ("not_begun", "a")
            waiting.send("session.update", session={"instructions": "Kept."})
            one.socket.close()
            assert waiting.until("session.updated")["session"]["instructions"] == "Kept."


def test_who_leaves_the_line_takes_no_place(server: tuple[str, Site]) -> None:
    host, site = server
    with line(host) as one, line(host) as two:
        one.until("session.created")
        two.until("session.created")
        with line(host, "?wait=1") as gone:
            gone.until("attune.waiting")
        with line(host, "?wait=1") as waiting:
            waiting.until("attune.waiting")
            one.socket.close()
            waiting.until("session.created")
            assert site.conversations.gate.active == 2
