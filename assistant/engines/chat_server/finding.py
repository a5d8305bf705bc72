"""Finds an LLM server and the LLM on it, and says what is there where that is not clear."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from assistant.engines.address import USUAL, Address, read_address
from assistant.engines.chat_server.client import ChatClient, no_such_model
from assistant.engines.settings import LlmSettings
from assistant.errors import EngineFailed

LOOK_S = 2.0
"""How long a server of this machine may take to say what it has, where none is named."""


@dataclass(frozen=True, slots=True)
class FoundServer:
    """A server where one usually listens."""

    kind: str
    address: Address
    models: list[str]


async def open_client(llm: LlmSettings, key: str) -> tuple[ChatClient, str]:
    """Returns the server that `llm` names, or else the first of this machine, and the LLM's name.

    Raises:
        EngineFailed: There is no such server or LLM; the message names those there are.
    """
    address = read_address(llm.server) if llm.server else (await _first()).address
    client = ChatClient(address, key=key, patience_s=llm.patience_s)
    try:
        return client, chosen(address, llm.name, await client.models())
    except BaseException:
        await client.close()
        raise


def chosen(address: Address, name: str, known: list[str] | None) -> str:
    """Returns the LLM that is asked for, by the name that the server has for it.

    Raises:
        EngineFailed: There is none of that name, or none is named and there are several.
    """
    if name and known is None:
        return name
    if not name:
        if known and len(known) == 1:
            return known[0]
        if known is None:
            raise EngineFailed(
                f"{address.url} does not say which LLMs it has: name one by --llm-name"
            )
        if known:
            raise EngineFailed(
                f"the LLM server {address.url} has several LLMs: name one by --llm-name: "
                f"{', '.join(known)}"
            )
    assert known is not None
    # Ollama answers for the newest by the name without its tag.
    found = next((one for one in (name, f"{name}:latest") if one in known), None)
    if found is None:
        raise EngineFailed(no_such_model(address, name, known))
    return found


async def usual_servers() -> list[FoundServer]:
    """Returns the servers that listen on this machine where such servers usually do."""
    found = await asyncio.gather(*(_look(kind, url) for kind, url in USUAL.items()))
    return [one for one in found if one is not None]


async def _first() -> FoundServer:
    servers = await usual_servers()
    if not servers:
        raise EngineFailed(
            f"no LLM server listens on this machine ({', '.join(USUAL)} were looked for): start "
            "one, or name its address by --llm-server"
        )
    return servers[0]


async def _look(kind: str, url: str) -> FoundServer | None:
    address = read_address(url)
    client = ChatClient(address, patience_s=LOOK_S)
    try:
        with suppress(EngineFailed, TimeoutError):
            async with asyncio.timeout(LOOK_S):
                models = await client.models()
                return None if models is None else FoundServer(kind, address, models)
        return None
    finally:
        await client.close()
