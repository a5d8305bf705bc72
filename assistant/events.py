"""What happens in a conversation, as frozen records for screens, logs and other software.

Times are seconds on the audio clock of the conversation: microphone samples received ÷ rate.
An event is a line in the log: `to_record` and `from_record` turn it into plain JSON values and
back. To add one: a class here and its name in `EVENTS`.
"""

import dataclasses
import types
import typing
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

from assistant.audio.protocols import EchoState
from assistant.engines.protocols import EmotionEstimate, SpeakingStyle, Transcript
from models.emotions import Emotion


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""

    at_s: float
    """When it happened on the audio clock, in seconds."""


@dataclass(frozen=True, slots=True)
class ConversationStarted(Event):
    """The first event."""

    model: str
    voice: str
    policy: str
    utc: str
    """Wall time of second 0, ISO 8601."""
    settings: dict[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    """The effective settings, plain values."""
    in_force: dict[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    """Those of them that can change while the talk lasts, by the names of `SettingsChanged`."""


@dataclass(frozen=True, slots=True)
class SettingsChanged(Event):
    """From now on other settings are in force; an answer under way was begun before."""

    changes: dict[str, Any]
    """What changed and its new value: voice, policy, patience, model and the like."""


@dataclass(frozen=True, slots=True)
class ConversationEnded(Event):
    """The last event."""

    reason: str


@dataclass(frozen=True, slots=True)
class LevelMeasured(Event):
    """How loud it is, a few times a second; for meters, not for the log."""

    person_db: float
    """Level of the microphone in dB relative to full scale."""
    assistant_db: float
    """Level of what is played, likewise."""
    speech_probability: float


@dataclass(frozen=True, slots=True)
class SpeechStarted(Event):
    """The person may have begun to speak."""

    start_s: float
    while_assistant_speaks: bool


@dataclass(frozen=True, slots=True)
class SpeechDropped(Event):
    """What began was no turn: a noise, a short "uh-huh", or given up by key or mute."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class SpeechConfirmed(Event):
    """It is speech: the person has the floor."""

    start_s: float
    while_assistant_speaks: bool


@dataclass(frozen=True, slots=True)
class TurnHeld(Event):
    """A turn is over and waits for an order to answer it (see `TalkSettings.answers`)."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class UtteranceEnded(Event):
    """A turn of the person is over; its answer follows."""

    turn: int
    start_s: float
    end_s: float
    """End of the utterance as the model hears it, its tail included."""
    speech_end_s: float
    """The last sample of speech: latencies are counted from here."""
    reason: str
    settings: dict[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    """The settings under which it is answered: voice, policy, patience, model and the like."""


@dataclass(frozen=True, slots=True)
class UtteranceJoined(Event):
    """The person went on although the answer had begun: both parts are one turn."""

    turn: int
    heard: str = ""
    """What was heard of the answer that came too soon."""


@dataclass(frozen=True, slots=True)
class EmotionHeard(Event):
    """How it was said."""

    turn: int
    estimate: EmotionEstimate


@dataclass(frozen=True, slots=True)
class EmotionCorrected(Event):
    """The person or an experimenter says what the emotion of a turn was."""

    turn: int
    emotion: Emotion
    by: str = "person"


@dataclass(frozen=True, slots=True)
class WordsHeard(Event):
    """What was said."""

    turn: int
    transcript: Transcript


@dataclass(frozen=True, slots=True)
class StyleChosen(Event):
    """How the answer will be spoken."""

    turn: int
    style: SpeakingStyle


@dataclass(frozen=True, slots=True)
class ReplyText(Event):
    """A piece of the answer as it is generated."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class ToolCalled(Event):
    """The answer calls a function, which is neither spoken nor shown."""

    turn: int
    name: str
    arguments: str
    """A JSON object."""


@dataclass(frozen=True, slots=True)
class ReplyStarted(Event):
    """The first sound of the answer is being played."""

    turn: int


@dataclass(frozen=True, slots=True)
class ReplyFinished(Event):
    """The answer was heard to its end."""

    turn: int
    heard: str
    generated: str
    underruns: int = 0
    """Gaps in the playback, because speech was not ready in time."""


@dataclass(frozen=True, slots=True)
class Interrupted(Event):
    """The person took the floor while the assistant spoke."""

    turn: int
    heard: str
    """What the person heard of the answer, cut at a word."""
    generated: str
    unheard_s: float
    """Speech that was ready and never played, in seconds."""
    underruns: int = 0


@dataclass(frozen=True, slots=True)
class Ducked(Event):
    """The assistant's voice was lowered because somebody may be speaking, or raised again."""

    decibels: float
    """0 when it is raised again."""


@dataclass(frozen=True, slots=True)
class Yielded(Event):
    """The assistant fell silent because somebody speaks; or it is over, see what follows.

    What was an "uh-huh" is dropped, and the answer goes on where it stopped. What was more is
    confirmed, and the answer interrupted.
    """

    yielded: bool


@dataclass(frozen=True, slots=True)
class TurnTimed(Event):
    """Where the time of a turn went."""

    turn: int
    marks_ms: dict[str, float]
    """Milliseconds since the last sample of speech, by stage; see `Reply.mark`."""


@dataclass(frozen=True, slots=True)
class TurnFailed(Event):
    """An engine broke; the conversation goes on."""

    turn: int
    message: str


@dataclass(frozen=True, slots=True)
class HelpOffered(Event):
    """Words of danger to life: from this turn on the answers are calm texts, not the model's.

    Once for a danger, and again where another kind of it is found, until `HelpEnded`.
    """

    turn: int
    topic: str
    """The kind of danger."""
    text: str
    """Where to find help."""


@dataclass(frozen=True, slots=True)
class HelpEnded(Event):
    """The person said that the danger is past; that, too, is answered by a text of ours."""

    turn: int
    topic: str
    was_none: bool = False
    """Whether the person said that there was no danger, such as "I meant the film"."""


@dataclass(frozen=True, slots=True)
class Muted(Event):
    """The microphone was muted or opened by the person."""

    muted: bool


@dataclass(frozen=True, slots=True)
class DeviceChanged(Event):
    """A microphone or loudspeaker was lost or came back."""

    message: str
    lost: bool


@dataclass(frozen=True, slots=True)
class EchoJudged(Event):
    """Whether the assistant's own voice is in the microphone, and can be taken out, was found."""

    echo: EchoState


@dataclass(frozen=True, slots=True)
class FramesDropped(Event):
    """Microphone sound that could not be handled in time and was lost."""

    frames: int
    total: int


@dataclass(frozen=True, slots=True)
class Noticed(Event):
    """Something that the person should know beside the conversation."""

    message: str
    is_warning: bool
    """Whether the person should do something about it."""


EVENTS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        ConversationStarted,
        SettingsChanged,
        ConversationEnded,
        LevelMeasured,
        SpeechStarted,
        SpeechDropped,
        SpeechConfirmed,
        TurnHeld,
        UtteranceEnded,
        UtteranceJoined,
        EmotionHeard,
        EmotionCorrected,
        WordsHeard,
        StyleChosen,
        ReplyText,
        ToolCalled,
        ReplyStarted,
        ReplyFinished,
        Interrupted,
        Ducked,
        Yielded,
        TurnTimed,
        TurnFailed,
        HelpOffered,
        HelpEnded,
        Muted,
        DeviceChanged,
        EchoJudged,
        FramesDropped,
        Noticed,
    )
}


def to_record(event: Event) -> dict[str, Any]:
    """Returns `event` as plain JSON values, its name under ``"event"``."""
    return {"event": type(event).__name__, **_plain(event)}


def from_record(record: dict[str, Any]) -> Event:
    """Returns the event that `to_record` wrote.

    Raises:
        ValueError: The name is unknown, or a field is missing or not as expected.
    """
    fields = dict(record)
    name = fields.pop("event", None)
    kind = EVENTS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"unknown event {name!r}")
    try:
        return typing.cast(Event, _rebuilt(fields, kind))
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"event {name} cannot be read: {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Emotion):
        return value.label
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, tuple):
        return [_plain(item) for item in typing.cast(tuple[Any, ...], value)]
    return value


@cache
def _field_types(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _rebuilt(value: Any, kind: Any) -> Any:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = _field_types(kind)
        return kind(**{name: _rebuilt(item, hints[name]) for name, item in value.items()})
    if kind is Emotion:
        return Emotion[value.upper()]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    origin = typing.get_origin(kind)
    if origin is tuple:
        return tuple(value)
    if origin in (types.UnionType, typing.Union):
        inner = [part for part in typing.get_args(kind) if part is not type(None)]
        return None if value is None else _rebuilt(value, inner[0])
    return value
