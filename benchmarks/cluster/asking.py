"""People who type questions over the realtime socket, one after the other."""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

QUESTIONS = ("how are you", "and then what", "tell me more", "is that so")
LONGEST_S = 120.0
"""A question without an answer by then is counted as lost."""


@dataclass
class AnswerTimes:
    """What was seen of the answers, in milliseconds since the question was sent or taken in."""

    first_token: list[float] = field(default_factory=list[float])
    """By the server's own marks."""
    first_audio: list[float] = field(default_factory=list[float])
    """At the client."""
    whole: list[float] = field(default_factory=list[float])
    """Likewise, until the last sound."""
    lost: int = 0

    def add(self, other: "AnswerTimes") -> None:
        """Takes in what another client saw."""
        self.first_token += other.first_token
        self.first_audio += other.first_audio
        self.whole += other.whole
        self.lost += other.lost


async def talks(hosts: Sequence[str], many: int, *, for_s: float, think_s: float) -> AnswerTimes:
    """Holds so many talks at once, spread over `hosts`, for so long; returns what they saw."""
    seen = AnswerTimes()
    until_s = time.perf_counter() + for_s
    held = [talk(hosts[n % len(hosts)], until_s, think_s=think_s, seed=n) for n in range(many)]
    for one in await asyncio.gather(*held):
        seen.add(one)
    return seen


async def talk(host: str, until_s: float, *, think_s: float, seed: int) -> AnswerTimes:
    """Holds one talk; between an answer and the next question lies `think_s` on average."""
    seen, order = AnswerTimes(), random.Random(seed)
    async with connect(f"ws://{host}/v1/realtime", max_size=None) as socket:
        await _until(socket, "session.created")
        while True:
            await asyncio.sleep(order.expovariate(1.0 / think_s) if think_s else 0.0)
            if time.perf_counter() > until_s:
                return seen
            try:
                async with asyncio.timeout(LONGEST_S):
                    await _ask(socket, seen, order.choice(QUESTIONS))
            except TimeoutError:
                seen.lost += 1


async def _ask(socket: ClientConnection, seen: AnswerTimes, question: str) -> None:
    content = [{"type": "input_text", "text": question}]
    item = {"type": "message", "role": "user", "content": content}
    await _send(socket, "conversation.item.create", item=item)
    began_s = time.perf_counter()
    await _send(socket, "response.create")
    first_ms: float | None = None
    while True:
        event = json.loads(await socket.recv())
        now_ms = 1_000 * (time.perf_counter() - began_s)
        match event["type"]:
            case "response.output_audio.delta" if first_ms is None:
                first_ms = now_ms
                seen.first_audio.append(now_ms)
            case "attune.timing":
                seen.first_token.append(event["marks_ms"]["first_token"])
            case "response.done":
                if event["response"]["status"] != "completed":
                    seen.lost += 1
                seen.whole.append(now_ms)
                return
            case "error":
                raise SystemExit(event["error"]["message"])
            case _:
                pass


async def _send(socket: ClientConnection, kind: str, **fields: Any) -> None:
    await socket.send(json.dumps({"type": kind, **fields}))


async def _until(socket: ClientConnection, kind: str) -> dict[str, Any]:
    while True:
        event = json.loads(await socket.recv())
        if event["type"] == "error":
            raise SystemExit(event["error"]["message"])
        if event["type"] == kind:
            return event
