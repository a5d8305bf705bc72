"""A conversation as a file to take home: Markdown, JSON or WebVTT."""

import json

from assistant.conversation import Turn
from assistant.transcript import EmotionRecord, describe_emotion
from ui.realtime_view import view_json
from ui.view import View


def transcript_of(view: View, kind: str) -> str | None:
    """Returns the conversation as `md`, `json` or `vtt`; None for any other kind."""
    if kind == "json":
        return json.dumps(view_json(view), ensure_ascii=False, indent=2) + "\n"
    if kind == "md":
        return _markdown(view)
    if kind == "vtt":
        return _captions(view)
    return None


def _markdown(view: View) -> str:
    head = (
        "# A talk with Attune\n\n"
        f"Model {view.model}, voice {view.voice}, reply policy {view.policy}. "
        "Words and emotions are estimates of a machine.\n"
    )
    return "\n".join([head, *(_turn_markdown(turn) for turn in view.turns)])


def _turn_markdown(turn: Turn) -> str:
    emotion = _emotion(turn)
    note = f" ({emotion})" if emotion else ""
    lines = [f"**You**{note}: {_words(turn)}", "", f"**Attune**: {_said(turn)}", ""]
    return "\n".join(lines)


def _captions(view: View) -> str:
    cues = ["WEBVTT", ""]
    for turn in view.turns:
        # Cue text may not hold an arrow or a tag.
        words = _words(turn).replace("&", "&amp;").replace("<", "&lt;").replace("-->", "→")
        cues += [f"{_time(turn.start_s)} --> {_time(turn.end_s)}", f"<v You>{words}", ""]
    return "\n".join(cues)


def _emotion(turn: Turn) -> str:
    if turn.corrected is not None:
        return f"{turn.corrected.label}, by your own word"
    return "" if turn.estimate is None else describe_emotion(EmotionRecord.of(turn.estimate))


def _words(turn: Turn) -> str:
    words = "" if turn.transcript is None else turn.transcript.text
    return words or "(no words understood)"


def _said(turn: Turn) -> str:
    if turn.failure is not None:
        return f"(failed: {turn.failure})"
    return f"{turn.heard} … (interrupted)" if turn.interrupted else turn.generated.strip()


def _time(seconds: float) -> str:
    minutes, rest = divmod(max(0.0, seconds), 60.0)
    return f"{int(minutes) // 60:02d}:{int(minutes) % 60:02d}:{rest:06.3f}"
