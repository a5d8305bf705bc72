"""An answer is ordered with options that are judged by their value; a refused order stays alone."""

import asyncio
from typing import Any

from benchmarks.cases.case import Case
from benchmarks.cases.client import Client, server

JOKE = "tell me a joke"
AGREEING: list[dict[str, Any]] = [
    {},
    {"output_modalities": ["audio"]},
    {"tools": []},
    {"tool_choice": "none"},
    {"max_output_tokens": "inf"},
]


def run(case: Case) -> None:
    """Orders answers in one conversation, the first before anybody spoke."""
    with server() as port:
        asyncio.run(_hold(case, port))


async def _hold(case: Case, port: int) -> None:
    async with Client(port) as client:
        greeting = await _ordered(client, {"instructions": "Greet the user."})
        case.expect("hello" in _text(greeting).lower(), f"a greeting: {_text(greeting)!r}")
        for options in AGREEING:
            done = await _asked(client, options)
            case.expect(_status(done) == "completed", f"{options}: {_text(done)!r}")
        done = await _asked(client, {"output_modalities": ["text"]})
        kinds = [part["type"] for item in _output(done) for part in item["content"]]
        case.expect(kinds == ["output_text"], f"text for once: {kinds}")
        before = len(_items(client))
        apart = {"conversation": "none", "input": [_message(JOKE)], "output_modalities": ["text"]}
        done = await _ordered(client, apart)
        case.expect(_status(done) == "completed", f"beside the talk: {_text(done)!r}")
        case.expect(len(_items(client)) == before, "it adds no item")
        done = await _asked(client, {"output_modalities": ["smell"]})
        case.expect(done.get("type") == "error", f"the impossible: {client.errors[-1:]}")
        done = await _asked(client, {"output_modalities": ["text"], "max_output_tokens": 3})
        case.expect(_status(done) == "incomplete", f"three tokens: {_text(done)!r}")
    fresh = await _fresh(port)
    case.expect(bool(fresh), f"a question after a refused one is answered alone: {fresh!r}")


async def _fresh(port: int) -> str:
    """Returns an answer that follows a refused order, where it is the one of the question alone."""
    async with Client(port) as client:
        await _asked(client, {"max_output_tokens": -1})
        mixed = await _asked(client, {"output_modalities": ["text"]}, "Hello.")
    async with Client(port) as client:
        alone = await _asked(client, {"output_modalities": ["text"]}, "Hello.")
    return _text(mixed) if _text(mixed) == _text(alone) else ""


async def _asked(client: Client, options: dict[str, Any], text: str = JOKE) -> dict[str, Any]:
    await client.send("conversation.item.create", item=_message(text))
    return await _ordered(client, options)


async def _ordered(client: Client, options: dict[str, Any]) -> dict[str, Any]:
    """Orders an answer; returns its end once it was spoken too."""
    after = len(client.events)
    await client.send("response.create", response=options)
    done = await client.until("response.done", "error", after=after, timeout_s=40) or {}
    if _output(done) and "output_audio" in str(_output(done)):
        await client.until("output_audio_buffer.stopped", after=after, timeout_s=40)
    return done


def _message(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def _items(client: Client) -> list[str]:
    return [e["item"]["id"] for e in client.events if e["type"] == "conversation.item.added"]


def _status(done: dict[str, Any]) -> str:
    return done.get("response", {}).get("status", "")


def _output(done: dict[str, Any]) -> list[dict[str, Any]]:
    return done.get("response", {}).get("output", [])


def _text(done: dict[str, Any]) -> str:
    parts = [part for item in _output(done) for part in item["content"]]
    return " ".join(part.get("transcript") or part.get("text") or "" for part in parts)
