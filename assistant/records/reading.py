"""Finds the records in a folder and reads them, without trusting any of it.

A folder with an event log or its sound is a record; its id is the folder's name. Links are never
followed: they would lead out of the folder that the person named.
"""

import difflib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from assistant.errors import InputError
from assistant.events import ConversationStarted, TalkContinued
from assistant.records.fields import misfit
from assistant.records.mending import ConversationLog, is_being_written, open_record, read_log
from assistant.records.recording import AUDIO_NAME, LOG_NAME

LINK = "{path} is a link: move what it leads to here, so that it can be read and deleted"
LAST = "last"
"""Names the latest record of a chain instead of its id."""
MOST_TALKS = 8
"""How far back a chain of talks that go on from each other is followed."""


@dataclass(frozen=True, slots=True)
class RecordFolder:
    """A folder that is, or should be, a record."""

    id: str
    folder: Path
    stamp: str
    """Changes whenever log or sound change."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record that was read."""

    id: str
    folder: Path
    log: ConversationLog
    is_open: bool
    """Whether the conversation still goes on."""

    @property
    def started(self) -> ConversationStarted | None:
        """The first event; None in a record that was cut off before it."""
        first = self.log.events[0] if self.log.events else None
        return first if isinstance(first, ConversationStarted) else None

    @property
    def continues(self) -> str:
        """The id of the recorded talk that this one goes on from; empty where it is none."""
        named = (one.record for one in self.log.events if isinstance(one, TalkContinued))
        return next(named, "")

    @property
    def started_utc(self) -> str:
        """Wall time of its beginning, ISO 8601; empty where nothing happened."""
        return self.log.utc[0] if self.log.utc else ""

    @property
    def offset_s(self) -> float:
        """Time of the first sample of sound on the clock of the events, in seconds.

        Consent may come in the middle of a talk: the record begins there.
        """
        return self.started.at_s if self.started is not None else 0.0

    @property
    def duration_s(self) -> float:
        """From the beginning of the record to the last thing that happened, in seconds."""
        return max((event.at_s for event in self.log.events), default=0.0) - self.offset_s

    @property
    def audio(self) -> Path | None:
        """The stereo WAV (left: person, right: assistant); None where no sound was kept."""
        path = self.folder / AUDIO_NAME
        return path if path.exists() else None


def no_folder(root: Path) -> str:
    """Returns what is said where nothing was recorded yet."""
    return (
        f"there is no folder {root} of recorded talks yet: name another one by --records, "
        "or record a talk by --record"
    )


def find_records(root: Path) -> list[RecordFolder]:
    """Returns the records in `root`, in the order of their ids.

    Raises:
        InputError: There is no such folder, or it cannot be read.
    """
    try:
        with os.scandir(root) as entries:
            found = [_found(root, entry) for entry in entries if not entry.name.startswith(".")]
    except FileNotFoundError as error:
        raise InputError(no_folder(root)) from error
    except OSError as error:
        raise InputError(
            f"the folder {root} cannot be read ({error.strerror}): name the one that holds "
            "recorded talks by --records"
        ) from error
    return sorted((one for one in found if one is not None), key=lambda one: one.id)


def find_record(root: Path, name: str) -> RecordFolder | None:
    """Returns the record whose id is `name`, without a look at the others; None where it is not."""
    folder = root / name
    if folder.is_symlink() or not folder.is_dir():
        return None
    stamp = stamp_of(folder)
    return RecordFolder(name, folder, stamp) if stamp else None


def resolve(root: Path, name: str) -> RecordFolder:
    """Returns the record whose id is `name`, or the only one whose id begins with it.

    Raises:
        InputError: There is none, or more than one; names near ones.
    """
    records = {found.id: found for found in find_records(root)}
    if name in records:
        return records[name]
    begins = [one for one in records if name and one.startswith(name)]
    if len(begins) == 1:
        return records[begins[0]]
    if begins:
        listed = _listed(begins)
        raise InputError(f"{name!r} could be any of {listed}: write more of the id")
    near = difflib.get_close_matches(name, records, n=3, cutoff=0.5)
    hint = f"did you mean {_listed(near)}?" if near else "`app.py records list` shows the ids"
    raise InputError(f"there is no record {name!r} in {root}: {hint}")


def read_record(found: RecordFolder) -> Record:
    """Returns a record; one that was cut off is mended first, on disk.

    Raises:
        InputError: It is damaged; names file and line, and what can be done.
    """
    for path in (found.folder, found.folder / LOG_NAME, found.folder / AUDIO_NAME):
        if path.is_symlink():
            raise InputError(LINK.format(path=path))
    # A record that still grows is not mended: its recorder would write behind the mended end.
    is_open = is_being_written(found.folder)
    log = read_log(found.folder / LOG_NAME) if is_open else open_record(found.folder)
    for line, event in enumerate(log.events, start=2):
        wrong = misfit(event)
        if wrong is not None:
            path = found.folder / LOG_NAME
            raise InputError(f"{path}, line {line} is no line of a record: {wrong} cannot be so")
    return Record(found.id, found.folder, log, is_open)


def read_named(root: Path, name: str) -> Record:
    """Returns the record in `root` whose id is `name`, or the only one whose id begins with it.

    Raises:
        InputError: There is none, more than one, or it is damaged.
    """
    found = resolve(root, name)
    return read_record(found)


def read_chain(root: Path, name: str) -> Iterator[Record]:
    """Yields the record with this id, then those that it goes on from, the newest first.

    Of these it ends at one without words, which nobody could go on from.

    Args:
        root: The folder of records.
        name: The id, its beginning, or `last` for the latest record.

    Raises:
        InputError: There is no such record, or it is damaged.
    """
    seen: set[str] = set()
    current = _latest(root) if name == LAST else read_named(root, name)
    while current is not None and len(seen) < MOST_TALKS:
        yield current
        seen.add(current.id)
        current = _before(root, current, seen)


def _latest(root: Path) -> Record:
    found = find_records(root)
    if not found:
        raise InputError(f"no talk is recorded in {root} yet: `app.py talk --record` records one")
    # By what their logs say: whoever copies a folder may have given it any name.
    return max((read_record(one) for one in found), key=lambda record: record.started_utc)


def _before(root: Path, record: Record, seen: set[str]) -> Record | None:
    """Returns the record that `record` goes on from; None where it is none, or is gone."""
    name = record.continues
    if not name or name in seen or not (root / name).is_dir():
        return None
    try:
        before = read_named(root, name)
    except InputError:
        return None  # what was deleted or damaged since is not missed: the newer talk is there
    return before if before.log.head.consent.words else None


def read_records(root: Path, names: tuple[str, ...]) -> Iterator[Record]:
    """Yields the records with these ids; all of `root` where none is named."""
    for found in [resolve(root, name) for name in names] if names else find_records(root):
        yield read_record(found)


def stamp_of(folder: Path) -> str:
    """Returns what changes whenever log or sound change; empty where there is neither."""
    parts: list[str] = []
    for name in (LOG_NAME, AUDIO_NAME):
        try:
            state = (folder / name).lstat()
        except OSError:
            continue
        parts.append(f"{name[0]}{state.st_size}.{state.st_mtime_ns}.{stat.S_IFMT(state.st_mode)}")
    return " ".join(parts)


def _found(root: Path, entry: "os.DirEntry[str]") -> RecordFolder | None:
    if entry.is_symlink():
        leads = Path(entry.path).is_dir()
        return RecordFolder(entry.name, root / entry.name, "link") if leads else None
    if not entry.is_dir(follow_symlinks=False):
        return None
    stamp = stamp_of(Path(entry.path))
    return RecordFolder(entry.name, root / entry.name, stamp) if stamp else None


def _listed(names: list[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
