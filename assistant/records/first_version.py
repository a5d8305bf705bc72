"""Logs of version 1, as today's readers expect them."""

from collections.abc import Iterable
from dataclasses import replace

from assistant import events

ALIKE_S = 0.1
"""How much the length of a turn may differ by which is known again: frames are cut to samples."""


def placed(happened: Iterable[events.Event]) -> list[events.Event]:
    """Returns the events of such a log, turns that waited for an order where they were said.

    In these logs they end with the order to answer them; where they were said only `TurnHeld`
    tells. Sound that a client had recorded itself was asked in the same way, and stays there.
    """
    found: list[events.Event] = []
    held: list[events.TurnHeld] = []
    for event in happened:
        match event:
            case events.TurnHeld():
                held.append(event)
            case events.UtteranceEnded(reason="asked") if held and _is_of(event, held):
                end_s = held[-1].end_s
                event = replace(event, start_s=held[0].start_s, end_s=end_s, speech_end_s=end_s)
                held.clear()
            case _:
                pass
        found.append(event)
    return found


def _is_of(asked: events.UtteranceEnded, held: Iterable[events.TurnHeld]) -> bool:
    """Whether it is as long as what was held: the two are not told apart in any other way."""
    held_s = sum(one.end_s - one.start_s for one in held)
    return abs(asked.end_s - asked.start_s - held_s) < ALIKE_S
