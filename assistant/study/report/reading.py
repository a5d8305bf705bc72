"""The tables of an export, read row by row and checked."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from assistant.csv_text import csv_rows
from assistant.errors import InputError
from assistant.study.report.plan import AnalysisPlan

_AGAIN = "make the export again with `app.py study export`"
_Row = TypeVar("_Row")


@dataclass(frozen=True)
class Person:
    """One participant."""

    name: str
    cell: str
    sequence: tuple[str, ...]
    status: str
    excluded: bool
    reasons: tuple[str, ...]
    demographics: Mapping[str, str]
    signs: tuple[str, ...] = ()
    """What may show that a program took part."""
    joined_utc: str = ""
    consented: bool = True


@dataclass(frozen=True)
class ScoreRow:
    """One scale of one person at one time."""

    participant: str
    block: str
    condition: str
    """Empty outside of blocks."""
    instrument: str
    scale: str
    value: float | None
    items: int
    missing: int


@dataclass(frozen=True)
class AnswerRow:
    """One answer."""

    participant: str
    block: str
    condition: str
    instrument: str
    item: str
    value: str
    seconds: float | None


@dataclass(frozen=True)
class TurnRow:
    """One turn of one conversation."""

    participant: str
    block: str
    condition: str
    emotion: str
    corrected: str
    interrupted: bool
    failed: bool
    wizard: bool
    first_audio_ms: float | None
    probe: float | None


@dataclass(frozen=True)
class Export:
    """All that a report is made of."""

    folder: Path
    facts: Mapping[str, Any]
    """study.json."""
    plan: AnalysisPlan
    people: tuple[Person, ...]
    scores: tuple[ScoreRow, ...]
    answers: tuple[AnswerRow, ...]
    turns: tuple[TurnRow, ...]

    @property
    def study(self) -> Mapping[str, Any]:
        """What study.toml says, as far as a sealed export tells it."""
        return self.facts.get("study") or {}

    @property
    def blinded(self) -> bool:
        """Whether conditions are named by letters because the key is sealed."""
        return bool(self.facts.get("blinded", False))

    @cached_property
    def conditions(self) -> tuple[str, ...]:
        """All conditions in the order of the study file; while it is sealed their letters."""
        labels = [str(label) for label in self.facts.get("labels") or ()]
        key = cast(Mapping[str, str], self.facts.get("key") or {})
        order = list(cast(Mapping[str, Any], self.study.get("conditions") or {}))
        # The letters are dealt by chance: which condition is compared with which must not be.
        named = labels if self.blinded else order or [key.get(label, label) for label in labels]
        met = {row.condition for row in self.scores} | {
            label for person in self.people for label in person.sequence
        }
        return (*named, *sorted(met - {*named, ""}))

    @cached_property
    def analysed(self) -> frozenset[str]:
        """Those who completed the study and are not excluded."""
        return frozenset(
            person.name
            for person in self.people
            if person.status == "completed" and not person.excluded
        )


def read_export(folder: Path) -> Export:
    """Returns the tables of the export in `folder`.

    Raises:
        InputError: a table is missing, damaged or lacks a column.
    """
    facts = _facts(folder / "study.json")
    study = cast(Mapping[str, Any], facts.get("study") or {})
    try:
        plan = AnalysisPlan.model_validate(study.get("analysis") or {})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{folder / 'study.json'}: analysis.{key}: {first['msg']}") from error
    return Export(
        folder=folder,
        facts=facts,
        plan=plan,
        people=tuple(_rows(folder / "participants.csv", _person)),
        scores=tuple(_rows(folder / "scores.csv", _score)),
        answers=tuple(_rows(folder / "answers.csv", _answer)),
        turns=tuple(_rows(folder / "turns.csv", _turn)),
    )


def _facts(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{path.parent} is no export of a study, it has no {path.name}: {_AGAIN}"
        ) from error
    except ValueError as error:
        raise InputError(f"{path} is damaged: {_AGAIN}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} is damaged: {_AGAIN}")
    return cast(Mapping[str, Any], content)


class _Cells:
    """The cells of one row, which know where they stand."""

    def __init__(self, path: Path, line: int, cells: Mapping[str, str | None]) -> None:
        self.place = f"{path}:{line}"
        self.cells = cells

    def text(self, column: str) -> str:
        """Returns a cell; empty if it is."""
        value = self.cells.get(column)
        if value is None:
            raise InputError(f"{self.place}: there is no column {column!r}: {_AGAIN}")
        return value

    def number(self, column: str) -> float | None:
        """Returns a number, or None for an empty cell."""
        text = self.text(column)
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if value != value or abs(value) == float("inf"):
            raise InputError(f"{self.place}: {column} is {text!r}, which is no number: {_AGAIN}")
        return value

    def flag(self, column: str) -> bool:
        """Returns whether a cell says 1."""
        return self.text(column) == "1"

    def count(self, column: str) -> int:
        """Returns a whole number; 0 for an empty cell."""
        return int(self.number(column) or 0)


def _rows(path: Path, make: Callable[[_Cells], _Row]) -> Iterator[_Row]:
    try:
        # The mark of a spreadsheet that saved the table once more is no part of its first column.
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line, cells in csv_rows(file):
                yield make(_Cells(path, line, cells))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {_AGAIN}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path} is damaged ({error}): {_AGAIN}") from error


def _person(cells: _Cells) -> Person:
    return Person(
        name=cells.text("participant"),
        cell=cells.text("cell"),
        sequence=tuple(label for label in cells.text("sequence").split(">") if label),
        status=cells.text("status"),
        excluded=cells.flag("excluded"),
        reasons=tuple(reason for reason in cells.text("exclusion_reasons").split(";") if reason),
        demographics={
            name.removeprefix("d_"): value or ""
            for name, value in cells.cells.items()
            if name.startswith("d_")
        },
        signs=tuple(kind for kind in (cells.cells.get("signs") or "").split(";") if kind),
        joined_utc=cells.text("joined_utc"),
        consented=bool(cells.text("consent_version")),
    )


def _score(cells: _Cells) -> ScoreRow:
    return ScoreRow(
        participant=cells.text("participant"),
        block=cells.text("block"),
        condition=cells.text("condition"),
        instrument=cells.text("instrument"),
        scale=cells.text("scale"),
        value=cells.number("value"),
        items=cells.count("items"),
        missing=cells.count("missing"),
    )


def _answer(cells: _Cells) -> AnswerRow:
    return AnswerRow(
        participant=cells.text("participant"),
        block=cells.text("block"),
        condition=cells.text("condition"),
        instrument=cells.text("instrument"),
        item=cells.text("item"),
        value=cells.text("value"),
        seconds=cells.number("item_s"),
    )


def _turn(cells: _Cells) -> TurnRow:
    return TurnRow(
        participant=cells.text("participant"),
        block=cells.text("block"),
        condition=cells.text("condition"),
        emotion=cells.text("emotion"),
        corrected=cells.text("corrected_emotion"),
        interrupted=cells.flag("interrupted"),
        failed=cells.flag("failed"),
        wizard=cells.flag("wizard"),
        first_audio_ms=cells.number("first_audio_ms"),
        probe=cells.number("probe"),
    )
