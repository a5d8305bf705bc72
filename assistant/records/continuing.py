"""Reads a recorded talk for somebody who goes on with it."""

import itertools
from pathlib import Path

from assistant.conversation.earlier import MOST_TURNS, Earlier
from assistant.errors import InputError
from assistant.records.reading import read_chain
from assistant.records.turns import newest_turns


def earlier_talk(root: Path, name: str) -> Earlier:
    """Returns the talk in `root` whose id is `name`, or begins with it, to go on with.

    Raises:
        InputError: There is none, it is damaged, or nothing in it could be gone on with.
    """
    chain = read_chain(root, name)
    record = next(chain)
    if record.is_open:
        raise InputError(f"{record.id} is still being recorded: end that talk first")
    if not record.log.head.consent.words:
        raise InputError(
            f"{record.id} was kept without its words, so there is nothing to go on from: choose "
            "another talk"
        )
    turns = newest_turns(itertools.chain([record], chain), MOST_TURNS)
    if not any(turn.transcript is not None and turn.transcript.text.strip() for turn in turns):
        raise InputError(f"nothing was said in {record.id}: choose another talk")
    return Earlier(record.id, record.started_utc, turns)
