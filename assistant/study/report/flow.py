"""Who took part: the flow of participants, the balance of the design, exclusions, demographics."""

from collections import Counter
from statistics import fmean, stdev

from assistant.study.report.reading import Export, Person
from assistant.study.report.table import CellValue, Row, Table

LEFT = {"withdrawn": "withdrew", "dropped": "left before the end", "screened_out": "screened out"}
"""Ways to end that are not the end, in words."""
UNFINISHED = {"joined": "did not consent", "consented": "stopped early", "active": "under way"}


def flow(export: Export) -> Table:
    """Returns how many people came to which point."""
    people = export.people
    # Of whoever withdrew nothing is left but the cell, which nobody has without consent.
    consented = [p for p in people if p.consented or p.cell]
    completed = [p for p in people if p.status == "completed"]
    rows: list[Row] = [
        _step("opened the link", len(people)),
        _step("consented", len(consented)),
        _step("were given conditions", sum(1 for p in people if p.sequence or p.cell)),
        _step("completed", len(completed)),
        _step("analysed", len(export.analysed)),
    ]
    return Table("flow", "Participant flow", {"step": "Step", "people": "People"}, rows)


def _step(name: str, people: int) -> Row:
    return {"step": name, "people": people}


def losses(export: Export) -> Table:
    """Returns why people are not analysed, with their numbers."""
    reasons = Counter(_loss(person) for person in export.people)
    reasons.pop("", None)
    rows: list[Row] = [
        {"reason": reason, "people": count} for reason, count in sorted(reasons.items())
    ]
    columns = {"reason": "Reason", "people": "People"}
    note = "" if rows else "Nobody: all who came are analysed."
    return Table("exclusions", "Not analysed", columns, rows, note)


def _loss(person: Person) -> str:
    if person.status != "completed":
        return {**LEFT, **UNFINISHED}.get(person.status, person.status)
    if person.excluded:
        return "excluded: " + (", ".join(sorted(person.reasons)) or "no reason given")
    return ""


def balance(export: Export) -> Table:
    """Returns for each cell and order of conditions how many began, completed and are analysed."""
    orders = sorted({(p.cell, p.sequence) for p in export.people if p.sequence})
    rows: list[Row] = []
    for cell, sequence in orders:
        here = [p for p in export.people if (p.cell, p.sequence) == (cell, sequence)]
        rows.append(
            {
                "cell": cell,
                "sequence": " → ".join(sequence),
                "began": len(here),
                "completed": sum(p.status == "completed" for p in here),
                "analysed": sum(p.name in export.analysed for p in here),
            }
        )
    columns = {
        "cell": "Cell",
        "sequence": "Order of conditions",
        "began": "Began",
        "completed": "Completed",
        "analysed": "Analysed",
    }
    return Table("balance", "Balance of the design", columns, rows, _balance_note(export))


def _balance_note(export: Export) -> str:
    given = [p for p in export.people if p.sequence]
    if not given:
        return "Nobody was given a condition yet."
    # By cell and not by order: where chance orders the conditions, hardly two people share one.
    counts = Counter(p.cell for p in given if p.name in export.analysed)
    cells = max(len({p.cell for p in given}), int(export.facts.get("cells") or 0))
    empty = cells - sum(count > 0 for count in counts.values())
    least, most = 0 if empty else min(counts.values()), max(counts.values(), default=0)
    if least == most:
        return f"All {cells} cells are equally full."
    told = f"The {cells} cells hold between {least} and {most} people who are analysed"
    return f"{told}; {empty} are empty." if empty else f"{told}."


def demographics(export: Export) -> Table:
    """Returns what people told about themselves, of those who are analysed."""
    people = [p for p in export.people if p.name in export.analysed]
    names = list(dict.fromkeys(name for p in people for name in p.demographics))
    rows = [row for name in names for row in _answers(name, people)]
    columns = {"item": "Item", "answer": "Answer", "people": "People", "share": "%"}
    return Table("demographics", "Demographics", columns, rows)


def _answers(name: str, people: list[Person]) -> list[Row]:
    given = [p.demographics[name] for p in people if p.demographics.get(name)]
    missing = len(people) - len(given)
    numbers = [float(value) for value in given if _is_number(value)]
    rows: list[Row]
    if given and len(numbers) == len(given):
        rows = [_row(name, _spread(numbers), len(given), None)]
    else:
        counts = Counter(given)
        rows = [
            _row(name, answer, count, 100 * count / len(people))
            for answer, count in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
        ]
    if missing:
        rows.append(_row(name, "not told", missing, 100 * missing / len(people)))
    return rows


def _row(name: str, answer: str, people: int, share: CellValue) -> Row:
    return {"item": name.replace("_", " "), "answer": answer, "people": people, "share": share}


def _spread(numbers: list[float]) -> str:
    spread = f", SD {stdev(numbers):.1f}" if len(numbers) > 1 else ""
    return f"M {fmean(numbers):.1f}{spread}, {min(numbers):g} to {max(numbers):g}"


def _is_number(text: str) -> bool:
    try:
        return float(text) == float(text)
    except ValueError:
        return False
