"""A study on disk: one append-only log for each participant, synced before anybody is told so."""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from assistant.errors import InputError, OutputError

LOG_NAME = "log.jsonl"
EXPORT = "export"
"""Begins the names of the folders of tables and reports."""
PARTICIPANTS, TALKS, INSTRUMENTS = "participants", "talks", "instruments"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,63}")
GONE = "withdrawn-"
"""Begins the name of what is left of a participant whose data was deleted."""

Line = dict[str, Any]
"""One happening: its `kind`, times, and what belongs to it."""


def check_id(participant: str) -> str:
    """Returns a participant's id if it can be one.

    Raises:
        InputError: It holds other signs than letters, digits, _ and -, or is too long.
    """
    if not _ID.fullmatch(participant) or participant.startswith(GONE):
        raise InputError(
            "this link holds no usable participant id (1 to 64 letters, digits, _ or -): open the "
            "link again exactly as you were given it"
        )
    return participant


@dataclass(frozen=True, slots=True)
class StudyFolder:
    """Where the files of a study lie."""

    path: Path

    @property
    def lock(self) -> Path:
        """What was frozen when the first participant came."""
        return self.path / "lock.json"

    @property
    def key(self) -> Path:
        """Which letter stands for which condition."""
        return self.path / "key.json"

    @property
    def seals(self) -> Path:
        """Who unsealed the key, and when."""
        return self.path / "seals.jsonl"

    @property
    def runs(self) -> Path:
        """With which software and hardware the study was run, one line a start."""
        return self.path / "runs.jsonl"

    @property
    def retention(self) -> Path:
        """When the data was found due for deletion, and when it was deleted."""
        return self.path / "retention.jsonl"

    @property
    def holds(self) -> Path:
        """Who kept the data from being deleted, and why."""
        return self.path / "holds.jsonl"

    @property
    def receipts(self) -> Path:
        """Receipts of deletion."""
        return self.path / "receipts"

    @property
    def instruments(self) -> tuple[Path, ...]:
        """Where the study's own instruments lie."""
        return (self.path / INSTRUMENTS,)

    def participant(self, name: str) -> Path:
        """Returns the folder of one participant."""
        return self.path / PARTICIPANTS / name

    def log(self, participant: str) -> Path:
        """Returns the log of one participant."""
        return self.participant(participant) / LOG_NAME

    def talk(self, participant: str, step: str) -> Path:
        """Returns the record folder of one conversation."""
        return self.participant(participant) / TALKS / step

    def participants(self) -> list[str]:
        """Returns the names of all who have a log, in the order of their joining."""
        logs = self.path.glob(f"{PARTICIPANTS}/*/{LOG_NAME}")
        found = [(_first_utc(log), log.parent.name) for log in logs]
        return [name for _, name in sorted(found)]

    @contextlib.contextmanager
    def exclusively(self) -> Generator[None]:
        """Keeps other processes from allocating cells or deleting people meanwhile."""
        self.path.joinpath(PARTICIPANTS).mkdir(mode=0o700, exist_ok=True)
        with (self.path / PARTICIPANTS / ".lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def served(self) -> Generator[None]:
        """Keeps other servers from opening the study: each would know half of the windows.

        Raises:
            InputError: Another process has it open.
        """
        self.path.joinpath(PARTICIPANTS).mkdir(mode=0o700, exist_ok=True)
        with (self.path / PARTICIPANTS / ".served").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    f"{self.path} is open already: use that server, or stop it first"
                ) from None
            yield


def stamped(kind: str, values: Mapping[str, Any]) -> Line:
    """Returns a happening of now.

    Its order is that of its line in the log: `utc` is for people, and a clock that is set while the
    study runs changes nothing; `monotonic_s` measures times within one run of the computer.
    """
    utc = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"kind": kind, "utc": utc, "monotonic_s": round(time.monotonic(), 3), **values}


def append(path: Path, line: Mapping[str, Any]) -> None:
    """Adds a line, and returns when it is on the disk; a line that was cut off before it goes.

    Raises:
        OutputError: It cannot be written; the log is as it was.
    """
    # Half of a sign, which a browser that cuts a text at its greatest length may send, is no text:
    # a question mark stands for it, and the answer is kept.
    data = json.dumps(line, ensure_ascii=False, allow_nan=False).encode(errors="replace") + b"\n"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            # Two processes, a server and a deletion say, must not write into each other's line.
            fcntl.flock(file, fcntl.LOCK_EX)
            end = _end_of_lines(file.read())
            file.truncate(end)
            file.seek(end)
            try:
                _write(file.fileno(), data)
                os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(end)
                raise
    except OSError as error:
        raise OutputError(
            f"nothing can be saved in {path.parent} ({error.strerror}): free some space; what was "
            "saved before is kept"
        ) from error


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _end_of_lines(content: bytes) -> int:
    return content.rfind(b"\n") + 1


def read_lines(path: Path) -> list[Line]:
    """Returns the whole lines of a log; empty where there is none.

    Raises:
        InputError: A line in its middle is damaged; names it.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    lines: list[Line] = []
    # The last line has no end where the process was killed while it wrote; nobody was told of it.
    for number, data in enumerate(content[: _end_of_lines(content)].split(b"\n")[:-1], 1):
        try:
            line: object = json.loads(data)
        except ValueError as error:
            raise InputError(f"{path}, line {number} is damaged: restore the file") from error
        if not isinstance(line, dict):
            raise InputError(f"{path}, line {number} is no happening: restore the file")
        lines.append(cast(Line, line))
    return lines


def _first_utc(log: Path) -> str:
    with log.open("rb") as file:
        first = file.readline()
    try:
        return str(json.loads(first)["utc"])
    except (ValueError, KeyError, TypeError):
        return ""


def write_private(path: Path, content: str) -> None:
    """Writes a whole file, for its owner only, so that it is never half there.

    Raises:
        OutputError: It cannot be written.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode())
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({error.strerror}): free some space, or let the folder be "
            "written in"
        ) from error


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
