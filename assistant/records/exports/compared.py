"""Two talks side by side: what they were held with, what differs, and both to be listened to."""

from collections import Counter
from html import escape
from statistics import median
from urllib.parse import quote

from assistant.records.exports.page import about, filled, talk_part
from assistant.records.reading import Record
from assistant.records.turns import RecordedTurn, recorded_turns
from assistant.records.wording import clock, day_and_time, one_line
from models.emotions import EMOTION_LABELS

Facts = dict[str, str]


def compared(one: Record, other: Record, tools: str) -> str:
    """Returns the page of two talks.

    Args:
        one: The talk on the left; above, where there is little room.
        other: The one beside it.
        tools: HTML that stands above both.
    """
    names = [
        escape(day_and_time(record.started_utc) or one_line(record.id)) for record in (one, other)
    ]
    sides = "".join(
        f'<section aria-label="{which} talk, {name}"><h2><a href="{_place(record)}">{name}</a></h2>'
        f'<p class="about">{about(record)}</p>{talk_part(record, _sound(record))}</section>'
        for which, name, record in zip(("First", "Second"), names, (one, other), strict=True)
    )
    content = f'{tools}{_table(names, facts(one), facts(other))}<div class="both">{sides}</div>'
    return filled("Two talks", f"{names[0]} and {names[1]}", content, "'self'")


def facts(record: Record) -> Facts:
    """Returns what two talks are compared by, in words."""
    turns, started = recorded_turns(record), record.started
    waits = [turn.turn.marks_ms["played"] for turn in turns if "played" in turn.turn.marks_ms]
    found: Facts = {}
    if started is not None:
        found |= {"Model": started.model, "Voice": started.voice, "Policy": started.policy}
    return found | {
        "Length": clock(record.duration_s, hours=False).partition(".")[0],
        "Turns": str(len(turns)),
        "Words of the person": str(sum(len((turn.words or "").split()) for turn in turns)),
        "Words of Attune": str(sum(len(turn.said.split()) for turn in turns)),
        "Interrupted": str(sum(turn.turn.interrupted for turn in turns)),
        "Answer heard after (median)": f"{median(waits):.0f} ms" if waits else "",
        "Emotions": _emotions(turns),
    }


def _emotions(turns: list[RecordedTurn]) -> str:
    counts = Counter(
        emotion.label
        for turn in turns
        if (emotion := turn.turn.corrected or (turn.estimate and turn.estimate.emotion)) is not None
    )
    return ", ".join(f"{name} {counts[name]}" for name in EMOTION_LABELS if counts[name])


def _table(names: list[str], one: Facts, other: Facts) -> str:
    rows = "".join(
        f"<tr{_mark(one.get(name), other.get(name))}><th scope='row'>{name}</th>"
        f"<td>{_cell(one.get(name))}</td><td>{_cell(other.get(name))}</td></tr>"
        for name in dict.fromkeys((*one, *other))
        if one.get(name) or other.get(name)
    )
    head = "".join(f"<th scope='col'>{name}</th>" for name in names)
    return (
        f"<table class='facts'><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _mark(one: str | None, other: str | None) -> str:
    return "" if one == other else " class='differs'"


def _cell(text: str | None) -> str:
    return escape(one_line(text)) if text else "–"


def _place(record: Record) -> str:
    return f"/records/{quote(record.id, safe='')}"


def _sound(record: Record) -> str | None:
    return f"{_place(record)}/sound" if record.audio is not None else None
