"""How a turn of a record reads, in every form that people read."""

import re
from datetime import datetime

from assistant.engines.protocols import SpeakingStyle
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


def manner_of(style: SpeakingStyle | None) -> str:
    """Returns how an answer was spoken, as people say it, such as ``more slowly, lower``."""
    if style is None:
        return ""
    ways = (
        (style.rate < 0.96, "more slowly"),
        (style.rate > 1.04, "faster"),
        (style.pitch < -0.4, "lower"),
        (style.pitch > 0.4, "higher"),
        (style.energy < -0.5, "more softly"),
        (style.energy > 0.5, "louder"),
        (style.pause > 1.15, "with longer pauses"),
        (style.pause < 0.87, "with shorter pauses"),
    )
    return ", ".join(way for is_so, way in ways if is_so)


def day_and_time(utc: str) -> str:
    """Returns a moment of the log as people write it, such as ``Sunday, 1 March 2026, 09:30``."""
    try:
        moment = datetime.fromisoformat(utc).astimezone()
    except (ValueError, OverflowError):
        return ""
    return f"{moment:%A}, {moment.day} {moment:%B %Y, %H:%M}"


def clock(seconds: float, *, mark: str = ".", hours: bool = True) -> str:
    """Returns, for example, ``00:01:02.500``; without `hours` only where there are any."""
    thousandths = round(1000 * max(0.0, seconds))
    minutes, rest = divmod(thousandths, 60_000)
    text = f"{minutes % 60:02d}:{rest // 1000:02d}{mark}{rest % 1000:03d}"
    return f"{minutes // 60:02d}:{text}" if hours or minutes >= 60 else text
