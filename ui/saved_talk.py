"""A talk as a file to take home: Markdown, JSON or WebVTT.

`static/panels/saved.js` writes the same.
"""

import json
from collections.abc import Mapping
from typing import Any

from assistant.conversation.in_force import UNNAMED
from assistant.history import Turn
from assistant.records.transcript import describe_settings
from ui.shown import NO_WORDS, emotion_words, one_line, style_words
from ui.view import View
from ui.view_json import view_json

READ_S = 2.0


def saved_talk(view: View, kind: str) -> str | None:
    """Returns the talk as `md`, `json` or `vtt`; None for any other kind."""
    if kind == "json":
        return json.dumps(view_json(view), ensure_ascii=False, indent=2) + "\n"
    if kind == "md":
        return _markdown(view)
    if kind == "vtt":
        return _captions(view)
    return None


def _markdown(view: View) -> str:
    before = view.turns[0].settings if view.turns else view.settings
    head = describe_settings(before)
    parts = [
        "# A talk with Attune",
        f"Begun with {head}. Words and emotions are estimates of a machine.",
    ]
    for turn in _kept(view):
        parts += [*_changes(before, turn.settings), *_turn_markdown(turn)]
        before = turn.settings
    return "\n\n".join([*parts, *_changes(before, view.settings)]) + "\n"


def _kept(view: View) -> list[Turn]:
    """Returns the turns that are saved: not what was said while the talk was paused."""
    return [turn for turn in view.turns if not turn.passed_over]


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Returns a line about the settings that differ, if there are any."""
    nothing = object()
    changed = {
        name: value
        for name, value in after.items()
        if (name in before or (before and name not in UNNAMED))
        and before.get(name, nothing) != value
    }
    return [f"*From here on: {describe_settings(changed)}.*"] if changed else []


def _turn_markdown(turn: Turn) -> list[str]:
    about = ", ".join(part for part in (_span(turn), emotion_words(turn)) if part)
    manner = style_words(turn)
    parts = [
        f"**You** ({about}): {_words(turn)}",
        f"**Attune**{f' ({manner})' if manner else ''}: {_said(turn)}",
    ]
    if turn.failure is not None:
        parts.append(f"*{one_line(turn.failure)}*")
    if turn.settings:
        parts.append(f"*Answered with {describe_settings(turn.settings)}.*")
    return parts


def _captions(view: View) -> str:
    cues = ["WEBVTT", ""]
    for turn in _kept(view):
        cues += _cue(turn.start_s, turn.end_s, "You", _words(turn))
        start_s, end_s, said = turn.reply_start_s, turn.reply_end_s, one_line(turn.heard)
        if start_s is not None and end_s is not None and said:
            cues += _cue(start_s, end_s, "Attune", said)
    return "\n".join(cues)


def _cue(start_s: float, end_s: float, who: str, text: str) -> list[str]:
    if end_s <= start_s:  # typed: it took no time, and is shown for as long as it takes to read
        end_s = start_s + READ_S
    # Cue text may not hold an arrow or a tag.
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace("-->", "→")
    return [f"{_time(start_s)} --> {_time(end_s)}", f"<v {who}>{safe}", ""]


def _span(turn: Turn) -> str:
    is_typed = turn.transcript is not None and turn.transcript.source == "typed"
    return "typed" if is_typed else f"{turn.start_s:.1f}-{turn.end_s:.1f} s"


def _words(turn: Turn) -> str:
    return (one_line(turn.transcript.text) if turn.transcript is not None else "") or NO_WORDS


def _said(turn: Turn) -> str:
    if turn.interrupted:
        return f"{one_line(turn.heard) or '(nothing was heard)'} … (interrupted)"
    return one_line(turn.heard or turn.generated) or "(nothing was heard)"


def _time(seconds: float) -> str:
    minutes, rest = divmod(max(0.0, seconds), 60.0)
    return f"{int(minutes) // 60:02d}:{int(minutes) % 60:02d}:{rest:06.3f}"
