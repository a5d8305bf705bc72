"""Calls of functions, taken out of the text of a reply while it is generated.

Open LLMs write a call into their text, between two marks, as JSON: ``{"name": …, "arguments": …}``.
A call is neither spoken nor shown; one that cannot be read is left out, with a sentence why.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any, NoReturn, cast

from assistant.engines.protocols import TextDelta, ToolCall

COMMON_MARKS = ("<tool_call>", "</tool_call>")
"""Of the families of Qwen, Hermes and SmolLM."""
SHOWN_CHARACTERS = 60


def written_call(name: str, arguments: str, marks: tuple[str, str] = COMMON_MARKS) -> str:
    """Returns a call as a model writes it; `arguments` are JSON text."""
    return f'{marks[0]}{{"name": {json.dumps(name)}, "arguments": {arguments}}}{marks[1]}'


def written_result(output: str) -> str:
    """Returns what came of a call as a model reads it."""
    return f"<tool_response>\n{output}\n</tool_response>"


def result_in(text: str) -> str | None:
    """Returns what came of a call where `text` is that, as `written_result` writes it."""
    before, after = written_result("\0").split("\0")
    if not (text.startswith(before) and text.endswith(after)):
        return None
    return text[len(before) : len(text) - len(after)]


def tool_lines(tools: Sequence[dict[str, Any]]) -> str:
    """Returns the part of a system line that names functions, as the common form has it."""
    listed = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools)
    return (
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        f"You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n"
        f"{listed}\n</tools>\n\nFor each function call, return a json object with function name "
        "and arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n"
        '{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
    )


def calls_apart(
    deltas: Iterator[TextDelta], marks: tuple[str, str], names: Collection[str] | None
) -> Iterator[TextDelta]:
    """Yields the text of a reply without its calls, and each call in its place.

    White space at either end of the text is left out: it may be all that stands beside a call.

    Args:
        deltas: The reply as it is generated, cut anywhere.
        marks: What stands before and after a call.
        names: Of the functions there are; None takes any.
    """
    reader = _Reader(marks, names)
    for delta in deltas:
        if delta.awaits is not None or delta.problem:
            yield delta
            continue
        yield from (replace(said, source=delta.source) for said in reader.push(delta.text))
        if delta.ends_sentence and reader.is_clear:
            yield replace(delta, text="")
    yield from reader.finish()


class _Reader:
    """Tells text from calls."""

    def __init__(self, marks: tuple[str, str], names: Collection[str] | None) -> None:
        self._marks = marks
        self._names = names
        self._waiting = ""
        """What may be part of a mark, or the call so far."""
        self._is_call = False
        self._space = ""
        self._has_text = False

    @property
    def is_clear(self) -> bool:
        """Whether all that came was yielded: neither a call nor the beginning of one waits."""
        return not self._is_call and not self._waiting

    def push(self, text: str) -> Iterator[TextDelta]:
        """Yields what is certain after more of the reply."""
        self._waiting += text
        while (place := self._waiting.find(mark := self._marks[self._is_call])) >= 0:
            before = self._waiting[:place]
            self._waiting = self._waiting[place + len(mark) :]
            yield from self._read(before)
            self._is_call = not self._is_call
        if not self._is_call:
            kept = _begun(self._waiting, self._marks[0])
            certain = self._waiting[: len(self._waiting) - kept]
            self._waiting = self._waiting[len(certain) :]
            yield from self._read(certain)

    def finish(self) -> Iterator[TextDelta]:
        """Yields what is left: a call at the end may lack its mark."""
        yield from self._read(self._waiting)

    def _read(self, text: str) -> Iterator[TextDelta]:
        if self._is_call:
            yield read_call(text, self._names)
            return
        text = self._space + text
        text = text if self._has_text else text.lstrip()
        said = text.rstrip()
        self._space = text[len(said) :]
        if said:
            self._has_text = True
            yield TextDelta(said)


def _begun(text: str, mark: str) -> int:
    """Returns how much of the end of `text` may be the beginning of `mark`."""
    return next((n for n in range(len(mark) - 1, 0, -1) if text.endswith(mark[:n])), 0)


def read_call(text: str, names: Collection[str] | None) -> TextDelta:
    """Returns the call that stands in `text`, or why it is left out."""
    try:
        found = json.loads(text, parse_constant=_refuse)
        fields = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        name, given = fields.get("name"), fields.get("arguments", fields.get("parameters"))
        if isinstance(given, str):
            given = json.loads(given or "{}", parse_constant=_refuse)
        arguments = json.dumps({} if given is None else given, ensure_ascii=False)
        arguments.encode()  # half a character cannot be sent
    except (ValueError, RecursionError):
        return _left_out("the model called a function, but not in JSON")
    if not isinstance(name, str) or not arguments.startswith("{"):
        return _left_out("the model called a function without a name, or arguments without names")
    if names is not None and name not in names:
        shown = name[:SHOWN_CHARACTERS].encode(errors="replace").decode()
        return _left_out(f"the model called {shown!r}, and there is no such function")
    return TextDelta("", call=ToolCall(name, arguments))


def _left_out(what: str) -> TextDelta:
    return TextDelta("", problem=f"{what}: the call is left out")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
