"""The measures of a study: scales of questionnaires, and what the turns of the talks show."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any, Literal, cast

from assistant.errors import InputError
from assistant.study.instruments import instrument_path, read_instrument
from assistant.study.items import Instrument, Scale
from assistant.study.report.reading import Export, TurnRow
from assistant.study.scoring import keyed, score_range

Kind = Literal["score", "talk"]
ByPerson = Mapping[str, float]


@dataclass(frozen=True)
class Measure:
    """Values of one quantity, one for each person and condition."""

    name: str
    """"pets.emotional_responsiveness", "talk.probe"."""
    title: str
    source: str
    """The instrument's title, or "conversations"."""
    kind: Kind
    values: Mapping[str, ByPerson]
    """By condition, then by person; the condition is "" for what was asked outside of blocks."""
    low: float | None = None
    """Least value that is possible."""
    high: float | None = None

    def of(self, condition: str) -> list[float]:
        """Returns all values in one condition."""
        return list(self.values.get(condition, {}).values())

    @property
    def conditions(self) -> list[str]:
        """Conditions with values."""
        return [condition for condition, values in self.values.items() if condition and values]


@dataclass(frozen=True)
class Instruments:
    """The instruments of an export that could be read, and why others could not."""

    known: Mapping[str, Instrument]
    unknown: Mapping[str, str]
    """The reason by the instrument's name."""


def instruments_of(export: Export) -> Instruments:
    """Returns the instruments whose answers the export holds, as they were when it was locked.

    Those in a folder `instruments` of the export, or beside it as in the folder of a study, go
    before the ones that come with Attune.
    """
    lock = cast(Mapping[str, Any], export.facts.get("lock") or {})
    hashes = cast(Mapping[str, str], lock.get("instruments") or {})
    known: dict[str, Instrument] = {}
    unknown: dict[str, str] = {}
    for name in sorted({row.instrument for row in export.scores}):
        folders = [export.folder / "instruments", export.folder.parent / "instruments"]
        try:
            path = instrument_path(name, folders)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            # Another wording or key under the same name would score answers by the wrong rule.
            if hashes.get(name, digest) != digest:
                raise InputError(f"the file of {name} is not the one that the study was run with")
            known[name] = read_instrument(name, folders)
        except (InputError, OSError) as error:
            unknown[name] = str(error)
    return Instruments(known, unknown)


def measures_of(export: Export, instruments: Instruments) -> list[Measure]:
    """Returns all measures of the people who are analysed: scales first, then the talks'."""
    return [*_scales(export, instruments), *_talk_measures(export)]


def _scales(export: Export, instruments: Instruments) -> list[Measure]:
    found: dict[tuple[str, str], dict[tuple[str, str], list[float]]] = {}
    for row in export.scores:
        values = found.setdefault((row.instrument, row.scale), defaultdict(list))
        if row.value is not None and row.participant in export.analysed:
            values[row.condition, row.participant].append(row.value)
    return [
        _scale(export, instruments.known.get(name), (name, scale), values)
        for (name, scale), values in found.items()
    ]


def _scale(
    export: Export,
    instrument: Instrument | None,
    name: tuple[str, str],
    values: Mapping[tuple[str, str], list[float]],
) -> Measure:
    scale = scale_of(instrument, name[1])
    low, high = score_range(instrument, scale) if instrument and scale else (None, None)
    return Measure(
        name=".".join(name),
        title=scale.title if scale else name[1],
        source=instrument.title if instrument else name[0],
        kind="score",
        values=_by_condition(export, values),
        low=low,
        high=high,
    )


def scale_of(instrument: Instrument | None, name: str) -> Scale | None:
    """Returns the scale of this name, if the instrument is known and has it."""
    scales = instrument.scales if instrument else ()
    return next((scale for scale in scales if scale.name == name), None)


def _by_condition(
    export: Export, values: Mapping[tuple[str, str], Sequence[float]]
) -> dict[str, ByPerson]:
    """Returns the mean of each person in each condition, conditions in their order."""
    table: dict[str, dict[str, float]] = {label: {} for label in (*export.conditions, "")}
    for (condition, person), several in values.items():
        table.setdefault(condition, {})[person] = fmean(several)
    return {label: by_person for label, by_person in table.items() if by_person or label}


def _talk_measures(export: Export) -> list[Measure]:
    talks: dict[tuple[str, str], list[TurnRow]] = defaultdict(list)
    for turn in export.turns:
        if turn.participant in export.analysed and turn.condition:
            talks[turn.condition, turn.participant].append(turn)

    def measure(
        name: str, title: str, values: Mapping[tuple[str, str], float | None], low: float
    ) -> Measure:
        there = {key: [value] for key, value in values.items() if value is not None}
        table = _by_condition(export, there)
        return Measure(f"talk.{name}", title, "Conversations", "talk", table, low)

    probes = {key: _mean(turn.probe for turn in turns) for key, turns in talks.items()}
    delays = {key: _median(turn.first_audio_ms for turn in turns) for key, turns in talks.items()}
    cut = {key: 100 * fmean(turn.interrupted for turn in turns) for key, turns in talks.items()}
    counts = {key: float(len(turns)) for key, turns in talks.items()}
    found = [
        measure("probe", "Question after each answer, mean", probes, 1.0),
        measure("latency_ms", "Delay until the answer is heard, ms (median)", delays, 0.0),
        measure("interrupted", "Answers interrupted, %", cut, 0.0),
        measure("turns", "Turns of a conversation", counts, 0.0),
    ]
    return [one for one in found if any(one.values.values())]


def _mean(values: Iterable[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return fmean(there) if there else None


def _median(values: Iterable[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return median(there) if there else None


@dataclass(frozen=True)
class KeyedAnswer:
    """What one answer contributes to a scale, reversed items turned round."""

    participant: str
    condition: str
    talk: str
    """The person's block."""
    block: float
    item: str
    value: float


def keyed_answers(export: Export, instrument: Instrument, scale: Scale) -> list[KeyedAnswer]:
    """Returns the answers to the items of `scale`, of the people who are analysed."""
    items = {item.name: item for item in instrument.items if item.name in scale.items}
    found: list[KeyedAnswer] = []
    for row in export.answers:
        if row.instrument != instrument.name or row.item not in items:
            continue
        value = keyed(scale, items[row.item], row.value or None)
        if value is None or row.participant not in export.analysed:
            continue
        talk = f"{row.participant}/{row.block}"
        block = float(row.block or 0)
        found.append(KeyedAnswer(row.participant, row.condition, talk, block, row.item, value))
    return found
