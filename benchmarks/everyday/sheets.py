"""Sheets of answered talks: one a set, and blind ones in which several models are mixed."""

import csv
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from itertools import groupby
from pathlib import Path

from benchmarks.everyday.holding import AnsweredTurn

COLUMNS = tuple(field.name for field in fields(AnsweredTurn))
SHOWN = ("number", "emotion", "said", "reply")
"""What a judge sees: not what was heard, by which models can be told apart."""
JUDGED = ("fits", "emotion_fits")
KEY_COLUMNS = ("blind", "sheet", "number")
Row = Mapping[str, str]


def write_answers(path: Path, answered: Sequence[Sequence[AnsweredTurn]]) -> None:
    """Writes the sheet of a set."""
    write(path, COLUMNS, [asdict(turn) for talk in answered for turn in talk])


def write(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Writes tab-separated rows under a head; a cell's own tabs and line breaks become spaces."""
    lines = ["\t".join(columns)]
    lines += ["\t".join(" ".join(row[column].split()) for column in columns) for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read(path: Path) -> list[dict[str, str]]:
    """Returns the rows of a sheet by column.

    Raises:
        ValueError: It has no column `number`, or a row of another length; names the line.
    """
    # Judges write their columns by hand or by spreadsheet: a mark of byte order may precede.
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = [line for line in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if line]
    head = [name.strip() for name in lines[0]] if lines else []
    if not {"number", "blind"} & set(head):
        raise ValueError(f"{path} is no sheet: its first line names no column number")
    for place, line in enumerate(lines, start=1):
        if len(line) > len(head):
            raise ValueError(f"{path}, line {place}: {len(line)} cells under {len(head)} columns")
    padded = (line + [""] * (len(head) - len(line)) for line in lines[1:])
    return [{name: cell.strip() for name, cell in zip(head, line, strict=True)} for line in padded]


def mix(
    sheets: Mapping[str, Sequence[Row]], seed: int = 0
) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Returns the rows of a blind sheet and those of its key.

    Talks are put into random order; the turns of one stay together, since a reply is judged by
    what went before it.
    """
    talks = [
        (name, list(turns))
        for name, rows in sheets.items()
        for _, turns in groupby(rows, key=lambda row: row["number"].partition(".")[0])
    ]
    random.Random(seed).shuffle(talks)
    blind: list[dict[str, str]] = []
    key: list[dict[str, str]] = []
    for place, (name, turns) in enumerate(talks, start=1):
        for row in turns:
            _, dot, turn = row["number"].partition(".")
            number = f"{place}{dot}{turn}"
            shown = {column: row[column] for column in SHOWN}
            blind.append(shown | dict.fromkeys(JUDGED, "") | {"number": number})
            key.append({"blind": number, "sheet": name, "number": row["number"]})
    return blind, key
