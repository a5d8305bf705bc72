"""An LLM server on loopback that answers at length: for echo, what is heard must last.

Ears, voice, page and everything else are those of the product; only what is said is not a model's.
"""

import contextlib
import json
import threading
import tomllib
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAME = "long-answers"
SENTENCES = 7
"""Of each answer: about twenty seconds."""
TEXTS = Path(__file__).parents[1] / "data" / "full_duplex" / "sets.toml"


def lines() -> list[str]:
    """Returns what the answers are made of."""
    content: list[str] = tomllib.loads(TEXTS.read_text(encoding="utf-8"))["pauses"]
    return [line.replace("| ", "") for line in content]


@contextlib.contextmanager
def long_answers() -> Generator[str]:
    """Runs the server; yields its address for `--llm-server`, beside `--llm-name` NAME."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    count = 0

    def do_GET(self) -> None:
        self._send("application/json", json.dumps({"object": "list", "data": [{"id": NAME}]}))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        said = lines()
        _Answers.count += 1
        places = range(_Answers.count * SENTENCES, (_Answers.count + 1) * SENTENCES)
        chunks = [_chunk({"content": f"{said[place % len(said)]} "}, None) for place in places]
        self._send("text/event-stream", "".join([*chunks, _chunk({}, "stop"), "data: [DONE]\n\n"]))

    def _send(self, kind: str, text: str) -> None:
        content = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the figures alone are to be seen."""


def _chunk(delta: dict[str, str], reason: str | None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return f"data: {json.dumps({'id': '1', 'model': NAME, 'choices': [choice]})}\n\n"
