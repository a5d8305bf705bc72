"""A table of the report: written as CSV in full, shown on the page in words and short numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from assistant.csv_text import csv_text

CellValue = str | int | float | None
Row = dict[str, CellValue]


@dataclass(frozen=True)
class Table:
    """Rows of one kind."""

    name: str
    """Of its CSV file."""
    title: str
    columns: dict[str, str]
    """Heading on the page by the column's name in the CSV; an empty one is not shown there."""
    rows: Sequence[Row]
    note: str = ""
    """What stands under it."""

    def csv(self) -> str:
        """Returns all columns as CSV, numbers in full precision and nothing for what is missing."""
        return csv_text(list(self.columns), self.rows)

    @property
    def shown(self) -> dict[str, str]:
        """The columns of the page with their headings."""
        return {name: heading for name, heading in self.columns.items() if heading}


def told(value: CellValue, column: str = "") -> str:
    """Returns a cell as the page shows it; a dash for what is missing."""
    if value is None or value == "":
        return "–"
    if isinstance(value, str):
        return value
    if column == "p" or column.endswith("_p") or column.startswith("p_"):
        return p_value(float(value))
    return number(value)


def number(value: float) -> str:
    """Returns a number with as many digits as carry meaning, its minus a real one."""
    if isinstance(value, int) or float(value).is_integer():
        text = f"{int(value)}"
    else:
        size = abs(value)
        digits = 2 if size < 10 else 1 if size < 1000 else 0
        text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.replace("-", "")
    return text.replace("-", "−")


def p_value(p: float) -> str:
    """Returns a p as papers print it: without its leading 0, and never as 0 or 1."""
    if p < 0.001:
        return "< .001"
    if p > 0.999:
        return "> .999"
    return f"{math.floor(p * 1000 + 0.5) / 1000:.3f}".removeprefix("0")


def p_told(p: float) -> str:
    """Returns "p = .034" or "p < .001", which no line breaks apart."""
    text = p_value(p)
    return (f"p {text}" if text[0] in "<>" else f"p = {text}").replace(" ", "\u00a0")
