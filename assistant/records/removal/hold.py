"""A talk on hold: it is not deleted before somebody releases it."""

import json
from datetime import UTC, datetime
from pathlib import Path

from assistant.errors import InputError, OutputError
from assistant.records.private_files import write_new
from assistant.records.reading import RecordFolder

FILE_NAME = "hold.json"


def is_on_hold(folder: Path) -> bool:
    """Whether the record in `folder` must not be deleted now."""
    return (folder / FILE_NAME).exists()


def hold(found: RecordFolder, *, by: str, reason: str) -> None:
    """Keeps a record from being deleted until it is released.

    Raises:
        InputError: Nobody or no reason is named, or it is on hold already.
        OutputError: It cannot be noted.
    """
    if is_on_hold(found.folder):
        raise InputError(f"{found.id} is on hold already: nothing changes")
    if not by.strip() or not reason.strip():
        raise InputError("a hold leaves a trace: say --by NAME and --reason WHY")
    utc = datetime.now(UTC).isoformat(timespec="seconds")
    told = json.dumps({"by": by, "reason": reason, "utc": utc}, ensure_ascii=False)
    write_new(found.folder / FILE_NAME, told.encode() + b"\n")


def release(found: RecordFolder) -> None:
    """Ends the hold of a record.

    Raises:
        InputError: It is not on hold.
        OutputError: Its folder cannot be written in.
    """
    try:
        (found.folder / FILE_NAME).unlink()
    except FileNotFoundError:
        raise InputError(f"{found.id} is not on hold: there is nothing to release") from None
    except OSError as error:
        raise OutputError(f"{found.folder} cannot be written in: {error.strerror}") from error


def check_not_held(found: RecordFolder) -> None:
    """Makes sure that a record may be deleted.

    Raises:
        InputError: It is on hold.
    """
    if is_on_hold(found.folder):
        raise InputError(
            f"{found.id} is on hold (see {found.folder / FILE_NAME}): release it first by `app.py "
            f"records release {found.id}`"
        )
