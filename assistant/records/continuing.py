"""Reads a recorded talk for somebody who goes on with it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from assistant.conversation.earlier import MOST_TURNS, Earlier
from assistant.errors import InputError
from assistant.history import Turn
from assistant.records.reading import Record, find_records, read_named, read_record
from assistant.records.turns import recorded_turns

LAST = "last"
"""Names the latest talk instead of its id."""
MOST_TALKS = 8
"""How far back a chain of talks that go on from each other is followed."""


def earlier_talk(root: Path, name: str) -> Earlier:
    """Returns the talk in `root` whose id is `name`, or begins with it, to go on with.

    Raises:
        InputError: There is none, it is damaged, or nothing in it could be gone on with.
    """
    record = _named(root, name)
    if record.is_open:
        raise InputError(f"{record.id} is still being recorded: end that talk first")
    if not record.log.head.consent.words:
        raise InputError(
            f"{record.id} was kept without its words, so there is nothing to go on from: choose "
            "another talk"
        )
    turns = _turns(root, record)
    if not any(turn.transcript is not None and turn.transcript.text.strip() for turn in turns):
        raise InputError(f"nothing was said in {record.id}: choose another talk")
    return Earlier(record.id, record.started_utc, turns)


def _named(root: Path, name: str) -> Record:
    if name != LAST:
        return read_named(root, name)
    found = find_records(root)
    if not found:
        raise InputError(f"no talk is recorded in {root} yet: `app.py talk --record` records one")
    # By what their logs say: whoever copies a folder may have given it any name.
    return max((read_record(one) for one in found), key=lambda record: record.started_utc)


def _turns(root: Path, record: Record) -> tuple[Turn, ...]:
    """Returns the newest turns of a talk and of those before it, counted from 0."""
    turns: list[Turn] = []
    for talk in _chain(root, record):
        turns = [one.turn for one in recorded_turns(talk)] + turns
        if len(turns) >= MOST_TURNS:
            break
    newest = turns[-MOST_TURNS:]
    return tuple(replace(turn, index=index) for index, turn in enumerate(newest))


def _chain(root: Path, record: Record) -> Iterator[Record]:
    """Yields a talk and those that it goes on from, the newest first."""
    seen: set[str] = set()
    current: Record | None = record
    while current is not None and len(seen) < MOST_TALKS:
        yield current
        seen.add(current.id)
        current = _before(root, current, seen)


def _before(root: Path, record: Record, seen: set[str]) -> Record | None:
    """Returns the talk that `record` goes on from; None where it is none, or is gone."""
    name = record.continues
    if not name or name in seen or not (root / name).is_dir():
        return None
    try:
        before = read_named(root, name)
    except InputError:
        return None  # what was deleted or damaged since is not missed: the newer talk is there
    return before if before.log.head.consent.words else None
