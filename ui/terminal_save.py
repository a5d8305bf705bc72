"""Writes a talk to a readable file when the person asks for it."""

from datetime import datetime
from pathlib import Path

from assistant.conversation import Turn
from assistant.errors import OutputError
from ui.shown import one_line
from ui.terminal_plain import NO_WORDS, emotion_words, style_words
from ui.view import View


def saved_talk(view: View) -> str:
    """Returns the talk as Markdown: what was said and how, and what was heard of the answers."""
    head = f"model {view.model}, voice {view.voice}, policy {view.policy}"
    return "\n\n".join(["# A talk with Attune", head, *map(_saved_turn, view.turns)]) + "\n"


def save(view: View, folder: Path) -> Path:
    """Writes the talk into a new file in `folder` and returns its path.

    Raises:
        OutputError: It cannot be written.
    """
    path = folder / f"talk-{datetime.now():%Y%m%d-%H%M%S}.md"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(saved_talk(view), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} could not be written: {error.strerror}") from error
    return path


def _saved_turn(turn: Turn) -> str:
    words = "" if turn.transcript is None else one_line(turn.transcript.text)
    emotion = emotion_words(turn)
    person = f"**You** ({turn.start_s:.1f}-{turn.end_s:.1f} s{', ' if emotion else ''}{emotion})"
    reply = one_line(turn.heard) or "(nothing was heard)"
    cut = ", interrupted" if turn.interrupted else ""
    style = style_words(turn) or "neutral"
    lines = f"{person}: {words or NO_WORDS}\n\n**Attune** ({style}{cut}): {reply}"
    return lines if turn.failure is None else f"{lines}\n\n*{one_line(turn.failure)}*"
