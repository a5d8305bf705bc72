"""Tidy CSV: one row a conversation, one row a turn, and a codebook that explains the columns."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from assistant.records.exports.columns import CONVERSATIONS, TURNS, Column, turns_of
from assistant.records.reading import Record

Row = TypeVar("Row")
CODEBOOK = "codebook.csv"
KEY = "record"
"""The column by which a record's rows are found again when it is deleted."""
_FORMULA = re.compile(r"[=+\-@\t\r](?![\d.]+$)")
"""What spreadsheets take for a formula; a negative number is none."""


def export(records: Iterable[Record]) -> dict[str, str]:
    """Returns the content of each file by its name."""
    conversations: list[list[Any]] = []
    turns: list[list[Any]] = []
    for record in records:
        conversations.append(_cells(CONVERSATIONS, record))
        turns += [_cells(TURNS, row) for row in turns_of(record)]
    return {
        "conversations.csv": _table(_names(CONVERSATIONS), conversations),
        "turns.csv": _table(_names(TURNS), turns),
        CODEBOOK: _codebook(),
    }


def without(text: str, record: str) -> str:
    """Returns a table without the rows of `record`.

    Raises:
        ValueError: It is no table of ours.
    """
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if not rows or KEY not in rows[0]:
        raise ValueError(f"the table has no column {KEY}")
    place = rows[0].index(KEY)
    kept = [row for row in rows[1:] if len(row) <= place or row[place] != _harmless(record)]
    return _table(rows[0], kept)


def _codebook() -> str:
    head = ["table", "column", "meaning", "unit", "values"]
    rows = [
        *(["conversations", one.name, one.meaning, one.unit, one.values] for one in CONVERSATIONS),
        *(["turns", one.name, one.meaning, one.unit, one.values] for one in TURNS),
    ]
    return _table(head, rows)


def _names(columns: Sequence[Column[Any]]) -> list[str]:
    return [column.name for column in columns]


def _cells(columns: Sequence[Column[Row]], row: Row) -> list[Any]:
    return [column.cell(row) for column in columns]


def _harmless(cell: Any) -> Any:
    """Returns a cell that no spreadsheet takes for a formula: words of a person may begin like one.

    An apostrophe before it makes it text; the JSON Lines hold what was said to the letter.
    """
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue()
