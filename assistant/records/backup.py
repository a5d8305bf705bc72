"""A backup of all records in one archive, taken while talks may go on."""

import io
import json
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from assistant.errors import OutputError
from assistant.output_file import write_trouble
from assistant.records.private_files import append_line
from assistant.records.reading import find_records
from assistant.records.recording import LOG_NAME

BACKUPS_NAME = "backups.jsonl"
"""In the folder of records: which backups hold which records, for receipts of deletion."""


class Backup(BaseModel):
    """A backup that was made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    utc: str
    path: str
    records: list[str]


def back_up(root: Path, archive: Path) -> Backup:
    """Writes every record into a new `.tar.gz`; unpacked, it is a folder of records again.

    The index is left out: it is made from the logs. A log under way is taken up to its last
    whole line.

    Raises:
        InputError: The folder of records cannot be read.
        OutputError: The archive is there already, or cannot be written.
    """
    found = [one for one in find_records(root) if not one.folder.is_symlink()]
    backup = Backup(
        utc=datetime.now(UTC).isoformat(timespec="seconds"),
        path=str(archive.absolute()),
        records=[one.id for one in found],
    )
    _check_new(archive)
    append_line(root / BACKUPS_NAME, backup.model_dump_json())
    part: Path | None = None
    try:
        archive.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=archive.parent, delete=False) as file:
            part = Path(file.name)
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as tar:
                for one in found:
                    for path in _files(one.folder):
                        _add(tar, path, f"{one.id}/{path.relative_to(one.folder)}")
        _check_new(archive)  # it may have come meanwhile
        part.rename(archive)
    except OSError as error:
        raise OutputError(write_trouble(archive, error)) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)
    return backup


def backups_of(root: Path, record: str) -> list[str]:
    """Returns the backups that are still there and hold a record."""
    path = root / BACKUPS_NAME
    if path.is_symlink() or not path.is_file():
        return []
    found: dict[str, None] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            backup = Backup.model_validate(json.loads(line))
        except (ValueError, ValidationError):
            continue
        if record in backup.records and Path(backup.path).exists():
            found[backup.path] = None
    return list(found)


def _check_new(archive: Path) -> None:
    if archive.exists() or archive.is_symlink():
        raise OutputError(
            f"{archive} is there already and is not written over: choose another place by --out"
        )


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    data = path.read_bytes()
    if path.name == LOG_NAME:
        data = data[: data.rfind(b"\n") + 1]
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(data), 0o600, int(path.stat().st_mtime)
    tar.addfile(info, io.BytesIO(data))
