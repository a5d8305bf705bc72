"""A conversation as an OpenAI-compatible server is told it."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assistant.engines.protocols import TextDelta, ToolCall
from assistant.engines.tool_calls import COMMON_MARKS, calls_apart, result_in

Json = dict[str, Any]
BYTES_PER_TOKEN = 3
"""Fewer than in any language that models were taught: what is counted so is at most too long."""
KEPT_SHARE = 0.6
"""Of the room, once something has to go: what is dropped makes the server read all that stays anew,
so several exchanges go at once and then none for a long while."""


@dataclass(slots=True)
class ChatTurn:
    """What the person said, and what of the answer they heard."""

    said: str
    reply: str | None = None
    """None where it is not answered yet."""


def tokens(text: str) -> int:
    """Returns about how many tokens a text has, rather too many."""
    return len(text.encode(errors="replace")) // BYTES_PER_TOKEN + 1


def make_room(exchanges: list[ChatTurn], room_tokens: int) -> None:
    """Drops the oldest of `exchanges` where they have no room; the last one stays."""

    def size() -> int:
        return sum(tokens(one.said) + tokens(one.reply or "") for one in exchanges)

    if size() > room_tokens:
        while len(exchanges) > 1 and size() > KEPT_SHARE * room_tokens:
            del exchanges[0]


def messages(system: str, exchanges: Sequence[ChatTurn]) -> list[Json]:
    """Returns the conversation up to the last question.

    Roles alternate, as the chat templates of many models demand: what was said again after an
    answer of which nothing was heard stands in one message with what was said before.
    """
    told: list[Json] = [{"role": "system", "content": system}]
    ids = (f"call_{number}" for number in itertools.count(1))
    open_calls: list[str] = []
    for exchange in exchanges:
        result = result_in(exchange.said) if open_calls else None
        if result is not None:
            told.append({"role": "tool", "tool_call_id": open_calls.pop(0), "content": result})
        elif told[-1]["role"] == "user":
            told[-1]["content"] += f"\n{exchange.said}"
        else:
            told.append({"role": "user", "content": exchange.said})
        if exchange.reply:
            said, calls = _apart(exchange.reply)
            open_calls = [next(ids) for _ in calls]
            told.append(_answer(said, calls, open_calls))
    return told


def _apart(reply: str) -> tuple[str, list[ToolCall]]:
    """Returns the words of a reply and the calls of functions in it."""
    calls: list[ToolCall] = []
    said: list[str] = []
    for delta in calls_apart(iter([TextDelta(reply)]), COMMON_MARKS, names=None):
        said.append(delta.text)
        if delta.call is not None:
            calls.append(delta.call)
    return "".join(said), calls


def _answer(said: str, calls: Sequence[ToolCall], ids: Sequence[str]) -> Json:
    if not calls:
        return {"role": "assistant", "content": said}
    listed = [
        {
            "id": call_id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call, call_id in zip(calls, ids, strict=True)
    ]
    return {"role": "assistant", "content": said, "tool_calls": listed}


def shortened(told: Sequence[Json]) -> list[Json] | None:
    """Returns the newer half of a conversation; None where it is one question alone."""
    begins = [place for place, one in enumerate(told) if place and one["role"] == "user"]
    if len(begins) < 2:
        return None
    return [told[0], *told[begins[len(begins) // 2] :]]


def tools_tokens(tools: Sequence[Json]) -> int:
    """Returns about how many tokens the functions take that are offered."""
    return sum(tokens(json.dumps(tool)) for tool in tools)


def end_of(text: str, room_tokens: int) -> str:
    """Returns `text`, or as much of its end as `room_tokens` hold, from a whole word on."""
    if tokens(text) <= room_tokens:
        return text
    end = text.encode()[-BYTES_PER_TOKEN * room_tokens :].decode(errors="ignore")
    return end[end.find(" ") + 1 :]


def common_words(text: str, other: str) -> str:
    """Returns the words that both begin with, as `text` has them."""
    pairs = zip(text.split(), other.split(), strict=False)
    return " ".join(word for word, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
