"""A judge on loopback that answers as a test says."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answering = Callable[[str], dict[str, Any] | int | None]
"""What is asked → the answer, or the status of a refusal; None: the server is overloaded."""


def serve(answering: Answering) -> ThreadingHTTPServer:
    """Returns a server that is running; who called closes it."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            asked = json.loads(self.rfile.read(length))["messages"][0]["content"]
            told = answering(asked)
            status = told if isinstance(told, int) else 503 if told is None else 200
            try:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(told).encode())
            except OSError:
                return  # who asked has not waited

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def says(text: str | None, model: str = "judge-1") -> dict[str, Any]:
    return {"choices": [{"message": {"content": text}}], "model": model}


def known_first(asked: str) -> bool:
    return asked.index("What is known:") < asked.index("What is judged:")
