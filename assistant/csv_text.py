"""CSV that a spreadsheet may open: what people said and wrote in it is text, and nothing is run.

A cell that a spreadsheet would take for a formula has an apostrophe before it (OWASP, CSV
Injection); `plain` takes it away again, so that nothing is lost for who reads a table by program.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

_RUNS = re.compile(r"'*(?![+-][\d.]+\Z)[=+\-@\t\r\n＝＋－＠]")
"""What spreadsheets take for a formula, the full-width signs too; a negative number is none. A
text that begins so behind apostrophes of its own gets one more: `plain` gives it back whole."""


def harmless(cell: Any) -> Any:
    """Returns a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and _RUNS.match(cell) else cell


def plain(cell: str) -> str:
    """Returns a cell as it was given to `harmless`."""
    return cell[1:] if cell.startswith("'") and _RUNS.match(cell[1:]) else cell


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Returns a table; a cell that is None or missing is empty.

    Raises:
        ValueError: A row holds what is no column.
    """
    known = set(columns)
    lines = [csv_line(columns)]
    for row in rows:
        if more := row.keys() - known:
            raise ValueError(f"the table has no column {', '.join(sorted(more))}")
        lines.append(csv_line([harmless(row.get(column)) for column in columns]))
    return "".join(lines)


def csv_line(cells: Sequence[Any]) -> str:
    """Returns cells as a line of a table, as they are."""
    text = io.StringIO(newline="")
    # With this end a cell that holds a carriage return is quoted, which Python before 3.13 leaves
    # out with others; unquoted it would end the row.
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return f"{text.getvalue()[:-2]}\n"


def csv_rows(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Yields each row with the number of its last line; its cells are as they were given.

    A cell that is missing at the end of a row is None; what is longer than its head stands
    under `…`.

    Args:
        lines: Of a file that was opened with `newline=""`.

    Raises:
        csv.Error: It is no CSV.
    """
    reader = csv.DictReader(lines, restkey="…")
    for row in reader:
        cells: dict[str, Any] = dict(row)
        yield (
            reader.line_num,
            {name: plain(cell) if isinstance(cell, str) else cell for name, cell in cells.items()},
        )
