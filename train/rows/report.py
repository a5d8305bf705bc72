"""The table of rows, as Markdown and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from models.weights import write_json
from train.metrics import Figure
from train.rows import table
from train.rows.measured import MeasuredRow
from train.rows.table import FieldRow

HEAD = ("row", "BLSP-Emo", "best other", "ours", "95 % interval", "n", "interval draws", "data")
MISSING = ("row", "BLSP-Emo", "best other", "why there is no figure")


def write_report(measured: Sequence[MeasuredRow], facts: Mapping[str, Any], folder: Path) -> str:
    """Writes `rows.md` and `rows.json`; returns the Markdown.

    Args:
        measured: The rows, in the order of the table.
        facts: What all of them have in common: model, digests, judge, settings.
        folder: Where they are written.
    """
    text = markdown(measured, facts)
    (folder / "rows.md").write_text(text, encoding="utf-8")
    content = {**facts, "rows": [_as_json(row) for row in measured]}
    write_json(folder / "rows.json", content)
    return text


def markdown(measured: Sequence[MeasuredRow], facts: Mapping[str, Any]) -> str:
    """Returns one table of the rows with a figure, what explains each, and what is missing."""
    done = [row for row in measured if row.figure is not None]
    lacking = [row for row in measured if row.figure is None]
    model = f"{facts['model']} ({facts['model_digest']})"
    parts = [
        f"Model {model}, protocol {facts['protocol']}, code {facts['code']}, {facts['date']}.",
    ]
    if done:
        rows = [_cells(row) for row in done]
        parts += [_table(HEAD, rows), "\n".join(line for row in done for line in _told(row))]
    if lacking:
        rows = [(_title(m.row), *_published(m.row), m.missing) for m in lacking]
        parts += ["Without a figure:", _table(MISSING, rows)]
    sources = [line for row in measured for line in _sources(row.row)]
    parts.append("Published figures from:\n" + "\n".join(sources))
    return "\n\n".join(part for part in parts if part) + "\n"


def listing(rows: Sequence[FieldRow], corpora: Mapping[str, table.Corpus]) -> str:
    """Returns all rows with what is published, and where their corpora are had."""
    cells = [
        (row.name, row.title, *_published(row), ", ".join(row.sets) or ", ".join(row.of))
        for row in rows
    ]
    text = _table(("name", "row", "BLSP-Emo", "best other", "needs"), cells)
    return text + "\n\n" + "\n".join(f"{name}: {known.had}" for name, known in corpora.items())


def _cells(measured: MeasuredRow) -> tuple[str, ...]:
    figure = measured.figure
    assert figure is not None
    row = measured.row
    between = f"{_shown(row, figure.low)} to {_shown(row, figure.high)}"
    return (
        _title(row),
        *_published(row),
        f"**{_shown(row, figure.value)}**",
        between,
        str(figure.count),
        measured.drawn,
        measured.data or "–",
    )


def _told(measured: MeasuredRow) -> list[str]:
    """What stands under the table of one row."""
    row = measured.row
    told = [f"{name} {_with_interval(row, f)}" for name, f in measured.beside.items()]
    if row.expected and measured.figure and measured.figure.count != row.expected:
        told.append(f"{row.expected} utterances are expected")
    told += measured.notes
    if measured.judge:
        told.append(f"judge {measured.judge}")
    told += [f"left out {count}: {reason}" for reason, count in measured.drops.items()]
    told += [row.note] if row.note else []
    return [f"- {row.name}: {'; '.join(told)}."] if told else []


def _with_interval(row: FieldRow, f: Figure) -> str:
    return f"{_shown(row, f.value)} [{_shown(row, f.low)}, {_shown(row, f.high)}] (n {f.count})"


def _shown(row: FieldRow, value: float) -> str:
    if row.is_percent:
        return f"{100 * value:.1f}"
    return f"{value:.4f}" if row.scale[1] <= 1 else f"{value:.2f}"


def _title(row: FieldRow) -> str:
    return f"{row.title} (`{row.name}`)"


def _published(row: FieldRow) -> tuple[str, str]:
    own, best = row.published.blsp_emo, row.published.best
    return (
        f"{own.value:g}" if own else "–",
        f"{best.value:g} ({best.system})" if best else "–",
    )


def _sources(row: FieldRow) -> list[str]:
    own, best = row.published.blsp_emo, row.published.best
    told = [f"BLSP-Emo: {own.source}"] if own else []
    told += [f"best other: {best.source}"] if best else []
    return [f"- {row.name}: {'; '.join(told)}"] if told else []


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def _as_json(measured: MeasuredRow) -> dict[str, Any]:
    row = measured.row
    return {
        "name": row.name,
        "title": row.title,
        "measure": row.measure,
        "figure": asdict(measured.figure) if measured.figure else None,
        "interval_draws": measured.drawn,
        "missing": measured.missing,
        "beside": {name: asdict(figure) for name, figure in measured.beside.items()},
        "dropped": measured.drops,
        "notes": measured.notes,
        "data": measured.data,
        "judge": measured.judge,
        "published": row.published.model_dump(exclude_none=True),
    }
