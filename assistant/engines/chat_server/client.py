"""Asks an OpenAI-compatible server: which models it has, and for a reply, piece by piece."""

import asyncio
import difflib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, cast

import httpx2

from assistant.engines.address import Address
from assistant.engines.chat_server.reading import NONSENSE, Json, server_message
from assistant.engines.settings import LLM_KEY
from assistant.errors import EngineFailed

CONNECT_S = 5.0
BUSY_WAIT_S = 0.5
"""Between two questions to a server that is busy, or still loads its model."""
LONGEST_ERROR_BYTES = 20_000
SHOWN_MODELS = 12


class RequestRefused(EngineFailed):
    """The server does not want the question as it is put."""

    def __init__(self, message: str, said: str) -> None:
        super().__init__(message)
        self.said = said.casefold()
        """What it says itself."""


class ChatClient:
    """Talks to one server; all of it runs on one event loop."""

    def __init__(self, address: Address, *, key: str = "", patience_s: float = 30.0) -> None:
        """Asks at `address`, with the key it wants; a silence of `patience_s` is a failure."""
        self.address = address
        self._patience_s = patience_s
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx2.AsyncClient(
            headers=headers,
            timeout=httpx2.Timeout(patience_s, connect=CONNECT_S),
            # A proxy of the environment knows the way to others, not to this machine.
            trust_env=not address.is_here,
        )

    async def close(self) -> None:
        """Closes all connections."""
        await self._http.aclose()

    async def models(self) -> list[str] | None:
        """Returns the names of the server's models; None where it does not tell.

        Raises:
            EngineFailed: It cannot be reached, refuses the key, or is none of the kind.
        """
        try:
            answer = await self._http.get(f"{self.address.url}/models")
            if answer.status_code in (404, 405, 501):
                return None
            if answer.status_code >= 400:
                await self._refuse(answer, "")
            listed: Any = answer.json()
            return [str(model["id"]) for model in listed["data"]]
        except (ValueError, KeyError, TypeError) as error:
            raise EngineFailed(f"{self.address.url}: {NONSENSE}") from error
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error

    async def chunks(self, question: Json) -> AsyncGenerator[object, None]:
        """Yields the chunks of a streamed answer, as JSON knows them.

        Raises:
            Refused: The server does not want this question.
            EngineFailed: It cannot be reached, fails, or is silent for too long.
        """
        answer = await self._asked(question)
        try:
            if "json" in answer.headers.get("content-type", ""):
                # It does not stream, whatever it was asked for.
                yield _parsed((await answer.aread()).decode(errors="replace"))
                return
            async for data in self._data(answer):
                yield _parsed(data)
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error
        finally:
            await answer.aclose()

    async def _asked(self, question: Json) -> httpx2.Response:
        """Returns the answer's beginning; waits for a server that is busy or still loading."""
        deadline = asyncio.get_running_loop().time() + self._patience_s
        while True:
            request = self._http.build_request(
                "POST", f"{self.address.url}/chat/completions", json=question
            )
            try:
                answer = await self._http.send(request, stream=True)
            except httpx2.HTTPError as error:
                raise self._unreachable(error) from error
            if answer.status_code < 300:
                return answer
            try:
                is_late = asyncio.get_running_loop().time() + BUSY_WAIT_S > deadline
                if answer.status_code not in (429, 503) or is_late:
                    await self._refuse(answer, str(question.get("model", "")))
            finally:
                await answer.aclose()
            await asyncio.sleep(BUSY_WAIT_S)

    async def _data(self, answer: httpx2.Response) -> AsyncIterator[str]:
        """Yields the data of a stream of events. Comments keep a line open, and say nothing."""
        lines = answer.aiter_lines()
        while True:
            try:
                async with asyncio.timeout(self._patience_s):
                    line = await _next_data(lines)
            except TimeoutError as error:
                raise self._silent() from error
            if line is None or line == "[DONE]":
                return
            yield line

    async def _refuse(self, answer: httpx2.Response, name: str) -> None:
        """Raises what a status of 300 or more means."""
        said = server_message(_parsed_or_none(await _beginning(answer)))
        where, why = self.address.url, f" ({said})" if said else ""
        status = answer.status_code
        if status in (401, 403):
            raise EngineFailed(
                f"the LLM server {where} refuses the key{why}: put the right one into the "
                f"environment variable {LLM_KEY}"
            )
        if status in (429, 503):
            raise EngineFailed(f"the LLM server {where} is busy{why}: try again in a moment")
        if status == 404 and name:
            raise EngineFailed(await self._unknown(name, why))
        if status in (400, 404, 413, 422, 501):
            raise RequestRefused(
                f"the LLM server {where} refuses the question{why}: try another LLM", said
            )
        if status < 400:
            raise EngineFailed(f"{where}: {NONSENSE}")
        raise EngineFailed(
            f"the LLM server {where} failed with status {status}{why}: try again, or look at "
            "its log"
        )

    async def _unknown(self, name: str, why: str) -> str:
        try:
            known = await self.models()
        except EngineFailed:
            known = None
        if known is None or name in known:
            return f"the LLM server {self.address.url} does not answer for {name}{why}: {LOOK}"
        return no_such_model(self.address, name, known)

    def _silent(self) -> EngineFailed:
        return EngineFailed(
            f"the LLM server {self.address.url} said nothing for {self._patience_s:.0f} s: take a "
            "smaller LLM, or wait longer by --llm-patience-s"
        )

    def _unreachable(self, error: httpx2.HTTPError) -> EngineFailed:
        if isinstance(error, httpx2.ReadTimeout):
            return self._silent()
        where = self.address.url
        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
            return EngineFailed(
                f"no LLM server answers at {where}: {self.address.start}, or name another by "
                "--llm-server"
            )
        return EngineFailed(
            f"the LLM server {where} broke the connection off ({type(error).__name__}): try "
            "again, or look at its log"
        )


LOOK = "look at --llm-name and --llm-server"


def no_such_model(address: Address, name: str, known: list[str]) -> str:
    """Returns the sentence that names the models that there are."""
    if not known:
        return f"the LLM server {address.url} has no models: load one there first"
    shown = ", ".join(known[:SHOWN_MODELS]) + (", …" if len(known) > SHOWN_MODELS else "")
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    near = near or [one for one in known if name.casefold() in one.casefold()][:1]
    hint = f"did you mean {near[0]}? " if near else ""
    return f"the LLM server {address.url} has no model {name!r}: {hint}It has {shown} (--llm-name)"


async def _next_data(lines: AsyncIterator[str]) -> str | None:
    async for line in lines:
        if line.startswith("data:"):
            return line[5:].strip()
        # Some tell an error as it is, in the middle of a stream of events.
        if line.startswith("{"):
            return line
    return None


async def _beginning(answer: httpx2.Response) -> str:
    found = b""
    async for part in answer.aiter_bytes():
        found += part
        if len(found) > LONGEST_ERROR_BYTES:
            break
    return found.decode(errors="replace")


def _parsed_or_none(text: str) -> object:
    try:
        return cast(object, json.loads(text))
    except (ValueError, RecursionError):
        return None


def _parsed(text: str) -> object:
    try:
        return cast(object, json.loads(text))
    except (ValueError, RecursionError) as error:
        raise EngineFailed(NONSENSE) from error
