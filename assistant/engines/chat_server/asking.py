"""One question to an LLM server: asked on the background's loop, read by a worker's steps."""

import logging
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from concurrent.futures import CancelledError, Future, wait
from contextlib import aclosing

from assistant.background import Background
from assistant.engines.chat_server.client import ChatClient, RequestRefused
from assistant.engines.chat_server.messages import shortened
from assistant.engines.chat_server.reading import NONSENSE, Json, ReplyReader
from assistant.engines.protocols import Cancel, TextDelta
from assistant.engines.settings import GenerationSettings, LlmSettings
from assistant.errors import EngineFailed

logger = logging.getLogger(__name__)

NO_THOUGHTS: tuple[Json, ...] = (
    {"reasoning_effort": "none"},
    {"chat_template_kwargs": {"enable_thinking": False}},
)
"""How Ollama, vLLM and llama.cpp are told that the LLM shall not think; a server that knows one of
them not either ignores it or refuses the question."""
THOUGHT_TOKENS = 2_048
"""Longest thought of an LLM that thinks all the same."""
TOO_LONG = ("context", "too long", "too many tokens", "maximum length", "exceed")
LOOK_AGAIN_S = 0.02
CALLS_NOTHING = "this LLM calls no functions: it answers without them from now on"


class Asker:
    """Asks for replies and learns what the server does not take. On the background's loop."""

    def __init__(
        self, client: ChatClient, name: str, llm: LlmSettings, generation: GenerationSettings
    ) -> None:
        """Asks `client` for replies of the LLM `name`, as `generation` has it."""
        self.client = client
        self.calls_functions = True
        """Whether the server has not refused functions yet."""
        self._name = name
        self._generation = generation
        self._extras = [] if llm.thinks else list(NO_THOUGHTS)
        self._thinks = llm.thinks
        self._begins_thinking = False

    async def warm(self, system: str) -> None:
        """Has the server load the LLM and read what every talk begins with."""
        told = [{"role": "system", "content": system}, {"role": "user", "content": "Hello."}]
        try:
            async with aclosing(self.replies(told, (), longest_tokens=1)) as deltas:
                async for _ in deltas:
                    pass
        except EngineFailed as error:  # the first turn will tell, if it is still so
            logger.info("the LLM server was not warmed up: %s", error)

    async def replies(
        self, told: list[Json], tools: Sequence[Json], *, longest_tokens: int | None = None
    ) -> AsyncGenerator[TextDelta, None]:
        """Yields the pieces of a reply; asks again, with less, where the server refuses.

        Raises:
            EngineFailed: The server cannot answer.
        """
        while True:
            has_said = False
            question = self._question(
                told, tools, longest_tokens or self._generation.longest_tokens
            )
            try:
                async with aclosing(self._pieces(question)) as pieces:
                    async for delta in pieces:
                        has_said = True
                        yield delta
                return
            except RequestRefused as error:
                shorter = shortened(told) if any(m in error.said for m in TOO_LONG) else None
                if has_said:
                    raise
                if shorter is not None:
                    told = shorter
                elif self._extras:
                    self._extras.pop(0)
                elif tools:
                    self.calls_functions, tools = False, ()
                    yield TextDelta("", problem=CALLS_NOTHING)
                else:
                    raise

    async def _pieces(self, question: Json) -> AsyncGenerator[TextDelta, None]:
        reader = ReplyReader(begins_thinking=self._begins_thinking)
        is_empty = True
        async with aclosing(self.client.chunks(question)) as chunks:
            async for chunk in chunks:
                is_empty = False
                for delta in reader.push(chunk):
                    yield delta
        if is_empty:
            raise EngineFailed(NONSENSE)
        for delta in reader.finish():
            yield delta
        self._thinks = self._thinks or reader.has_thought
        self._begins_thinking = self._begins_thinking or reader.lacks_mark

    def _question(self, told: list[Json], tools: Sequence[Json], longest_tokens: int) -> Json:
        thought_tokens = THOUGHT_TOKENS if self._thinks else 0
        question: Json = {
            "model": self._name,
            "messages": told,
            "stream": True,
            "max_tokens": longest_tokens + thought_tokens,
        }
        if self._generation.temperature:
            question["temperature"] = self._generation.temperature
        if tools:
            question["tools"] = list(tools)
        for extra in self._extras:
            question |= extra
        return question


class Completion:
    """A question under way. Its pieces are taken by one thread, which never waits by itself."""

    def __init__(
        self, background: Background, asker: Asker, told: list[Json], tools: Sequence[Json]
    ) -> None:
        """Asks at once."""
        self._arrived: deque[TextDelta] = deque()
        self._signal: Future[None] = Future()
        self._work = background.start(self._ask(asker, told, tools))
        self._work.add_done_callback(lambda _work: self._wake())

    async def _ask(self, asker: Asker, told: list[Json], tools: Sequence[Json]) -> None:
        async with aclosing(asker.replies(told, tools)) as deltas:
            async for delta in deltas:
                self._arrived.append(delta)
                self._wake()

    def _wake(self) -> None:
        """Tells the reader that there is something; runs on the background's thread."""
        signal = self._signal
        if not signal.done():
            signal.set_result(None)

    def deltas(self, cancel: Cancel) -> Iterator[TextDelta]:
        """Yields what has arrived, and where nothing has, what that waits for.

        Raises:
            EngineFailed: The server cannot answer.
        """
        while not cancel.is_set():
            # The signal before the look: what arrives in between sets the new one.
            signal = self._signal = Future[None]()
            is_over = self._work.done()
            while self._arrived:
                yield self._arrived.popleft()
                if cancel.is_set():
                    return
            if is_over:
                self._raise_failure()
                return
            if not self._work.done() and not self._arrived:
                yield TextDelta("", awaits=signal)
            # Only who asks before it is there waits here.
            while not signal.done() and not cancel.is_set():
                wait([signal], LOOK_AGAIN_S)

    def _raise_failure(self) -> None:
        try:
            self._work.result()
        except CancelledError as error:
            raise EngineFailed("the LLM server is not asked any more: try again") from error

    def withdraw(self) -> None:
        """Closes the connection, if the answer is not over: the server need not go on."""
        self._work.cancel()
