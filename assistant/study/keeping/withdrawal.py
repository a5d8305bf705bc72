"""Deletion of one participant, with a receipt that names every file and nothing of what it held."""

import hashlib
import json
import secrets
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assistant.errors import InputError, OutputError
from assistant.study.keeping.participant import fold
from assistant.study.keeping.store import (
    EXPORT,
    GONE,
    StudyFolder,
    append,
    check_id,
    read_lines,
    sha256_of,
    stamped,
    write_private,
)


def gone_name(folder: StudyFolder, participant: str) -> str:
    """Returns the name of what stays of somebody: the id cannot be read from it.

    It is the same for the same id, so that nobody takes part again under an id that was withdrawn.
    """
    salt = folder.path / ".salt"
    if not salt.exists():
        write_private(salt, secrets.token_hex(16))
    key = salt.read_text(encoding="utf-8").encode()
    digest = hashlib.blake2b(participant.encode(), key=key, digest_size=8)
    return GONE + digest.hexdigest()


def withdraw(folder: StudyFolder, participant: str, *, reason: str) -> dict[str, Any]:
    """Deletes all data of a participant; returns the receipt, which is stored too.

    What stays is a line that somebody was here, in which cell, and when the data was deleted:
    without it nobody could say how many people took part.

    Raises:
        InputError: Nobody of this id has joined.
        OutputError: Something could not be deleted; names it.
    """
    place = folder.participant(check_id(participant))
    with folder.exclusively():
        state = fold(participant, read_lines(folder.log(participant)))
        if state is None:
            raise InputError(f"there is no participant {participant!r} in {folder.path}")
        gone = gone_name(folder, participant)
        files = sorted(path for path in place.rglob("*") if path.is_file())
        tables = _naming(folder, participant)
        receipt = {
            "receipt": secrets.token_hex(6).upper(),
            "utc": datetime.now(UTC).isoformat(timespec="seconds"),
            "reason": reason,
            "study": folder.path.name,
            "left": gone,
            "deleted": [_entry(path, folder.path, participant) for path in (*files, *tables)],
        }
        left = {"joined_utc": state.joined_utc, "cell": state.cell, "reason": reason}
        append(folder.log(gone), stamped("withdrawn", {**left, "receipt": receipt["receipt"]}))
        for path in tables:
            path.unlink(missing_ok=True)
        _delete(place)
    name = f"{receipt['receipt']}.json"
    write_private(folder.receipts / name, json.dumps(receipt, indent=2, ensure_ascii=False) + "\n")
    return receipt


def _naming(folder: StudyFolder, participant: str) -> list[Path]:
    """Returns the tables and reports in the study's folder that name a participant.

    They are made again by the next export, without this participant.
    """
    made = (path for path in folder.path.glob(f"{EXPORT}*/**/*") if path.is_file())
    wanted = participant.encode()
    return sorted(p for p in made if participant in p.parts or wanted in p.read_bytes())


def _entry(path: Path, study: Path, participant: str) -> dict[str, Any]:
    size, digest = path.stat().st_size, sha256_of(path)
    # The id stands in no receipt: what is left must not say who took part.
    parts = path.relative_to(study).parts
    relative = "/".join("…" if part == participant else part for part in parts)
    return {"file": relative, "bytes": size, "sha256": digest}


def _delete(place: Path) -> None:
    try:
        shutil.rmtree(place)
    except OSError as error:
        raise OutputError(
            f"{place} could not be deleted whole ({error.strerror}): let it be written in, and "
            "withdraw again"
        ) from error
