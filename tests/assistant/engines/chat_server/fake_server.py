"""A small OpenAI-compatible server on loopback that streams as Ollama, llama.cpp and vLLM do."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

Json = dict[str, Any]
KINDS = ("ollama", "llama.cpp", "vllm")


@dataclass
class FakeServer:
    """Answers with `replies`, in their order and round again, and notes what it was asked."""

    replies: Sequence[str | Sequence[Json]] = ("That sounds hard. What happened?",)
    """Texts, or the deltas of one reply; none: each depends on what was said."""
    kind: str = "ollama"
    models: Sequence[str] = ("llama3.2:latest",)
    key: str = ""
    answer: Callable[[Json], Response | None] = lambda _question: None
    """What is answered instead, to a question."""
    asked: list[Json] = field(default_factory=list[Json])
    """Questions but for those of the warming."""
    warmed: list[Json] = field(default_factory=list[Json])
    left: threading.Event = field(default_factory=threading.Event)
    """Set once a client has closed a stream before its end."""
    held: threading.Event = field(default_factory=threading.Event)
    """While it is not set, only the first word of a reply is sent."""
    first_held: threading.Event = field(default_factory=threading.Event)
    """While it is not set, not even that."""

    def __post_init__(self) -> None:
        self.held.set()
        self.first_held.set()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"
        routes = [
            Route("/v1/models", self._models),
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), log_level="error", lifespan="off", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._server.serve(sockets=[self._socket])), daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self.held.set()
        self.first_held.set()
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    async def _models(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        return JSONResponse({"object": "list", "data": [{"id": name} for name in self.models]})

    def _refused(self, request: Request) -> Response | None:
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return JSONResponse({"error": {"message": "Incorrect API key"}}, 401)
        return None

    async def _chat(self, request: Request) -> Response:
        question = await request.json()
        if refused := self._refused(request) or self.answer(question):
            return refused
        if question["model"] not in (
            *self.models,
            *(m.removesuffix(":latest") for m in self.models),
        ):
            name = question["model"]
            return JSONResponse({"error": {"message": f"model '{name}' not found"}}, 404)
        if question["max_tokens"] == 1:
            self.warmed.append(question)
            return StreamingResponse(self._streamed("I"), media_type="text/event-stream")
        self.asked.append(question)
        reply = self._reply(question)
        return StreamingResponse(self._watched(reply), media_type="text/event-stream")

    def _reply(self, question: Json) -> str | Sequence[Json]:
        if self.replies:
            return self.replies[(len(self.asked) - 1) % len(self.replies)]
        said = " ".join(str(message["content"]) for message in question["messages"])
        return f"You told me {len(said)} letters, {sum(said.encode()) % 997} of them in ink."

    async def _watched(self, reply: str | Sequence[Json]) -> AsyncGenerator[str, None]:
        is_whole = False
        try:
            async for line in self._streamed(reply, holds=True):
                yield line
            is_whole = True
        finally:
            if not is_whole:
                self.left.set()

    async def _streamed(
        self, reply: str | Sequence[Json], *, holds: bool = False
    ) -> AsyncGenerator[str, None]:
        deltas = reply if not isinstance(reply, str) else _words(reply)
        if self.kind != "ollama":
            yield self._event({"role": "assistant", "content": None})
        for number, delta in enumerate(deltas):
            gate = self.held if number else self.first_held
            while holds and not gate.is_set():
                if self.kind == "vllm":
                    yield ": keep-alive\n\n"
                await asyncio.sleep(0.01)
            yield self._event(delta if self.kind != "ollama" else {"role": "assistant", **delta})
        yield self._event({}, finish="stop")
        if self.kind == "vllm":
            yield 'data: {"choices": [], "usage": {"total_tokens": 12}}\n\n'
        yield "data: [DONE]\n\n"

    def _event(self, delta: Json, finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return f"data: {json.dumps({'choices': [choice], 'model': 'x'})}\n\n"


def _words(reply: str) -> list[Json]:
    first, *others = reply.split()
    return [{"content": first}, *({"content": f" {word}"} for word in others)]


def error(status: int, body: Json | str) -> Response:
    """Returns an answer of an error, as JSON or as a page."""
    return PlainTextResponse(body, status) if isinstance(body, str) else JSONResponse(body, status)
