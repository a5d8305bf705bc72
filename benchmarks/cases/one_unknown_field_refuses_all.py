"""A field that is unknown or impossible costs that field alone, and is named; the rest holds."""

import asyncio
from typing import Any

from benchmarks.cases.case import Case
from benchmarks.cases.client import Client, server

PIRATE = "You are a pirate."
TAKEN: list[dict[str, Any]] = [
    {"audio": {"input": {"transcription": {"model": "gpt-4o-transcribe", "languages": ["en"]}}}},
    {"audio": {"input": {"transcription": {"keywords": ["Attune"], "delay": "low"}}}},
    {"temperature": 0.8},
    {"modalities": ["audio", "text"]},
    {"output_modalities": ["audio", "text"]},
    {"voice": "marin"},
    {"audio": {"output": {"voice": "bella"}}},
    {"tools": None},
    {"something": {"entirely": ["new"]}},
]
REFUSED: dict[str, dict[str, Any]] = {
    "session.tools": {"tools": [{"type": "function", "name": "f", "parameters": {}}]},
    "session.audio.output.speed": {"audio": {"output": {"speed": 7}}},
    "session.audio.input.format.type": {"audio": {"input": {"format": {"type": "audio/flac"}}}},
}


def run(case: Case) -> None:
    """Updates sessions with instructions and one field more, and sends a session back."""
    with server() as port:
        asyncio.run(_hold(case, port))


async def _hold(case: Case, port: int) -> None:
    for extra in TAKEN:
        client = await _updated(port, {"instructions": PIRATE, **extra})
        case.expect(_kept(client) and not client.errors, f"{extra}: kept; {client.errors}")
    for param, extra in REFUSED.items():
        client = await _updated(port, {"instructions": PIRATE, **extra})
        errors = [e["error"] for e in client.events if e["type"] == "error"]
        named = [error["param"] for error in errors]
        case.expect(_kept(client) and named == [param], f"{param} alone: {client.errors}")
    async with Client(port) as client:
        created = await client.until("session.created") or {}
        await client.send("session.update", session=created.get("session"))
        updated = await client.until("session.updated", "error") or {}
        same = updated.get("session") == created.get("session")
        case.expect(same, f"session.created sent back: {client.errors or 'unchanged'}")


def _kept(client: Client) -> bool:
    sessions = [e["session"] for e in client.events if e["type"] == "session.updated"]
    return [session["instructions"] for session in sessions] == [PIRATE]


async def _updated(port: int, session: dict[str, Any]) -> Client:
    async with Client(port) as client:
        await client.send("session.update", session={"type": "realtime", **session})
        await client.until("session.updated")
        await asyncio.sleep(0.3)
    return client
