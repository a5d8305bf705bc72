"""How a turn of a record reads, in every form that people read."""

import re

from assistant.records.transcript import (
    EmotionRecord,
    StyleRecord,
    describe_emotion,
    describe_style,
)
from assistant.records.turns import RecordedTurn

NO_WORDS, NOT_KEPT, NOTHING_HEARD = (
    "(no words understood)",
    "(words were not kept)",
    "(nothing was heard)",
)
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\s]+")


def one_line(text: str) -> str:
    """Returns `text` on one line, without anything that a terminal would act on."""
    printable = text.encode("utf-8", errors="replace").decode("utf-8")
    return _UNSAFE.sub(" ", printable).strip()


def words_of(turn: RecordedTurn) -> str:
    """Returns what the person said, on one line."""
    if turn.words is None:
        return NOT_KEPT
    return one_line(turn.words) or NO_WORDS


def said_of(turn: RecordedTurn) -> str:
    """Returns what was heard of the answer, on one line."""
    if turn.words is None and not turn.said:
        return NOT_KEPT
    said = one_line(turn.said) or NOTHING_HEARD
    return f"{said} … (interrupted)" if turn.turn.interrupted else said


def emotion_of(turn: RecordedTurn) -> str:
    """Returns, for example, ``sad 81 %`` or ``happy, corrected by person``; empty for none."""
    if turn.turn.corrected is not None:
        return f"{turn.turn.corrected.label}, corrected by {one_line(turn.corrected_by)}"
    return "" if turn.estimate is None else describe_emotion(EmotionRecord.of(turn.estimate))


def style_of(turn: RecordedTurn) -> str:
    """Returns how the answer was spoken; empty where that was not kept."""
    return "" if turn.turn.style is None else describe_style(StyleRecord.of(turn.turn.style))


def clock(seconds: float, *, mark: str = ".", hours: bool = True) -> str:
    """Returns, for example, ``00:01:02.500``; without `hours` only where there are any."""
    thousandths = round(1000 * max(0.0, seconds))
    minutes, rest = divmod(thousandths, 60_000)
    text = f"{minutes % 60:02d}:{rest // 1000:02d}{mark}{rest % 1000:03d}"
    return f"{minutes // 60:02d}:{text}" if hours or minutes >= 60 else text
