"""Clients of a real server: one line to its socket, or one request."""

import json
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from websockets.sync.client import ClientConnection, connect

WAIT_S = 120.0
"""How long an answer may take where all else on the machine is at work too."""


class Line:
    """One connection; waits at most a while for what it expects."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def send(self, kind: str, **fields: Any) -> None:
        self.socket.send(json.dumps({"type": kind, **fields}))

    def until(self, *kinds: str) -> dict[str, Any]:
        while True:
            event = json.loads(self.socket.recv(timeout=WAIT_S))
            if event["type"] in kinds:
                return event

    def say(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        self.send("conversation.item.create", item=item)
        self.send("response.create")


@contextmanager
def line(host: str, query: str = "", **options: Any) -> Generator[Line]:
    # A server that starts beside others is in no hurry.
    given: dict[str, Any] = {"open_timeout": WAIT_S, **options}
    with connect(f"ws://{host}/v1/realtime{query}", max_size=None, **given) as socket:
        yield Line(socket)


def read(host: str, path: str) -> str:
    with urllib.request.urlopen(f"http://{host}{path}", timeout=60) as answer:
        return answer.read().decode()
