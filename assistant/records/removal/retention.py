"""How long recorded talks are kept: a rule of their folder, obeyed without anybody asking for it.

Whoever opens the folder, a command or a running server, asks `enforce_retention`. A clock that
jumped must delete nothing, so a talk that is found too old is noted, and deleted a day later.
"""

import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assistant.errors import InputError, OutputError
from assistant.records.index import Index
from assistant.records.private_files import write_new
from assistant.records.removal.deletion import Forget, Receipt, delete_record, older_than

FILE_NAME = "retention.json"
GRACE = timedelta(days=1)
"""Between finding a talk too old and deleting it: time to set a wrong clock right."""


class Rule(BaseModel):
    """The rule of a folder of records."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str = "attune-retention"
    days: float = Field(ge=0.0, le=36_500.0)
    """Talks that ended longer ago are deleted."""
    noticed: dict[str, datetime] = Field(default_factory=dict[str, datetime])
    """When each talk was first found too old."""


def read_rule(root: Path) -> Rule | None:
    """Returns the rule of a folder; None where talks are kept until somebody deletes them.

    Raises:
        InputError: It is damaged.
    """
    path = root / FILE_NAME
    try:
        return Rule.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, ValidationError) as error:
        raise InputError(
            f"{path} is damaged: set the rule anew by `app.py records retain --days N --always`"
        ) from error


def set_rule(root: Path, days: float | None) -> None:
    """Sets the rule of a folder, or takes it away where `days` is None.

    Raises:
        OutputError: It cannot be written.
    """
    if days is not None:
        _write(root, Rule(days=days))
    else:
        (root / FILE_NAME).unlink(missing_ok=True)


def _write(root: Path, rule: Rule) -> None:
    new = root / f".{FILE_NAME}"
    with contextlib.suppress(OSError):
        new.unlink(missing_ok=True)
    write_new(new, rule.model_dump_json(indent=2).encode() + b"\n")
    try:
        new.replace(root / FILE_NAME)
    except OSError as error:
        raise OutputError(f"{root / FILE_NAME} cannot be written: {error.strerror}") from error


def forgetting(root: Path, index: str | None) -> Forget:
    """Returns what takes a record out of the index, at a URL or in the folder."""

    def forget(record: str) -> None:
        with Index(root, index) as opened:
            opened.forget([record])

    return forget


def enforce_retention(
    root: Path, forget: Forget, now: datetime | None = None
) -> list[tuple[Receipt, Path]]:
    """Deletes the talks that the rule of their folder does not allow any more; returns receipts.

    What is being recorded or on hold stays.

    Raises:
        InputError: The rule is damaged.
        OutputError: It cannot be noted, or not be deleted.
    """
    rule = read_rule(root)
    if rule is None:
        return []
    now = now or datetime.now(UTC)
    old = [one.found for one in older_than(root, rule.days, now)]
    noticed = {found.id: rule.noticed.get(found.id, now) for found in old}
    if noticed != rule.noticed:
        # What a clock that ran ahead took for old, and is not, is forgotten here.
        _write(root, rule.model_copy(update={"noticed": noticed}))
    due = [found for found in old if now - noticed[found.id] >= GRACE]
    return [delete_record(root, found, forget) for found in due]


def too_old(receipt: Receipt, path: Path) -> str:
    """Returns what is said of a deletion by the rule."""
    return f"{receipt.record} was older than may be kept and is deleted; receipt {path}"
