"""The turns of one recorded conversation as rows of a table."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assistant import events
from assistant.history import History, Turn
from assistant.records.mending import read_so_far
from assistant.records.recording import LOG_NAME


def turn_rows(record: Path, place: str) -> Iterator[dict[str, Any]]:
    """Yields one row for each turn, in their order; none where nothing was recorded.

    What nobody consented to have stored is not in the record, and stays empty.

    Args:
        record: The folder of the record.
        place: The same folder as sources name it.

    Raises:
        InputError: The record is damaged in its middle.
    """
    if not (record / LOG_NAME).exists():
        return
    happened = read_so_far(record).events
    if not happened:
        return
    first = happened[0]
    opening = first if isinstance(first, events.ConversationStarted) else None
    # The head of the record is line 1, its first event line 2. A turn that was taken back and
    # joined to the next one has no row, and the line of its second ending counts.
    lines = {
        event.turn: number
        for number, event in enumerate(happened, 2)
        if isinstance(event, events.UtteranceEnded)
    }
    ends = {e.turn: e for e in happened if isinstance(e, events.UtteranceEnded)}
    for turn in History(happened).turns:
        end = ends[turn.index]
        # Marks count from the order to answer; whoever spoke has waited for that, too.
        waited_ms = 1_000 * (end.at_s - turn.end_s) if end.reason == "asked" else 0.0
        yield {
            **_row(turn, opening, waited_ms),
            "endpoint_reason": end.reason,
            "source": f"{place}/{LOG_NAME}:{lines[turn.index]}",
        }


def _row(
    turn: Turn, opening: events.ConversationStarted | None, waited_ms: float
) -> dict[str, Any]:
    estimate, style, settings = turn.estimate, turn.style, turn.settings
    words = turn.transcript.text if turn.transcript is not None else None
    marks = turn.marks_ms
    return {
        "turn": turn.index,
        "start_s": round(turn.start_s, 3),
        "end_s": round(turn.end_s, 3),
        "words": words,
        "emotion": estimate.emotion.label if estimate is not None else None,
        "confidence": round(estimate.confidence, 4) if estimate is not None else None,
        "corrected_emotion": turn.corrected.label if turn.corrected is not None else None,
        "style_emotion": style.emotion.label if style is not None else None,
        "style_intensity": round(style.intensity, 4) if style is not None else None,
        "reply_generated": turn.generated or None,
        "reply_source": turn.reply_source or None,
        "reply_heard": turn.heard or None,
        "interrupted": int(turn.interrupted),
        "first_audio_ms": round(marks["played"] + waited_ms, 1) if "played" in marks else None,
        "model": settings.get("model", opening.model if opening else None),
        "voice": settings.get("voice", opening.voice if opening else None),
        "policy": _policy(settings.get("policy", opening.policy if opening else None)),
        "failed": int(turn.failure is not None),
    }


def _policy(name: str | None) -> str | None:
    """Returns the name of a policy alone, without the file it stands in."""
    return None if name is None else name.rpartition("#")[2].rpartition("/")[2]
