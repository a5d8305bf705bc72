"""What the tests of rows share."""

from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer

import pytest

from tests.train.rows.judges import Answering, serve


@pytest.fixture
def judge_server() -> Iterator[Callable[[Answering], str]]:
    """Starts judges; yields what does, which returns their address."""
    servers: list[ThreadingHTTPServer] = []

    def start(answering: Answering) -> str:
        servers.append(serve(answering))
        return f"http://127.0.0.1:{servers[-1].server_port}/v1"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
