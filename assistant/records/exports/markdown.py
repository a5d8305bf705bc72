"""Markdown: the talk to be read."""

import re
from collections.abc import Iterator

from assistant.records.reading import Record
from assistant.records.transcript import describe_settings
from assistant.records.turns import RecordedTurn, recorded_turns
from assistant.records.wording import clock, emotion_of, one_line, said_of, style_of, words_of

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~&!])")


def export(record: Record) -> str:
    """Returns the talk as one document."""
    lines = [f"# Talk {plain(record.id)}", _head(record)]
    before: dict[str, object] = {}
    for turn in recorded_turns(record):
        lines += _turn(turn)
        if turn.settings and turn.settings != before:
            lines.append(f"*Answered with {plain(describe_settings(turn.settings))}.*")
            before = turn.settings
    return "\n\n".join(lines) + "\n"


def plain(text: str) -> str:
    """Returns `text` so that none of its signs is markup."""
    return _MARKS.sub(r"\\\1", one_line(text))


def _head(record: Record) -> str:
    facts = [record.started_utc, f"{clock(record.duration_s, hours=False)} long"]
    if record.is_open:
        facts.append("still being recorded")
    facts += record.log.repairs
    return f"{plain(', '.join(facts))}. Words and emotions are estimates of a machine."


def _turn(turn: RecordedTurn) -> Iterator[str]:
    when = "typed" if turn.is_typed else f"{turn.start_s:.1f}-{turn.end_s:.1f} s"
    about = ", ".join(part for part in (when, emotion_of(turn)) if part)
    yield f"**You** ({plain(about)}): {plain(words_of(turn))}"
    style = style_of(turn)
    manner = f" ({plain(style)})" if style else ""
    yield f"**Attune**{manner}: {plain(said_of(turn))}"
    if turn.turn.failure is not None:
        yield f"*{plain(turn.turn.failure)}*"
