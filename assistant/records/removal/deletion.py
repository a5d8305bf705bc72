"""Deleting records: log, sound, index and exports, with a receipt that says nothing of the talk."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from assistant.errors import InputError, OutputError
from assistant.records.backup import backups_of
from assistant.records.exports.csv_tables import without
from assistant.records.mending import is_being_written
from assistant.records.private_files import replace_text, write_new
from assistant.records.reading import LINK, RecordFolder, find_records, read_record
from assistant.records.removal.hold import check_not_held, is_on_hold
from assistant.records.removal.ledger import Exported, exported_files

RECEIPTS = "receipts"
DOOMED = ".deleted-"
"""Begins the name of a folder that is being deleted: it is no record any more."""


class Removed(BaseModel):
    """A file that was removed."""

    model_config = ConfigDict(frozen=True)

    path: str
    bytes: int


class Receipt(BaseModel):
    """What was deleted and what was not; nothing of what was said."""

    model_config = ConfigDict(frozen=True)

    format: str = "attune-deletion"
    version: int = 1
    record: str
    deleted_utc: str
    removed: list[Removed]
    """Files of the record and of its exports."""
    rows_removed_from: list[str]
    """Tables that hold other records too."""
    index: bool
    """Whether it was taken out of the index; where not, the next look at the folder does so."""
    left: list[str]
    """What may still hold something of it, with the reason: to be removed by hand."""


Forget = Callable[[str], None]
"""Takes a record out of the index."""


def delete_record(root: Path, found: RecordFolder, forget: Forget) -> tuple[Receipt, Path]:
    """Deletes a record and all that was made of it here.

    Args:
        root: The folder of records.
        found: The record; also one that is damaged.
        forget: Takes it out of the index.

    Returns:
        The receipt, and where it lies.

    Raises:
        InputError: It is a link, on hold, or still being recorded.
        OutputError: It cannot be deleted, or its receipt not be written.
    """
    if found.folder.is_symlink():
        raise InputError(LINK.format(path=found.folder))
    check_not_held(found)
    if is_being_written(found.folder):
        raise InputError(f"{found.id} is still being recorded: end the talk, then delete it")
    left: list[str] = []
    name = os.fsencode(found.id).decode("utf-8", errors="replace")
    exports = exported_files(found.folder)
    tables = [one.path for one in exports if one.is_shared and _cut_out(one, found.id, left)]
    removed = [path for one in exports if not one.is_shared for path in _remove(one, left)]
    removed += _remove_folder(root, found, name)
    left += [f"{path}: a backup that holds it" for path in backups_of(root, found.id)]
    is_forgotten = True
    try:
        forget(found.id)
    except OutputError:
        is_forgotten = False
    now = datetime.now(UTC)
    receipt = Receipt(
        record=name,
        deleted_utc=now.isoformat(timespec="seconds"),
        removed=removed,
        rows_removed_from=tables,
        index=is_forgotten,
        left=left,
    )
    path = root / RECEIPTS / f"{now:%Y%m%d-%H%M%S-%f}-{name}.json"
    write_new(path, receipt.model_dump_json(indent=2).encode(errors="replace") + b"\n")
    return receipt, path


def finish_deletions(root: Path) -> None:
    """Removes what a deletion that was interrupted has left."""
    with contextlib.suppress(OSError):
        for path in root.glob(f"{DOOMED}*"):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Old:
    """A record that is older than is allowed."""

    found: RecordFolder
    ended: datetime


def older_than(root: Path, days: float, now: datetime) -> list[Old]:
    """Returns the records whose last event, or last change, lies more than `days` back.

    What is on hold, or still being recorded, is not among them.
    """
    limit = now - timedelta(days=days)
    dated = [Old(found, _ended(found)) for found in find_records(root)]
    return [one for one in dated if one.ended < limit and not _is_kept(one.found.folder)]


def _is_kept(folder: Path) -> bool:
    return is_being_written(folder) or is_on_hold(folder)


def _ended(found: RecordFolder) -> datetime:
    """Returns when a record ended; of one that cannot be read, when it was changed last."""
    try:
        return datetime.fromisoformat(read_record(found).log.utc[-1]).astimezone(UTC)
    except (InputError, IndexError, ValueError):
        return datetime.fromtimestamp(found.folder.lstat().st_mtime, UTC)


def _cut_out(exported: Exported, record: str, left: list[str]) -> bool:
    """Removes the rows of a record from a table; returns whether it could."""
    path = Path(exported.path)
    try:
        replace_text(path, without(path.read_text(encoding="utf-8"), record))
    except FileNotFoundError:
        left.append(f"{path}: was moved or removed; where it was moved, remove the rows there")
    except (OSError, ValueError, OutputError):
        left.append(f"{path}: its rows could not be removed")
    else:
        return True
    return False


def _remove(exported: Exported, left: list[str]) -> Iterator[Removed]:
    """Removes an exported file, if it is still the one that was written."""
    path = Path(exported.path)
    try:
        if path.is_symlink() or not path.is_file():
            left.append(f"{path}: was moved or removed; where it was moved, remove it there")
            return
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != exported.sha256:
            left.append(f"{path}: was changed after the export, so it was left alone")
            return
        path.unlink()
    except OSError as error:
        left.append(f"{path}: could not be removed ({error.strerror})")
    else:
        yield Removed(path=str(path), bytes=len(data))


def _remove_folder(root: Path, found: RecordFolder, name: str) -> list[Removed]:
    removed = [
        Removed(path=f"{name}/{path.relative_to(found.folder)}", bytes=path.lstat().st_size)
        for path in sorted(found.folder.rglob("*"))
        if not path.is_dir() or path.is_symlink()
    ]
    doomed = root / f"{DOOMED}{os.getpid()}-{found.id}"
    try:
        # In one step it is no record any more: an interrupted deletion is finished later.
        found.folder.rename(doomed)
    except OSError as error:
        raise OutputError(
            f"{found.folder} could not be deleted ({error.strerror}): change its permissions and "
            "delete it again"
        ) from error
    # Another process may be finishing the same deletion: what counts is that nothing is left.
    shutil.rmtree(doomed, ignore_errors=True)
    if doomed.exists():
        raise OutputError(f"{doomed} could not be deleted whole: change its permissions, remove it")
    return removed


def summary(receipt: Receipt) -> dict[str, Any]:
    """Returns how much was removed."""
    return {
        "record": receipt.record,
        "files": len(receipt.removed),
        "bytes": sum(one.bytes for one in receipt.removed),
        "left": receipt.left,
    }
