"""How long the data of a study may be kept, and its deletion when that time is over.

Nobody has to remember it: every command that opens the study, and a running server by itself, ask
`enforce_retention`. A clock that jumped must not delete a study, so the first that finds the data
due only notes it; it is deleted a day later, by whoever finds it due still.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from assistant.errors import InputError, SettingsError
from assistant.records.mending import is_being_written
from assistant.study.design.reading import read_study
from assistant.study.design.study import Study
from assistant.study.keeping.store import (
    GONE,
    TALKS,
    Line,
    StudyFolder,
    append,
    read_lines,
    stamped,
)
from assistant.study.keeping.withdrawal import withdraw

GRACE = timedelta(days=1)
"""Between finding the data due and deleting it: time to set a wrong clock right."""
DUE, NOT_DUE, DELETED = "due", "not due", "deleted"
HELD, RELEASED = "held", "released"


def check_retention(study: Study, today: date | None = None) -> None:
    """Makes sure that the data of a study may still be used.

    Raises:
        SettingsError: It may not; says what becomes of it.
    """
    today = today or datetime.now(UTC).date()
    if today > study.retention_until:
        raise SettingsError(
            f"the data of this study may be kept until {study.retention_until} only: it is deleted "
            "by itself, or now by `app.py study withdraw FOLDER --expired` (or correct the clock "
            f"of this computer, which says {today})"
        )


@dataclass(frozen=True, slots=True)
class Enforced:
    """What came of a look at the date."""

    receipts: tuple[dict[str, Any], ...] = ()
    """Of what was deleted."""
    told: str = ""
    """A sentence for whoever runs the command or the server; empty where all is well."""


def enforce_retention(folder: StudyFolder, study: Study, now: datetime | None = None) -> Enforced:
    """Deletes everybody's data once it may not be kept any more, a day after that was noticed.

    What is on hold stays, and so does whoever is in a conversation, until the next look.

    Raises:
        OutputError: It cannot be noted, or not be deleted.
    """
    now = now or datetime.now(UTC)
    end = datetime.combine(study.retention_until, time(), UTC) + timedelta(days=1)
    noticed = _noticed(folder)
    if now < end - GRACE:
        if noticed is not None:
            # The clock had run ahead and was set right.
            append(folder.retention, {**stamped(NOT_DUE, {}), "utc": now.isoformat()})
        return Enforced()
    if holding(folder) is not None or not _people(folder):
        return Enforced()
    if noticed is None:
        # Already on the last day, so that a server which sees the date pass deletes on time.
        append(folder.retention, {**stamped(DUE, {}), "utc": now.isoformat()})
        noticed = now
    at = max(end, noticed + GRACE)
    if now < at:
        return Enforced(told=_announced(folder, study, at))
    return _deleted(folder, now)


def _deleted(folder: StudyFolder, now: datetime) -> Enforced:
    names = [name for name in _people(folder) if not _is_talking(folder, name)]
    if not names:
        return Enforced(told="the data is deleted as soon as the conversations under way are over")
    receipts = tuple(withdraw(folder, name, reason="retention") for name in names)
    numbers = [receipt["receipt"] for receipt in receipts]
    values = {"receipts": numbers, "left": len(_people(folder))}
    append(folder.retention, {**stamped(DELETED, values), "utc": now.isoformat()})
    told = f"the data of {len(names)} participants may not be kept any longer and was deleted"
    return Enforced(receipts, f"{told}: receipts {', '.join(numbers)}")


def _announced(folder: StudyFolder, study: Study, at: datetime) -> str:
    return (
        f"the data of {folder.path} may be kept until {study.retention_until}: it is deleted by "
        f"the next command or the running server after {at:%Y-%m-%d %H:%M} UTC (`app.py study hold "
        "FOLDER --by NAME --reason WHY` keeps it from that)"
    )


def _noticed(folder: StudyFolder) -> datetime | None:
    """Returns when the data was first found due, unless it was found not to be since."""
    found: datetime | None = None
    for line in read_lines(folder.retention):
        if line["kind"] == DUE:
            found = datetime.fromisoformat(line["utc"])
        elif line["kind"] == NOT_DUE:
            found = None
    return found


def _people(folder: StudyFolder) -> list[str]:
    return [name for name in folder.participants() if not name.startswith(GONE)]


def _is_talking(folder: StudyFolder, participant: str) -> bool:
    records: Iterable[Any] = (folder.participant(participant) / TALKS).glob("*")
    return any(is_being_written(record) for record in records)


def delete_expired(folder: StudyFolder) -> list[dict[str, Any]]:
    """Deletes everybody's data at once, as it may not be kept any more; returns the receipts.

    Raises:
        InputError: It may still be kept, or is on hold.
    """
    study = read_study(folder.path)
    today = datetime.now(UTC).date()
    if today <= study.retention_until:
        raise InputError(f"the data may be kept until {study.retention_until}: nothing is deleted")
    if (hold := holding(folder)) is not None:
        raise InputError(
            f"the data is on hold since {hold['utc'][:10]} by {hold['by']} ({hold['reason']}): "
            "release it first by `app.py study release FOLDER --by NAME`"
        )
    return [withdraw(folder, name, reason="retention") for name in _people(folder)]


# Holds.


def holding(folder: StudyFolder) -> Line | None:
    """Returns who keeps the data from being deleted, and why; None where nobody does."""
    lines = read_lines(folder.holds)
    return lines[-1] if lines and lines[-1]["kind"] == HELD else None


def hold(folder: StudyFolder, *, by: str, reason: str) -> None:
    """Keeps the data from being deleted when its time is over, until it is released.

    Raises:
        InputError: Nobody or no reason is named.
    """
    if not by.strip() or not reason.strip():
        raise InputError("a hold leaves a trace: say --by NAME and --reason WHY")
    append(folder.holds, stamped(HELD, {"by": by, "reason": reason}))


def release(folder: StudyFolder, *, by: str) -> None:
    """Ends a hold.

    Raises:
        InputError: Nobody is named, or there is no hold.
    """
    if not by.strip():
        raise InputError("a release leaves a trace: say who you are by --by NAME")
    if holding(folder) is None:
        raise InputError(f"{folder.path} is not on hold: there is nothing to release")
    append(folder.holds, stamped(RELEASED, {"by": by}))
