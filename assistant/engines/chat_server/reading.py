"""What an OpenAI-compatible server streams, as pieces of a reply.

Servers differ in what is harmless: a first delta with a role alone (llama.cpp, vLLM), comments that
keep the line open, a last chunk with usage and no choice, reasoning beside or inside the text. None
of that is said.
"""

import json
from collections.abc import Iterator
from typing import Any, cast

from assistant.engines.protocols import TextDelta
from assistant.engines.tool_calls import written_call
from assistant.errors import EngineFailed

Json = dict[str, Any]
THOUGHTS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("[THINK]", "[/THINK]"),
)
"""What stands before and after what a model thinks to itself."""
REASONING = ("reasoning_content", "reasoning")
"""Fields of a delta with what a model thinks, of servers that tell it apart."""
SHOWN_CHARACTERS = 200


def server_message(body: object) -> str:
    """Returns what a server says of an error, on one line; empty where it says nothing.

    OpenAI, llama.cpp, vLLM and Ollama each have a form of their own.
    """
    fields = cast(Json, body) if isinstance(body, dict) else {}
    found: object = fields.get("error", fields.get("message", fields.get("detail", "")))
    if isinstance(found, dict):
        found = cast(Json, found).get("message", "")
    text = " ".join(found.split()) if isinstance(found, str) else ""
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


class ThoughtFilter:
    """Leaves out of a text, cut anywhere, what a model thinks to itself."""

    def __init__(self, *, begins_thinking: bool = False) -> None:
        """Begins within a thought where the model is known to leave out the mark before it."""
        self._waiting = ""
        self._end = THOUGHTS[0][1] if begins_thinking else ""
        self._has_text = False
        self.has_thought = begins_thinking
        self.lacked_mark = False
        """Whether a thought ended that had never begun: what stood before it was one too."""

    def push(self, text: str) -> str:
        """Returns what is certain to be said after more of the text."""
        self._waiting += text
        said = ""
        while True:
            marks = (self._end,) if self._end else (*(m for pair in THOUGHTS for m in pair),)
            place, mark = _first(self._waiting, marks)
            if not mark:
                break
            before = self._waiting[:place]
            self._waiting = self._waiting[place + len(mark) :]
            said = self._passed(said, before, mark)
        kept = max(_begun(self._waiting, mark) for mark in marks)
        certain = self._waiting[: len(self._waiting) - kept]
        self._waiting = self._waiting[len(certain) :]
        return self._shown(said if self._end else said + certain)

    def _passed(self, said: str, before: str, mark: str) -> str:
        """Returns what is said up to a mark."""
        self.has_thought = True
        if self._end:
            self._end = ""
            return said
        end = next((end for begin, end in THOUGHTS if begin == mark), "")
        if end:
            self._end = end
            return said + before
        self.lacked_mark = True
        return ""

    def finish(self) -> str:
        """Returns what is left at the end."""
        rest, self._waiting = self._waiting, ""
        return "" if self._end else self._shown(rest)

    def _shown(self, text: str) -> str:
        """Returns `text` without the space that thoughts leave before the first word."""
        text = text if self._has_text else text.lstrip()
        self._has_text = self._has_text or bool(text)
        return text


def _first(text: str, marks: tuple[str, ...]) -> tuple[int, str]:
    found = [(place, mark) for mark in marks if (place := text.find(mark)) >= 0]
    return min(found, default=(-1, ""))


def _begun(text: str, mark: str) -> int:
    """Returns how much of the end of `text` may be the beginning of `mark`."""
    return next((n for n in range(len(mark) - 1, 0, -1) if text.endswith(mark[:n])), 0)


class ReplyReader:
    """Makes pieces of a reply of the chunks of one answer."""

    def __init__(self, *, begins_thinking: bool = False) -> None:
        self._thoughts = ThoughtFilter(begins_thinking=begins_thinking)
        self._calls: dict[int, list[str]] = {}
        self.is_finished = False
        """Whether the server has said that this is all."""
        self.has_reasoning = False

    @property
    def has_thought(self) -> bool:
        """Whether the model thought before it spoke."""
        return self.has_reasoning or self._thoughts.has_thought

    @property
    def lacks_mark(self) -> bool:
        """Whether a thought began without a mark."""
        return self._thoughts.lacked_mark

    def push(self, chunk: object) -> Iterator[TextDelta]:
        """Yields what a chunk adds.

        Raises:
            EngineFailed: The server says that it failed, or this is no chunk of a reply.
        """
        if not isinstance(chunk, dict):
            raise EngineFailed(NONSENSE)
        fields = cast(Json, chunk)
        if fields.get("error"):
            said = server_message(fields) or "it does not say why"
            raise EngineFailed(f"the LLM server broke off ({said}): try again, or look at its log")
        choices = fields.get("choices")
        if not isinstance(choices, list):
            raise EngineFailed(NONSENSE)
        for choice in cast("list[object]", choices)[:1]:
            if not isinstance(choice, dict):
                raise EngineFailed(NONSENSE)
            yield from self._choice(cast(Json, choice))

    def _choice(self, choice: Json) -> Iterator[TextDelta]:
        delta: object = choice.get("delta") or choice.get("message") or {}
        if not isinstance(delta, dict):
            raise EngineFailed(NONSENSE)
        fields = cast(Json, delta)
        self.has_reasoning = self.has_reasoning or any(fields.get(name) for name in REASONING)
        content = fields.get("content")
        if isinstance(content, str) and (text := self._thoughts.push(content)):
            yield TextDelta(text)
        self._take_calls(fields.get("tool_calls"))
        if choice.get("finish_reason"):
            self.is_finished = True

    def _take_calls(self, calls: object) -> None:
        """Takes pieces of calls: the name comes once, the arguments bit by bit."""
        for place, call in enumerate(cast("list[Any]", calls) if isinstance(calls, list) else []):
            fields = cast(Json, call) if isinstance(call, dict) else {}
            function = cast(Json, fields.get("function") or {})
            index = fields.get("index")
            kept = self._calls.setdefault(index if isinstance(index, int) else place, ["", ""])
            kept[0] += str(function.get("name") or "")
            arguments = function.get("arguments") or ""
            kept[1] += arguments if isinstance(arguments, str) else json.dumps(arguments)

    def finish(self) -> Iterator[TextDelta]:
        """Yields what is left at the end: calls are whole only then, written as models do."""
        if rest := self._thoughts.finish():
            yield TextDelta(rest)
        for name, arguments in self._calls.values():
            if name:
                yield TextDelta(written_call(name, arguments.strip() or "{}"))


NONSENSE = (
    "the LLM server does not answer as OpenAI-compatible ones do: look at --llm-server, which "
    "usually ends in /v1"
)
