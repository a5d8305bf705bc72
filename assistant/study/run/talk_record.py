"""What a record of a conversation says of how far it got."""

from pathlib import Path

from assistant import events
from assistant.errors import InputError
from assistant.records.mending import read_so_far


def answered_turns(folder: Path) -> tuple[int, float]:
    """Returns how many answers a record holds, and its length in seconds; 0 where there is none."""
    try:
        happened = read_so_far(folder).events
    except InputError:
        return 0, 0.0
    turns = {
        event.turn
        for event in happened
        if isinstance(event, events.ReplyFinished | events.Interrupted)
    }
    return len(turns), max((event.at_s for event in happened), default=0.0)
