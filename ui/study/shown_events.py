"""What of a conversation a participant's browser is told: sound, and what the condition shows.

Everything else stays here. A browser that is told the policy, the model or the style could show
them, and a participant who looks would know the condition.
"""

from collections.abc import Callable
from typing import Any, cast

from assistant.study.design.conditions import Condition
from ui.realtime.protocol.messages import Json

ALWAYS: dict[str, tuple[str, ...]] = {
    "input_audio_buffer.speech_started": (),
    "input_audio_buffer.speech_stopped": (),
    "response.output_audio.delta": ("item_id", "delta"),
    "response.output_audio.done": (),
    "attune.output_audio.gain": ("decibels",),
    "attune.output_audio.hold": ("held",),
    "output_audio_buffer.cleared": (),
    "output_audio_buffer.stopped": (),
    "attune.help": ("text",),
    "attune.help.ended": (),
}
"""Events that every condition shows, with those of their fields that are passed on."""
CAPTIONS: dict[str, tuple[str, ...]] = {
    "response.output_audio_transcript.delta": ("delta", "item_id"),
    "conversation.item.input_audio_transcription.completed": ("transcript",),
}
FROM_BROWSER = frozenset(
    {"input_audio_buffer.append", "output_audio_buffer.clear", "conversation.item.truncate"}
)
"""What a participant's browser may send to the conversation."""
TROUBLE = "The assistant cannot answer just now. Please say it again."


def shown_event(event: Json, condition: Condition) -> Json | None:
    """Returns what the participant's browser is told of an event; None where that is nothing."""
    kind = str(event["type"])
    if kind.startswith("study."):
        return event
    fields = ALWAYS.get(kind)
    if fields is None and condition.captions:
        fields = CAPTIONS.get(kind)
    if fields is not None:
        return {"type": kind, **{name: event[name] for name in fields if name in event}}
    special = _SPECIAL.get(kind)
    return special(event, condition) if special is not None else None


def _created(_event: Json, _condition: Condition) -> Json | None:
    return {"type": "study.ready"}


def _emotion(event: Json, condition: Condition) -> Json | None:
    if not condition.emotion_shown:
        return None
    estimate = cast(dict[str, Any], event["emotion"])
    label = None if estimate["abstained"] else estimate["label"]
    return {"type": "study.emotion", "emotion": label}


def _done(event: Json, _condition: Condition) -> Json | None:
    response = cast(dict[str, Any], event.get("response") or {})
    failed = response.get("status") == "failed"
    return {"type": "study.trouble", "text": TROUBLE} if failed else None


_SPECIAL: dict[str, Callable[[Json, Condition], Json | None]] = {
    "session.created": _created,
    "attune.emotion": _emotion,
    "response.done": _done,
}
