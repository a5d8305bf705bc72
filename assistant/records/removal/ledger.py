"""What was made of a record outside its folder, so that deleting it can reach that too.

`exports.jsonl` in the folder of the record: a line is written before the file it names, so that no
crash can leave a file that nobody knows of.
"""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from assistant.records.private_files import append_line

LEDGER_NAME = "exports.jsonl"


class Exported(BaseModel):
    """A file that holds something of a record."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    utc: str
    form: str
    """`html`, `csv` and the like; `replay` for what a replay wrote."""
    path: str
    """Absolute."""
    sha256: str
    """Of its content; empty for tables, which change as records are deleted."""
    is_shared: bool = False
    """Whether it is a table that holds rows of other records too."""


def note(folder: Path, form: str, path: Path, data: bytes, *, is_shared: bool = False) -> None:
    """Notes in the folder of a record that `path` is going to hold `data`.

    Raises:
        OutputError: That cannot be noted; the file must then not be written.
    """
    exported = Exported(
        utc=datetime.now(UTC).isoformat(timespec="seconds"),
        form=form,
        path=str(path.absolute()),
        sha256="" if is_shared else hashlib.sha256(data).hexdigest(),
        is_shared=is_shared,
    )
    append_line(folder / LEDGER_NAME, exported.model_dump_json())


def exported_files(folder: Path) -> list[Exported]:
    """Returns what was made of the record in `folder`; each file once, as it was made last."""
    path = folder / LEDGER_NAME
    if path.is_symlink() or not path.is_file():
        return []
    found: dict[str, Exported] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            exported = Exported.model_validate(json.loads(line))
        except (ValueError, ValidationError):
            continue  # cut off: the file that it was to name was never begun
        found[exported.path] = exported
    return list(found.values())
