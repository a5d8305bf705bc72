"""Exports with known effects, as `study export` writes them, for tests of the report."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from assistant.study.instruments import Instrument, Item, read_instrument, score
from assistant.study.items import NUMERIC, AnswerValue

Row = dict[str, Any]


@dataclass(frozen=True)
class MadeStudy:
    """What the people of an export have done, and how the conditions truly differ."""

    people: int = 24
    conditions: tuple[str, ...] = ("A", "B")
    effects: Mapping[str, float] = field(default_factory=dict)
    """True shift of all answers of a condition, in SDs of an answer; 0 where none is named."""
    within: bool = True
    instruments: tuple[str, ...] = ("pets", "sus")
    seed: int = 1
    blinded: bool = True
    key: Mapping[str, str] = field(default_factory=dict)
    unfinished: int = 0
    """People besides, who stopped in the middle."""
    excluded: int = 0
    """People besides, who completed it and failed the attention check."""
    title: str = "Made study"
    analysis: Mapping[str, Any] = field(default_factory=dict)


def make_export(folder: Path, made: MadeStudy) -> Path:
    """Writes the export into `folder` and returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = _Tables(made)
    for number in range(made.people + made.unfinished + made.excluded):
        tables.add(number)
    for name, (columns, rows) in tables.all().items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    facts = {
        "study": {
            "title": made.title,
            "seed": made.seed,
            "design": {"kind": "within" if made.within else "between", "order": "latin"},
            **({"analysis": dict(made.analysis)} if made.analysis else {}),
        },
        "labels": [] if made.key else list(made.conditions),
        "lock": {
            "app_version": "0.1.0",
            "python_version": "3.11.9",
            "study_sha256": "0" * 64,
            "hardware": {"system": "Linux", "processor": "x86_64", "cores": 8},
        },
        "blinded": made.blinded,
        "seals": [],
    }
    if made.key:
        facts |= {"key": made.key, "labels": list(made.key)}
    (folder / "study.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder


class _Tables:
    """The rows of all people."""

    def __init__(self, made: MadeStudy) -> None:
        self.made = made
        self.chance = np.random.default_rng(made.seed)
        self.instruments = [read_instrument(name) for name in made.instruments]
        self.difficulty = {
            (instrument.name, item.name): self.chance.normal(0, 0.3)
            for instrument in self.instruments
            for item in instrument.items
        }
        self.participants: list[Row] = []
        self.answers: list[Row] = []
        self.scores: list[Row] = []
        self.turns: list[Row] = []

    def add(self, number: int) -> None:
        """Adds one person."""
        made, name = self.made, f"P{number:03}"
        order = self._order(number)
        finished = number < made.people or number >= made.people + made.unfinished
        excluded = number >= made.people + made.unfinished
        self.participants.append(
            {
                "participant": name,
                "cell": f"g{1 + made.conditions.index(order[0])}",
                "sequence": ">".join(order),
                "status": "completed" if finished else "active",
                "joined_utc": "2026-11-29T10:00:00Z",
                "completed_utc": "2026-11-29T10:30:00Z" if finished else "",
                "consent_version": "1",
                "consent_sha256": "0" * 64,
                "excluded": int(excluded),
                "exclusion_reasons": "attention:reads" if excluded else "",
                "completion_code": "X",
                "d_age": int(self.chance.integers(18, 60)),
                "d_gender": ("woman", "man", "")[number % 3],
                "source": f"participants/{name}/log.jsonl:1",
            }
        )
        trait = self.chance.normal(0, 0.6)
        for block, condition in enumerate(order, 1):
            if finished or block == 1:
                self._block(name, block, condition, trait)

    def _order(self, number: int) -> Sequence[str]:
        conditions = self.made.conditions
        start = number % len(conditions)
        turned = conditions[start:] + conditions[:start]
        return turned if self.made.within else turned[:1]

    def _block(self, name: str, block: int, condition: str, trait: float) -> None:
        liking = trait + self.chance.normal(0, 0.35) + self.made.effects.get(condition, 0.0)
        head: Row = {"participant": name, "block": block, "condition": condition}
        for turn in range(5):
            self.turns.append({**head, **self._turn(turn, liking)})
        for instrument in self.instruments:
            given = {i.name: self._answer(instrument, i, liking) for i in instrument.items}
            for place, (item, value) in enumerate(given.items(), 1):
                self.answers.append(
                    {
                        **head,
                        "step": f"block{block}-{instrument.name}",
                        "instrument": instrument.name,
                        "item": item,
                        "turn": "",
                        "position": place,
                        "value": value,
                        "item_s": round(float(self.chance.gamma(4, 1)), 2),
                        "answered_utc": "2026-11-29T10:20:00Z",
                        "source": f"participants/{name}/log.jsonl:{10 + place}",
                    }
                )
            for scale, one in score(instrument, given).items():
                self.scores.append(
                    {
                        **head,
                        "instrument": instrument.name,
                        "scale": scale,
                        "value": one.value,
                        "items": one.items,
                        "missing": one.missing,
                        "source": f"participants/{name}/log.jsonl:20",
                    }
                )

    def _answer(self, instrument: Instrument, item: Item, liking: float) -> AnswerValue:
        if item.form == "grid":
            return f"{int(self.chance.integers(1, 10))},{int(self.chance.integers(1, 10))}"
        if item.form not in NUMERIC:
            return item.labels[0] if item.labels else "words"
        turned = any(item.name in scale.reversed for scale in instrument.scales)
        pull = liking + self.difficulty[instrument.name, item.name] + self.chance.normal(0, 0.7)
        share = 0.5 + (-1 if turned else 1) * 0.18 * pull
        value = item.minimum + min(max(share, 0.0), 1.0) * (item.maximum - item.minimum)
        return round(value)

    def _turn(self, turn: int, liking: float) -> Row:
        emotion = ("neutral", "happy", "angry", "sad")[int(self.chance.integers(4))]
        return {
            "turn": turn,
            "emotion": emotion,
            "confidence": 0.7,
            "corrected_emotion": "neutral" if emotion == "angry" and turn == 3 else "",
            "interrupted": int(self.chance.random() < 0.15),
            "first_audio_ms": round(float(self.chance.gamma(20, 40)), 1),
            "failed": 0,
            "wizard": 0,
            "probe": min(7, max(1, round(4 + liking + float(self.chance.normal(0, 1))))),
        }

    def all(self) -> dict[str, tuple[list[str], list[Row]]]:
        """Returns columns and rows of each table."""
        tables = {
            "participants": self.participants,
            "answers": self.answers,
            "scores": self.scores,
            "turns": self.turns,
        }
        return {name: (_COLUMNS[name], rows) for name, rows in tables.items()}


_HEAD = ["participant", "block", "condition"]
_COLUMNS = {
    "participants": [
        *["participant", "cell", "sequence", "status", "joined_utc", "completed_utc"],
        *["consent_version", "consent_sha256", "excluded", "exclusion_reasons"],
        *["completion_code", "d_age", "d_gender", "source"],
    ],
    "answers": [
        *_HEAD,
        *["step", "instrument", "item", "turn", "position", "value", "item_s", "answered_utc"],
        "source",
    ],
    "scores": [*_HEAD, "instrument", "scale", "value", "items", "missing", "source"],
    "turns": [
        *_HEAD,
        *["turn", "emotion", "confidence", "corrected_emotion", "interrupted", "first_audio_ms"],
        *["failed", "wizard", "probe"],
    ],
}
