"""The shared `View` as JSON for a page, and what changed in it since the last time."""

from typing import Any

from assistant.history import Turn
from assistant.records.transcript import EmotionRecord, StyleRecord
from ui.view import View, response_s

Json = dict[str, Any]


class ViewChanges:
    """What a page has been shown; says what must change in it."""

    def __init__(self) -> None:
        self._turns: dict[int, Turn] = {}
        self._rest: Json = {}

    def change(self, view: View) -> Json:
        """Returns what differs from the last time; a turn that is gone becomes null."""
        rest = _rest_json(view)
        change = {key: value for key, value in rest.items() if self._rest.get(key) != value}
        after = {turn.index: turn for turn in view.turns}
        turns: Json = {
            str(index): turn_json(turn)
            for index, turn in after.items()
            if self._turns.get(index) is not turn
        }
        turns.update({str(index): None for index in self._turns if index not in after})
        self._turns, self._rest = after, rest
        return {**change, "turns": turns} if turns else change


def view_json(view: View) -> Json:
    """Returns all that a page shows; turns by their index."""
    return ViewChanges().change(view)


def _rest_json(view: View) -> Json:
    return {
        "floor": str(view.floor),
        "model": view.settings.get("model", ""),
        "voice": view.settings.get("voice", ""),
        "policy": view.settings.get("policy", ""),
        "settings": view.settings,
        "suggestion": view.suggestion,
        "ducked": view.is_ducked,
        "held": view.is_held,
        "notices": [
            {"text": notice.text, "urgency": str(notice.urgency)} for notice in view.notices
        ],
        "course": [
            {
                "turn": point.turn,
                "emotion": point.emotion.label,
                "confidence": round(point.confidence, 3),
                "certain": point.is_certain,
                "corrected": point.is_corrected,
            }
            for point in view.course
        ],
    }


def turn_json(turn: Turn) -> Json:
    """Returns one turn as plain JSON."""
    seconds = response_s(turn)
    return {
        "turn": turn.index,
        "start_s": round(turn.start_s, 2),
        "end_s": round(turn.end_s, 2),
        "words": None if turn.transcript is None else turn.transcript.text,
        "understood": _understood(turn),
        "typed": turn.transcript is not None and turn.transcript.source == "typed",
        "emotion": None if turn.estimate is None else EmotionRecord.of(turn.estimate).model_dump(),
        "corrected": None if turn.corrected is None else turn.corrected.label,
        "style": None if turn.style is None else StyleRecord.of(turn.style).model_dump(),
        "reply": turn.generated.strip(),
        "reply_source": turn.reply_source,
        "heard": turn.heard,
        "passed_over": turn.passed_over,
        "interrupted": turn.interrupted,
        "reply_start_s": _rounded(turn.reply_start_s),
        "reply_end_s": _rounded(turn.reply_end_s),
        "failure": turn.failure,
        "response_s": None if seconds is None else round(seconds, 3),
        "settings": turn.settings,
        "marks_ms": {stage: round(ms, 1) for stage, ms in turn.marks_ms.items()},
    }


def _understood(turn: Turn) -> str:
    """Returns how far the words can be relied on: yes, perhaps or no."""
    if turn.transcript is None or not turn.transcript.is_understood:
        return "no"
    return "perhaps" if turn.transcript.is_guess else "yes"


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)
