"""Signs that programs took part: how many people show them, and what changes without these."""

from collections import Counter
from dataclasses import replace

from assistant.study.report.comparisons import COLUMNS, findings_of, row_of
from assistant.study.report.measures import Instruments, measures_of
from assistant.study.report.reading import Export
from assistant.study.report.table import Row, Table
from assistant.study.signs.sign import KINDS

NOTE = (
    "Signs are no proof, and nobody is left out because of them: who is, is decided by people and "
    "said under “Not analysed”. The rows are in signs.csv of the export."
)


def signs(export: Export) -> Table:
    """Returns how many people show each sign."""
    everybody, analysed = Counter[str](), Counter[str]()
    for person in export.people:
        everybody.update(set(person.signs))
        if person.name in export.analysed:
            analysed.update(set(person.signs))
    rows: list[Row] = [
        {"sign": kind, "people": everybody[kind], "analysed": analysed[kind], "note": told}
        for kind, told in KINDS.items()
        if everybody[kind]
    ]
    columns = {"sign": "Sign", "people": "People", "analysed": "Analysed", "note": "What it says"}
    note = NOTE if rows else "Nobody shows one."
    return Table("signs", "Signs of machine-made answers", columns, rows, note)


def without_signs(export: Export, instruments: Instruments) -> Table:
    """Returns the comparisons of scores once more, without the people who show a sign."""
    shown = {p.name for p in export.people if p.signs and p.name in export.analysed}
    rows: list[Row] = []
    if shown:
        people = tuple(replace(p, excluded=p.excluded or p.name in shown) for p in export.people)
        rest = replace(export, people=people)
        measures = [one for one in measures_of(rest, instruments) if one.kind == "score"]
        rows = [row_of(one) for one in findings_of(measures, export.plan)]
    title = f"The same comparisons without the {len(shown)} people who show a sign"
    return Table("without_signs", title, dict(COLUMNS), rows)
