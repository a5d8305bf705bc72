"""A server that is stopped for a new version: its talks go on, and nobody new comes in."""

import asyncio
import json
import threading
import time
import urllib.error
import urllib.request

import pytest
import uvicorn

from tests.ui.calling import Line, line
from tests.ui.serving import resident
from ui.web.limits import ImpatientSocket
from ui.web.server import Site, WebServer, server_config

PASSWORD = "somebody:a long password"
BEARER = {"Authorization": f"Bearer {PASSWORD}"}
LONG_S = 60.0


class Stopping:
    """A real server on a thread, which is stopped while its talks go on."""

    def __init__(self, *, finish_s: float) -> None:
        self.engines = resident()
        self.site = Site(self.engines, password=PASSWORD, with_page=False)
        config = server_config(self.site.app, "127.0.0.1", 0)
        self.server = WebServer(config, self.site, drain_s=5.0, finish_s=finish_s)
        self.thread = threading.Thread(target=lambda: asyncio.run(self.server.serve()))

    def __enter__(self) -> str:
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        return f"127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(30.0)
        self.engines.close()
        assert not self.thread.is_alive()

    def stop(self) -> None:
        self.server.should_exit = True
        while not self.site.conversations.gate.is_closing:
            time.sleep(0.01)


def ready(host: str) -> int:
    try:
        with urllib.request.urlopen(f"http://{host}/ready", timeout=20) as answer:
            assert answer.read() == b"ready\n", "it tells no more than that"
            assert "set-cookie" not in answer.headers, "and opens nothing else"
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def talk(there: Line) -> str:
    there.say("hello")
    return there.until("response.done")["response"]["status"]


def test_talks_go_on_and_nobody_new_comes_in() -> None:
    stopping = Stopping(finish_s=LONG_S)
    with stopping as host:
        with line(host, additional_headers=BEARER) as there:
            assert ready(host) == 200, "a balancer needs no password"
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(f"http://{host}/health", timeout=20)
            assert talk(there) == "completed"
            stopping.stop()
            assert ready(host) == 503
            assert talk(there) == "completed", "the talk goes on"
            with line(host, additional_headers=BEARER) as other:
                refused = json.loads(other.socket.recv(timeout=20))
                assert "the server is closing" in refused["error"]["message"]
        stopping.thread.join(20.0)
        assert not stopping.thread.is_alive(), "it ends with its last talk"


@pytest.mark.parametrize("hurried", [False, True])
def test_without_time_or_patience_talks_end(hurried: bool) -> None:
    stopping = Stopping(finish_s=LONG_S if hurried else 0.0)
    with stopping as host, line(host, additional_headers=BEARER) as there:
        assert talk(there) == "completed"
        stopping.stop()
        stopping.server.force_exit = hurried  # what uvicorn notes of a second Ctrl+C
        told = there.until("error")
        assert told["error"]["code"] == "server_closing"


def test_a_client_that_is_leaving_does_not_break_the_end() -> None:
    async def leave_and_end(connection: ImpatientSocket) -> None:
        connection.conn.send_close(1000)  # as the answer to a client's goodbye
        connection.shutdown()

    stopping = Stopping(finish_s=0.0)
    with stopping as host, line(host, additional_headers=BEARER) as there:
        assert talk(there) == "completed"
        (connection,) = (
            one
            for one in stopping.server.server_state.connections
            if isinstance(one, ImpatientSocket)
        )
        asyncio.run_coroutine_threadsafe(leave_and_end(connection), connection.loop).result(20.0)


def test_uvicorn_still_notes_a_second_interruption_so() -> None:
    server = uvicorn.Server(uvicorn.Config("none:app"))
    server.handle_exit(2, None)
    assert (server.should_exit, server.force_exit) == (True, False)
    server.handle_exit(2, None)
    assert server.force_exit
