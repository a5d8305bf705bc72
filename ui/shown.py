"""What all text screens share: text that is safe to print, and the colours of the emotions."""

import re

EMOTION_COLOURS = {
    "neutral": "white",
    "happy": "yellow",
    "angry": "red",
    "sad": "bright_blue",
    "surprise": "magenta",
}
"""Names that terminals know; no meaning rests on them alone."""

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\s]+")


def one_line(text: str) -> str:
    """Returns `text` on one line, without anything that a terminal would act on."""
    printable = text.encode("utf-8", errors="replace").decode("utf-8")
    return _UNSAFE.sub(" ", printable).strip()
