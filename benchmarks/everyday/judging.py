"""Counts what one or two judges said of the replies on a sheet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.everyday.figures import share
from benchmarks.everyday.sheets import JUDGED, Row

NO_KEY = "all"


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What each judge said of the same replies, in the same order."""

    judges: tuple[tuple[bool, ...], ...]
    """One or two."""

    @property
    def both(self) -> tuple[bool, ...]:
        """Whether all judges said that it fits."""
        return tuple(all(said) for said in zip(*self.judges, strict=True))

    @property
    def agreement(self) -> float | None:
        """Cohen's kappa, from -1 to 1; None with one judge, or where chance agrees as well."""
        if len(self.judges) != 2 or not self.judges[0]:
            return None
        first, second = self.judges
        count = len(first)
        observed = sum(a == b for a, b in zip(first, second, strict=True)) / count
        yes = sum(first) * sum(second) / count**2
        no = (count - sum(first)) * (count - sum(second)) / count**2
        return (observed - yes - no) / (1 - yes - no) if yes + no < 1 else None


def verdict(row: Row, column: str) -> bool:
    """Returns what a judge said in a column.

    Raises:
        ValueError: The cell is neither 1 nor 0; names the row.
    """
    cell = row.get(column, "")
    if cell not in {"0", "1"}:
        raise ValueError(f"number {row['number']}: {column} is {cell!r}, but must be 1 or 0")
    return cell == "1"


def verdicts(
    judges: Sequence[Sequence[Row]], column: str, numbers: Sequence[str] | None = None
) -> Verdicts:
    """Returns what was said of the rows `numbers`, or of all.

    Raises:
        ValueError: The judges judged different rows, or left a cell open.
    """
    by_number = [{row["number"]: row for row in rows} for rows in judges]
    if any(rows.keys() != by_number[0].keys() for rows in by_number):
        raise ValueError("the judges' sheets have different rows: judge the same sheet")
    if any(len(rows) != len(known) for rows, known in zip(judges, by_number, strict=True)):
        raise ValueError("a sheet has a number twice: mix several sheets by --blind first")
    chosen = list(by_number[0]) if numbers is None else numbers
    if missing := [number for number in chosen if number not in by_number[0]]:
        raise ValueError(f"the judges' sheets lack number {missing[0]}: is it their key?")
    return Verdicts(tuple(tuple(verdict(r[n], column) for n in chosen) for r in by_number))


def judged_columns(judges: Sequence[Sequence[Row]]) -> list[str]:
    """Returns the columns that were filled in; `emotion_fits` may be left out altogether.

    Raises:
        ValueError: Nobody judged anything.
    """
    found = [c for c in JUDGED if all(any(row.get(c) for row in rows) for rows in judges)]
    if not found:
        raise ValueError(f"no sheet has anything in the column {JUDGED[0]}")
    return found


def counted(judges: Sequence[Sequence[Row]], key: Sequence[Row] = ()) -> list[list[str]]:
    """Returns the rows of a table, one for each judged column and sheet of the key."""
    numbers: dict[str, list[str]] = {}
    for row in key:
        numbers.setdefault(row["sheet"], []).append(row["blind"])
    groups: Mapping[str, list[str] | None] = {**numbers} if key else {NO_KEY: None}
    rows: list[list[str]] = []
    for column in judged_columns(judges):
        for name, chosen in groups.items():
            said = verdicts(judges, column, chosen)
            rows.append([name, column, *_cells(said)])
    return rows


def head(judges: int) -> list[str]:
    """Returns the head of the table."""
    one = [f"judge {number}" for number in range(1, judges + 1)]
    return ["sheet", "column", *one, *(("both", "kappa") if judges > 1 else ())]


def _cells(said: Verdicts) -> list[str]:
    cells = [share(sum(judge), len(judge)) for judge in said.judges]
    if len(said.judges) > 1:
        kappa = said.agreement
        cells += [share(sum(said.both), len(said.both)), "–" if kappa is None else f"{kappa:.2f}"]
    return cells
