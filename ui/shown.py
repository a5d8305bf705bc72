"""What all text screens share: text that is safe to print, emotions in words and colours."""

import re
from datetime import datetime

from assistant.engines.protocols import EmotionEstimate, Transcript
from assistant.history import Turn
from assistant.records.wording import manner_of

EMOTION_COLOURS = {
    "neutral": "white",
    "happy": "yellow",
    "angry": "red",
    "sad": "bright_blue",
    "surprise": "magenta",
}
"""Names that terminals know; no meaning rests on them alone."""

PASSED_OVER = "(Paused: this was not listened to.)"
NO_WORDS = "(no words understood)"

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\s]+")


def one_line(text: str) -> str:
    """Returns `text` on one line, without anything that a terminal would act on."""
    printable = text.encode("utf-8", errors="replace").decode("utf-8")
    return _UNSAFE.sub(" ", printable).strip()


def local_time(utc: str) -> str:
    """Returns a moment of the log by the clock on the wall here; empty where it is none."""
    try:
        return f"{datetime.fromisoformat(utc).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError):
        return ""


def words_shown(transcript: Transcript) -> str:
    """Returns what the person said, on one line, and whether that is a guess, or nothing."""
    if not transcript.is_understood:
        return NO_WORDS
    text = one_line(transcript.text)
    return f"perhaps: {text}" if transcript.is_guess else text


def emotion_words(turn: Turn) -> str:
    """Returns, for example, ``sad, 81 percent``; empty where nothing is known."""
    if turn.corrected is not None:
        return f"{turn.corrected.label}, as you said"
    if turn.estimate is None:
        return ""
    return estimate_words(turn.estimate)


def estimate_words(estimate: EmotionEstimate) -> str:
    """Returns, for example, ``sad, 81 percent`` or ``unsure, perhaps sad, 41 percent``."""
    doubt = "unsure, perhaps " if estimate.abstained else ""
    return f"{doubt}{estimate.emotion.label}, {100 * estimate.confidence:.0f} percent"


def style_words(turn: Turn) -> str:
    """Returns how the answer is spoken, such as ``more slowly``; empty for its own manner."""
    return manner_of(turn.style)
