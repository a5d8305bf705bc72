"""Everything that a report tells, computed from an export."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from assistant.study.report import comparisons, description, flow, models
from assistant.study.report.comparisons import Finding
from assistant.study.report.demographics import demographic_models
from assistant.study.report.factors import factor_findings
from assistant.study.report.measures import Instruments, Measure, instruments_of, measures_of
from assistant.study.report.models import Fitted
from assistant.study.report.reading import Export
from assistant.study.report.signs import signs, without_signs
from assistant.study.report.table import Row, Table


@dataclass(frozen=True)
class Analysis:
    """All results, before anything is written."""

    export: Export
    instruments: Instruments
    measures: Sequence[Measure]
    findings: Sequence[Finding]
    """Between conditions."""
    factors: Sequence[Finding]
    """Main effects and interactions; none while the key is sealed."""
    item_models: Sequence[Fitted]
    """Of the scales' single answers."""
    tables: Mapping[str, Table]
    """By name, as their CSVs are named."""


def analyse(export: Export) -> Analysis:
    """Returns all results of `export`."""
    instruments = instruments_of(export)
    measures = measures_of(export, instruments)
    findings = comparisons.findings_of(measures, export.plan)
    # Letters do not tell which conditions share a level.
    factors = [] if export.blinded else factor_findings(measures, export.conditions, export.plan)
    item_models = models.item_models(export, measures, instruments)
    tables = [
        flow.flow(export),
        flow.losses(export),
        flow.balance(export),
        flow.demographics(export),
        signs(export),
        without_signs(export, instruments),
        description.descriptives(measures),
        comparisons.table(findings, "comparisons", "All comparisons", export.plan),
        comparisons.table(factors, "factors", "Main effects and interactions", export.plan),
        models.term_table(item_models, "item_models", "Models of the answers to single items"),
        models.spread_table(item_models),
        models.term_table(
            models.covariate_models(measures),
            "covariates",
            "Scores with delay and interruptions held constant",
        ),
        models.term_table(
            demographic_models(export, measures),
            "demographic_models",
            "Scores with what people told about themselves as factors",
        ),
        description.reliability(export, instruments),
        description.answering(export),
        description.emotions(export),
        _hashes(export),
    ]
    by_name = {one.name: one for one in tables}
    return Analysis(export, instruments, measures, findings, factors, item_models, by_name)


def _hashes(export: Export) -> Table:
    """Returns what was locked: versions and hashes at the first participant, settings of the run.

    No start with other settings is let in after that, so those of the last one were in force.
    """
    lock = cast(Mapping[str, Any], export.facts.get("lock") or {})
    rows = [row for name, value in lock.items() for row in _flat(name, value)]
    runs = cast(Sequence[Mapping[str, Any]], export.facts.get("runs") or ())
    rows += _flat("settings", runs[-1].get("settings") or {}) if runs else []
    note = "" if rows else "The export holds no lock: it does not say what the study was run with."
    return Table("lock", "Locked", {"what": "What", "value": "Value"}, rows, note)


def _flat(name: str, value: object) -> list[Row]:
    if isinstance(value, dict):
        entries = cast(Mapping[str, object], value)
        return [row for key, one in entries.items() for row in _flat(f"{name}: {key}", one)]
    if isinstance(value, list):
        several = cast(Sequence[object], value)
        return [row for at, one in enumerate(several, 1) for row in _flat(f"{name} {at}", one)]
    return [{"what": name.replace("_", " "), "value": "" if value is None else str(value)}]
