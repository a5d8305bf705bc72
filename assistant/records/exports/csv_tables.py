"""Tidy CSV: one row a conversation, one row a turn, and a codebook that explains the columns."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from assistant.csv_text import csv_line, csv_text, plain
from assistant.records.exports.columns import CONVERSATIONS, TURNS, Column, turns_of
from assistant.records.reading import Record

Row = TypeVar("Row")
CODEBOOK = "codebook.csv"
KEY = "record"
"""The column by which a record's rows are found again when it is deleted."""


def export(records: Iterable[Record]) -> dict[str, str]:
    """Returns the content of each file by its name."""
    conversations: list[dict[str, Any]] = []
    turns: list[dict[str, Any]] = []
    for record in records:
        conversations.append(_cells(CONVERSATIONS, record))
        turns += [_cells(TURNS, row) for row in turns_of(record)]
    return {
        "conversations.csv": csv_text(_names(CONVERSATIONS), conversations),
        "turns.csv": csv_text(_names(TURNS), turns),
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
    kept = [row for row in rows[1:] if len(row) <= place or plain(row[place]) != record]
    # As they stand in the table: what is harmless in it stays so.
    return "".join(map(csv_line, (rows[0], *kept)))


def _codebook() -> str:
    tables: dict[str, Sequence[Column[Any]]] = {"conversations": CONVERSATIONS, "turns": TURNS}
    rows = [
        {
            "table": table,
            "column": one.name,
            "meaning": one.meaning,
            "unit": one.unit,
            "values": one.values,
        }
        for table, columns in tables.items()
        for one in columns
    ]
    return csv_text(("table", "column", "meaning", "unit", "values"), rows)


def _names(columns: Sequence[Column[Any]]) -> list[str]:
    return [column.name for column in columns]


def _cells(columns: Sequence[Column[Row]], row: Row) -> dict[str, Any]:
    return {column.name: column.cell(row) for column in columns}
