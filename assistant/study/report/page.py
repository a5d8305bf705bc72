"""The report as one page of HTML: no script, nothing loaded, fit for phones and dark rooms."""

import html
from collections.abc import Iterable, Sequence
from pathlib import Path

from assistant.page_colours import page_colours
from assistant.study.report.analysis import Analysis
from assistant.study.report.comparisons import Finding
from assistant.study.report.measures import Measure
from assistant.study.report.plots import distribution, forest
from assistant.study.report.provenance import warnings
from assistant.study.report.sentences import finding_told, methods, overall_told, summary
from assistant.study.report.table import CellValue, Table, told

_STYLE = Path(__file__).with_name("page.css")
_FEW = 12
"""People in a comparison below whom intervals are wider than most effects."""
_PAIRS = 3
"""Pairs of conditions above which each of them is folded."""
_MANY = 6
"""Rows above which a table is folded."""


def page(analysis: Analysis) -> str:
    """Returns the whole page."""
    export = analysis.export
    title = str(export.study.get("title") or "Study")
    sections = {
        "People": _people(analysis),
        "At a glance": _glance(analysis),
        "Scores": _measures(analysis, "score"),
        "Conversations": _conversations(analysis),
        "Main effects": _factors(analysis),
        "Models": _models(analysis),
        "Reliability": _reliability(analysis),
        "Methods": _methods(analysis),
    }
    there = {name: text for name, text in sections.items() if text}
    links = "".join(f'<a href="#{_anchor(name)}">{name}</a>' for name in there)
    body = "".join(
        f'<section><h2 id="{_anchor(name)}">{name}</h2>{text}</section>'
        for name, text in there.items()
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # Even a hostile title could load nothing and run nothing.
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Report: {html.escape(title)}</title>"
        f"<style>{page_colours()}{_STYLE.read_text(encoding='utf-8')}</style></head><body><main>"
        f"<header><h1>{html.escape(title)}</h1>"
        f'<p class="soft">Report of the study</p>{_banners(analysis)}<nav>{links}</nav></header>'
        f"{body}</main></body></html>\n"
    )


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")


def _banners(analysis: Analysis) -> str:
    export = analysis.export
    found: list[str] = []
    if export.blinded:
        found.append(
            "Blinded: conditions are named by letters, and the key is still sealed. Unseal it once "
            "the analysis is fixed, then export and report again."
        )
    if any(person.name.startswith("sim") for person in export.people):
        found.append(
            "Simulated participants took part (their ids begin with sim): numbers with them are "
            "no findings."
        )
    found += warnings(export)
    least = min((_people_of(one) for one in analysis.findings), default=None)
    if least is not None and least < _FEW:
        found.append(
            f"Few people: as few as {least} in a comparison. What cannot be computed is said where "
            "it would stand; intervals are wide, and an undecided result is no evidence of absence."
        )
    if not export.analysed:
        found.append("Nobody has completed the study yet: there is nothing to analyse.")
    return "".join(f'<p class="banner">{html.escape(text)}</p>' for text in found)


def _people_of(one: Finding) -> int:
    if one.comparison is not None:
        return min(one.comparison.n_first, one.comparison.n_second)
    return min(len(one.measure.values[c]) for c in one.measure.conditions)


def _people(analysis: Analysis) -> str:
    tables = analysis.tables
    steps = "".join(
        f"<li><b>{row['people']}</b><span>{html.escape(str(row['step']))}</span></li>"
        for row in tables["flow"].rows
    )
    return (
        f'<div class="card"><ul class="flow">{steps}</ul></div>'
        f"{_card(tables['exclusions'])}{_card(tables['balance'])}{_card(tables['demographics'])}"
        f"{_card(tables['answering'])}{_card(tables['signs'])}"
        f"{_folded(tables['without_signs']) if tables['without_signs'].rows else ''}"
    )


def _glance(analysis: Analysis) -> str:
    cards = _forests(analysis.findings)
    note = (
        "Effect sizes (dz within participants, ds between them) with their intervals; shaded is "
        "what counts as no effect, the bounds of equivalence. Coloured: shown to differ after "
        "Holm's adjustment."
        if cards
        else ""
    )
    return f"<p>{html.escape(summary(analysis.findings))}</p>{_soft(note)}{cards}"


def _forests(findings: Sequence[Finding]) -> str:
    """Returns a picture for each two conditions; beyond a few they are folded."""
    by_pair: dict[tuple[str, str], list[Finding]] = {}
    for one in findings:
        if one.measure.kind == "score":
            by_pair.setdefault((one.first, one.second), []).append(one)
    pictures = {pair: forest(found) for pair, found in by_pair.items()}
    shown = {_minus(*pair): picture for pair, picture in pictures.items() if picture}
    if len(shown) > _PAIRS:
        folded = "".join(
            f"<details><summary>{head}</summary>{picture}</details>"
            for head, picture in shown.items()
        )
        return f'<div class="card">{folded}</div>'
    return "".join(
        f'<div class="card"><h3>{head}</h3>{picture}</div>' for head, picture in shown.items()
    )


def _minus(first: str, second: str) -> str:
    """Returns the second less the first, differences of differences in brackets."""
    told = [f"({name})" if "−" in name else name for name in (second, first)]
    return html.escape(" minus ".join(told))


def _measures(analysis: Analysis, kind: str) -> str:
    cards = "".join(_measure(analysis, one) for one in analysis.measures if one.kind == kind)
    every = _folded(analysis.tables["comparisons"]) if kind == "score" and cards else ""
    return f"{cards}{_folded(analysis.tables['descriptives']) if kind == 'score' else ''}{every}"


def _measure(analysis: Analysis, measure: Measure) -> str:
    found = [one for one in analysis.findings if one.measure.name == measure.name]
    overall = [overall_told(one) for one in analysis.item_models if one.measure is measure]
    words = _paragraphs(finding_told(one) for one in found)
    if len(found) > _PAIRS:
        head = f"All {len(found)} comparisons in words"
        words = f"<details><summary>{head}</summary>{words}</details>"
    primary = measure.name in analysis.export.plan.primary
    return (
        f'<div class="card"><h3>{html.escape(measure.title)}</h3>'
        f'<p class="soft small">{html.escape(measure.source)}{" · primary" if primary else ""}</p>'
        f"{distribution(measure) or _soft('No scores.')}"
        f"{_paragraphs(text for text in overall if text)}{words}</div>"
    )


def _conversations(analysis: Analysis) -> str:
    measures = _measures(analysis, "talk")
    turns = _card(analysis.tables["turns"])
    if not measures and not turns:
        return ""
    note = "Differences in delay or interruptions can make a condition look better than its voice."
    return f"{_soft(note)}{measures}{turns}{_card(analysis.tables['covariates'])}"


def _factors(analysis: Analysis) -> str:
    if not any(one.measure.kind == "score" for one in analysis.factors):
        return ""
    note = "Each factor over the levels of the others, and what one adds to the other."
    cards = _forests(analysis.factors)
    return f"{_soft(note)}{cards}{_folded(analysis.tables['factors'])}"


def _models(analysis: Analysis) -> str:
    note = (
        "Every answer to a scale's items, reversed items turned round: condition and order as "
        "fixed effects, random intercepts for people, items and conversations. Estimates are "
        "points of one item."
    )
    names = ("item_models", "item_model_spread", "demographic_models")
    cards = "".join(_card(analysis.tables[name]) for name in names)
    return f"{_soft(note)}{cards}" if cards else ""


def _reliability(analysis: Analysis) -> str:
    return _card(analysis.tables["reliability"])


def _methods(analysis: Analysis) -> str:
    texts = methods(analysis)
    files = (
        "Beside this page: each table as CSV in full precision, analysis.ipynb and analysis.py, "
        "which redo the analysis from the export."
    )
    terms = [
        f"{one.title}: {one.citation} Terms: {one.licence}."
        for one in analysis.instruments.known.values()
    ]
    sources = "".join(f'<p class="small soft">{html.escape(text)}</p>' for text in terms)
    lock = analysis.tables["lock"]
    return f'<div class="card">{_paragraphs(texts)}{_soft(files)}{sources}</div>{_folded(lock)}'


def _paragraphs(texts: Iterable[str]) -> str:
    return "".join(f"<p>{html.escape(text)}</p>" for text in texts)


def _soft(text: str) -> str:
    return f'<p class="soft small">{html.escape(text)}</p>' if text else ""


def _card(table: Table) -> str:
    if not table.rows and not table.note:
        return ""
    if len(table.rows) > 2 * _MANY:
        return _folded(table)
    return (
        f'<div class="card"><h3>{html.escape(table.title)}</h3>{_rows(table)}{_soft(table.note)}'
        "</div>"
    )


def _folded(table: Table) -> str:
    if not table.rows:
        return _card(table)
    head = html.escape(f"{table.title} ({len(table.rows)} rows)")
    return (
        f'<div class="card"><details><summary>{head}</summary>{_rows(table)}{_soft(table.note)}'
        "</details></div>"
    )


def _rows(table: Table) -> str:
    # A column in which nothing stands for any row only takes room.
    columns = {
        name: heading
        for name, heading in table.shown.items()
        if any(row.get(name) not in (None, "") for row in table.rows)
    }
    if not columns:
        return ""
    numeric = {name for name in columns if _is_numeric([row.get(name) for row in table.rows])}
    head = "".join(
        f"<th{_class(name, numeric)}>{html.escape(heading)}</th>"
        for name, heading in columns.items()
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{_class(name, numeric)}>{html.escape(told(row.get(name), name))}</td>"
            for name in columns
        )
        + "</tr>"
        for row in table.rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{html.escape(table.title)}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _class(name: str, numeric: set[str]) -> str:
    if name in numeric:
        return ' class="number"'
    if name in ("note", "verdict", "term"):
        return ' class="long"'
    if name.endswith(("interval", "_told")):
        return ' class="whole"'
    return ' class="hash"' if name == "value" else ""


def _is_numeric(cells: Sequence[CellValue]) -> bool:
    return all(cell is None or cell == "" or isinstance(cell, (int, float)) for cell in cells)
