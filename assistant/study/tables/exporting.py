"""Tables of a study: one row a thing, each row with the line of the log that it was read from."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from assistant.csv_text import csv_text
from assistant.errors import InputError
from assistant.study.design import assignment
from assistant.study.design.reading import read_study
from assistant.study.instruments import Instrument, read_instrument, score
from assistant.study.keeping import lock, seal
from assistant.study.keeping.participant import Participant, fold
from assistant.study.keeping.store import (
    LOG_NAME,
    PARTICIPANTS,
    TALKS,
    Line,
    StudyFolder,
    read_lines,
)
from assistant.study.keeping.store import write_private as write
from assistant.study.signs.answers import answer_signs, item_seconds, word_signs
from assistant.study.signs.sign import Sign
from assistant.study.signs.sound import sound_signs
from assistant.study.tables.codebook import CODEBOOK, demographics_rows, item_rows
from assistant.study.tables.turn_rows import turn_rows

Row = dict[str, Any]
CODEBOOK_COLUMNS = ("table", "column", "meaning", "unit", "values")
HIDDEN = ("model", "voice", "policy", "reply_source", "style_emotion", "style_intensity")
"""Columns of turns that would give a sealed condition away."""


class StudyTables:
    """The tables of a study, made of all that lies in its folder, which is read once."""

    def __init__(self, folder: StudyFolder) -> None:
        """Reads the study and all its logs.

        Raises:
            SettingsError: The study cannot be used.
            InputError: A log or an instrument is damaged.
        """
        self.folder = folder
        self.study = read_study(folder.path)
        self.is_sealed = seal.is_sealed(folder, self.study)
        wizards = {one.wizard for one in lock.conditions_of(self.study).values()}
        # Lines that an experimenter wrote tell the conditions that have a wizard.
        self._hides_wizard = self.is_sealed and len(wizards) > 1
        self.key = seal.read_key(folder) if folder.key.exists() else seal.Key({}, {})
        self.instruments: dict[str, Instrument] = {
            name: read_instrument(name, folder.instruments)
            for name in lock.instruments_of(self.study)
        }
        self.logs: dict[str, list[Line]] = {
            name: read_lines(folder.log(name)) for name in folder.participants()
        }
        states = ((name, fold(name, lines)) for name, lines in self.logs.items())
        self.states: dict[str, Participant] = {
            name: state for name, state in states if state is not None
        }
        # A disk that was full at the first line leaves an empty log, of nobody yet.
        self.logs = {name: lines for name, lines in self.logs.items() if name in self.states}

    @cached_property
    def _turns(self) -> list[Row]:
        return self.turns()

    @cached_property
    def signs(self) -> list[Sign]:
        """What may show that a program took part, or answered."""
        found = [*answer_signs(self.logs), *word_signs(self._turns)]
        found += sound_signs(self.folder.path, self._turns)
        return sorted(found, key=lambda sign: (sign.participant, sign.kind, sign.step))

    def _kinds_of(self, participant: str) -> list[str]:
        kinds = (sign.kind for sign in self.signs if sign.participant == participant)
        return list(dict.fromkeys(kinds))

    def label(self, label: str) -> str:
        """Returns a condition as it may be named: its letter while the key is sealed."""
        return label if self.is_sealed else self.key.conditions.get(label, label)

    def participants(self) -> list[Row]:
        """Returns one row for each participant."""
        return [self._participant(state) for state in self.states.values()]

    def _participant(self, state: Participant) -> Row:
        return {
            "participant": state.name,
            "cell": state.cell if self.is_sealed else self.key.cells.get(state.cell, state.cell),
            "sequence": ">".join(self.label(label) for label in state.sequence),
            "status": state.status,
            "joined_utc": state.joined_utc,
            "completed_utc": state.completed_utc,
            "consent_version": state.consent_version,
            "consent_sha256": state.consent_sha256,
            "excluded": int(bool(state.exclusions)),
            "exclusion_reasons": ";".join(state.exclusions),
            "completion_code": state.code,
            "signs": ";".join(self._kinds_of(state.name)),
            **self._demographics(state),
            "source": _source(state.name, 1),
        }

    def _demographics(self, state: Participant) -> Row:
        row: Row = {}
        for instrument in self.instruments.values():
            if instrument.kind == "demographics":
                for name in instrument.asked:
                    given = [g for (_, item), g in state.answers.items() if item == name]
                    row[f"d_{name}"] = given[0].value if given else None
        return row

    def answers(self) -> list[Row]:
        """Returns one row for each answer that counts: the last one to each item."""
        rows: list[Row] = []
        for name, lines in self.logs.items():
            state = self.states[name]
            # The folded state has the last answer to each item; its line tells it from those that
            # were changed.
            last = {given.line for given in state.answers.values()}
            steps, took = _conditions(lines), item_seconds(lines)
            rows += [
                self._answer(name, number, line, steps) | {"item_s": took.get(number)}
                for number, line in enumerate(lines, 1)
                if line["kind"] == "answered" and number in last
            ]
        return rows

    def _answer(self, name: str, number: int, line: Line, steps: Mapping[str, str]) -> Row:
        return {
            "participant": name,
            "block": line.get("block"),
            "condition": self.label(steps.get(f"block{line.get('block')}", "")),
            "step": line["step"],
            "instrument": line["instrument"],
            "item": line["item"],
            "turn": line.get("turn"),
            "position": line.get("position"),
            "value": line.get("value"),
            "seconds": line.get("seconds"),
            "answered_utc": line["utc"],
            "source": _source(name, number),
        }

    def scores(self) -> list[Row]:
        """Returns one row for each scale of each finished page of questions."""
        rows: list[Row] = []
        for name, state in self.states.items():
            steps = _conditions(self.logs[name])
            for step in state.done:
                block, instrument = _asked_at(step)
                if instrument in self.instruments:
                    rows += self._scores(state, step, block, self.instruments[instrument], steps)
        return rows

    def _scores(
        self,
        state: Participant,
        step: str,
        block: int | None,
        instrument: Instrument,
        steps: Mapping[str, str],
    ) -> Iterable[Row]:
        given = {item: one for (at, item), one in state.answers.items() if at == step}
        if not given:
            return
        # A scale has no line of its own: with this answer it was whole.
        last = max(one.line for one in given.values())
        scored = score(instrument, {item: one.value for item, one in given.items()})
        for scale, result in scored.items():
            yield {
                "participant": state.name,
                "block": block,
                "condition": self.label(steps.get(f"block{block}", "")),
                "instrument": instrument.name,
                "scale": scale,
                "value": result.value,
                "items": result.items,
                "missing": result.missing,
                "source": _source(state.name, last),
            }

    def turns(self) -> list[Row]:
        """Returns one row for each turn of each conversation that was recorded."""
        rows: list[Row] = []
        for name, lines in self.logs.items():
            state = self.states[name]
            # With the attempt: one that is begun anew counts its turns from 0 again.
            written = _of_turns(lines, "wizard")
            # An experimenter may correct a turn when its record is closed already.
            corrected = _of_turns(lines, "corrected")
            for line in lines:
                if line["kind"] != "talk_started":
                    continue
                record = self.folder.talk(name, line["folder"])
                place = f"{PARTICIPANTS}/{name}/{TALKS}/{line['folder']}"
                for row in turn_rows(record, place):
                    place_of_turn = (line["step"], line["attempt"], row["turn"])
                    row["wizard"] = int(place_of_turn in written)
                    # The record takes what stands in for the model's answer for the model's.
                    if row["wizard"] and row["reply_source"] == "model":
                        row["reply_source"] = "experimenter"
                    if emotion := corrected.get(place_of_turn, {}).get("emotion"):
                        row["corrected_emotion"] = emotion
                    rows.append(self._turn(state, line, row))
        return rows

    def _turn(self, state: Participant, started: Line, row: Row) -> Row:
        attempt = int(started["attempt"])
        probe = state.answers.get((started["step"], f"probe:{attempt}.{row['turn']}"))
        hidden = [*HIDDEN] if self.is_sealed else []
        hidden += ["wizard", "endpoint_reason"] if self._hides_wizard else []
        return {
            "participant": state.name,
            "block": started.get("block"),
            "condition": self.label(str(started["condition"])),
            "step": started["step"],
            "attempt": attempt,
            **row,
            **dict.fromkeys(hidden),
            "probe": probe.value if probe is not None else None,
            "source": row["source"],
        }

    def happenings(self) -> list[Row]:
        """Returns one row for each line of each log that tells no sealed condition."""
        return [
            {
                "participant": name,
                "kind": line["kind"],
                "utc": line["utc"],
                "monotonic_s": line["monotonic_s"],
                "detail": self._detail(line),
                "source": _source(name, number),
            }
            for name, lines in self.logs.items()
            for number, line in enumerate(lines, 1)
            if not (self._hides_wizard and line["kind"] == "wizard")
        ]

    def _detail(self, line: Line) -> str:
        rest = {k: v for k, v in line.items() if k not in ("kind", "utc", "monotonic_s")}
        return json.dumps(rest, ensure_ascii=False)

    def facts(self) -> Row:
        """Returns what the tables were made from: design, hashes, software, seal."""
        study = self.study.model_dump(mode="json", exclude={"base", "conditions", "factors"})
        if not self.is_sealed:
            # Left out while sealed: what the conditions are is what the seal hides. Labels say how
            # many.
            study["conditions"] = {
                name: condition.settled().model_dump()
                for name, condition in lock.conditions_of(self.study).items()
            }
        facts: Row = {
            "study": study,
            "labels": sorted(self.key.conditions),
            "cells": len(assignment.cells(self.study)),
            "lock": lock.read_lock(self.folder),
            "runs": read_lines(self.folder.runs),
            "blinded": self.is_sealed,
            "seals": seal.seals(self.folder),
        }
        return facts if self.is_sealed else facts | {"key": self.key.conditions}


def export(folder: StudyFolder, out: Path) -> list[Path]:
    """Writes all tables into a folder; returns their paths.

    Raises:
        InputError: Nobody has taken part yet, or a log is damaged.
        OutputError: They cannot be written.
    """
    source = StudyTables(folder)
    if not source.states:
        raise InputError(f"nobody has taken part in {folder.path} yet: there is nothing to export")
    written = write_tables(source, out)
    write(out / "study.json", json.dumps(source.facts(), indent=2, ensure_ascii=False) + "\n")
    return [*written, out / "study.json"]


def write_tables(source: StudyTables, out: Path, only: str = "") -> list[Path]:
    """Writes the tables and their codebook into a folder; returns their paths.

    Args:
        source: What they are made of.
        out: The folder.
        only: The participant whose rows are written; everybody's where none is named.
    """
    makers: dict[str, Callable[[], list[Row]]] = {
        "participants": source.participants,
        "answers": source.answers,
        "scores": source.scores,
        "turns": source.turns,
        "happenings": source.happenings,
        "signs": lambda: [asdict(sign) for sign in source.signs],
    }
    written: list[Path] = []
    extra = demographics_rows(source.instruments.values())
    for table, make in makers.items():
        columns = [column for column, *_ in CODEBOOK[table]]
        if table == "participants":
            # Before `source`, which stands last in each table.
            columns[-1:-1] = [column for column, *_ in extra]
        # Made of everybody, then chosen: signs compare what people wrote with what others wrote.
        wanted = [row for row in make() if not only or row["participant"] == only]
        written.append(_write(out / f"{table}.csv", columns, wanted))
    columns = [column for column, *_ in CODEBOOK["items"]]
    written.append(_write(out / "items.csv", columns, item_rows(source.instruments.values())))
    meanings = {**CODEBOOK, "participants": [*CODEBOOK["participants"], *extra]}
    rows: list[Row] = [
        dict(zip(CODEBOOK_COLUMNS, (table, *entry), strict=True))
        for table, entries in meanings.items()
        for entry in entries
    ]
    return [*written, _write(out / "codebook.csv", CODEBOOK_COLUMNS, rows)]


def _write(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Path:
    write(path, csv_text(columns, rows))
    return path


def _source(participant: str, number: int) -> str:
    return f"{PARTICIPANTS}/{participant}/{LOG_NAME}:{number}"


def _conditions(lines: Iterable[Line]) -> dict[str, str]:
    """Returns the label of each block."""
    return {
        f"block{number}": str(label)
        for line in lines
        if line["kind"] == "allocated"
        for number, label in enumerate(line["sequence"], 1)
    }


def _of_turns(lines: Iterable[Line], kind: str) -> dict[tuple[str, int, int], Line]:
    """Returns the last line of a kind for each turn, by step, attempt and number."""
    return {
        (line["step"], line["attempt"], line["turn"]): line
        for line in lines
        if line["kind"] == kind
    }


def _asked_at(step: str) -> tuple[int | None, str]:
    """Returns the block and the instrument of a page of questions."""
    place, _, instrument = step.partition("-")
    number = place.removeprefix("block")
    return (int(number) if number.isdigit() else None), instrument
