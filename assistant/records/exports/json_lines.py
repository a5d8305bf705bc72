"""JSON Lines: a line about the record, then one for each turn."""

import json
from typing import Any

from assistant.records.exports.columns import CONVERSATIONS, TURNS, TurnOf, turns_of
from assistant.records.reading import Record


def export(record: Record) -> str:
    """Returns the record's lines."""
    return "".join(
        json.dumps(line, ensure_ascii=False) + "\n" for line in (head(record), *turns(record))
    )


def head(record: Record) -> dict[str, Any]:
    """Returns what is known of the conversation as a whole."""
    settings = record.started.settings if record.started is not None else {}
    values = {column.name: column.value(record) for column in CONVERSATIONS}
    return {"kind": "record", **values, "settings": settings}


def turns(record: Record) -> list[dict[str, Any]]:
    """Returns the turns, with all that the table has, and their settings and times."""
    return [_turn(row) for row in turns_of(record)]


def _turn(row: TurnOf) -> dict[str, Any]:
    values = {column.name: column.value(row) for column in TURNS}
    turn = row.turn.turn
    return {
        "kind": "turn",
        **values,
        "failure": turn.failure,
        "marks_ms": turn.marks_ms,
        "settings": row.turn.settings,
    }
