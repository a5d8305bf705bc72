"""Checks that every row of an export stands in the log line that it names."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from assistant.csv_text import csv_rows

Row = dict[str, str]


def untraced(folder: Path, out: Path) -> list[str]:
    """Returns the rows of all tables in `out` that their source does not bear out.

    Args:
        folder: The study.
        out: Where its tables are.
    """

    @cache
    def lines(file: str) -> list[bytes]:
        return (folder / file).read_bytes().split(b"\n")

    return [
        f"{table} row {number}: {row['source']}"
        for table, agrees in CHECKS.items()
        for number, row in _rows(out / f"{table}.csv")
        if not _is_traced(row, agrees, lines)
    ]


def _rows(path: Path) -> Iterator[tuple[int, Row]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = (cells for _, cells in csv_rows(file))
        # Counted as rows, not lines: a text may hold some of its own.
        yield from enumerate(({k: v or "" for k, v in row.items()} for row in rows), 2)


def _is_traced(
    row: Row, agrees: Callable[[Row, dict[str, Any]], bool], lines: Callable[[str], list[bytes]]
) -> bool:
    file, _, number = row["source"].rpartition(":")
    try:
        line: Any = json.loads(lines(file)[int(number) - 1])
    except (OSError, ValueError, IndexError):
        return False
    return isinstance(line, dict) and agrees(row, line)  # pyright: ignore[reportUnknownArgumentType]


def _participant(row: Row, line: dict[str, Any]) -> bool:
    return line["kind"] in ("joined", "withdrawn")


def _answer(row: Row, line: dict[str, Any]) -> bool:
    same = all(row[key] == _text(line.get(key)) for key in ("step", "instrument", "item", "value"))
    return line["kind"] == "answered" and same and row["answered_utc"] == line["utc"]


def _score(row: Row, line: dict[str, Any]) -> bool:
    block = _text(line.get("block"))
    return line["kind"] == "answered" and (row["instrument"], row["block"]) == (
        line["instrument"],
        block,
    )


def _turn(row: Row, line: dict[str, Any]) -> bool:
    return line["event"] == "UtteranceEnded" and row["turn"] == str(line["turn"])


def _happening(row: Row, line: dict[str, Any]) -> bool:
    return row["kind"] == line["kind"] and row["utc"] == line["utc"]


def _sign(row: Row, line: dict[str, Any]) -> bool:
    return line.get("event", line.get("kind")) in SIGN_LINES[row["kind"]]


def _text(value: Any) -> str:
    return "" if value is None else str(value)


_TURN, _ANSWER = ("UtteranceEnded",), ("answered",)
SIGN_LINES = {
    "driven": ("joined", "resumed"),
    "trap": ("trapped",),
    "no_talk": ("talk_ended",),
    **dict.fromkeys(("silence", "fast", "pasted", "fast_typing", "same_text"), _ANSWER),
    **dict.fromkeys(("same_words", "replayed", "no_room"), _TURN),
}
"""On which kinds of lines each sign stands."""
CHECKS: dict[str, Callable[[Row, dict[str, Any]], bool]] = {
    "participants": _participant,
    "answers": _answer,
    "scores": _score,
    "turns": _turn,
    "happenings": _happening,
    "signs": _sign,
}
