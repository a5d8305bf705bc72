"""What happens in a conversation, as frozen records for screens, logs and other software.

Times are seconds on the audio clock of the conversation: microphone samples received ÷ rate.
An event is a line in the log, see `event_lines`. To add one: a class here, which says in `carries`
what each of its fields holds, and its name in `EVENTS`. What is recorded is decided by that alone.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

from assistant.audio.protocols import EchoState
from assistant.carried import Carried
from assistant.engines.protocols import EmotionEstimate, SpeakingStyle, Transcript
from models.emotions import Emotion


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""

    carries = Carried()
    """What each field holds. A field that is not named here is of no known kind: an event that has
    one is never kept."""

    at_s: float
    """When it happened on the audio clock, in seconds."""


@dataclass(frozen=True, slots=True)
class ConversationStarted(Event):
    """The first event."""

    carries = Carried(course="model voice policy utc settings in_force")

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
class TalkContinued(Event):
    """The person goes on with an earlier talk: the model knows what was said then."""

    carries = Carried(course="record")

    record: str
    """Its id among the recorded talks; empty where it was not recorded."""


@dataclass(frozen=True, slots=True)
class SettingsChanged(Event):
    """From now on other settings are in force; an answer under way was begun before."""

    carries = Carried(course="changes")

    changes: dict[str, Any]
    """What changed and its new value: voice, policy, patience, model and the like."""


@dataclass(frozen=True, slots=True)
class SettingsAsked(Event):
    """The person asked by voice to be spoken to otherwise; the next answer goes by it."""

    # Nobody chose them by hand: they tell what was said.
    carries = Carried(words="changes")

    changes: dict[str, Any]
    """What changed and its new value: `asked_pace`, a factor, and `asked_loudness_db`."""


@dataclass(frozen=True, slots=True)
class ConversationEnded(Event):
    """The last event."""

    carries = Carried(course="reason")

    reason: str


@dataclass(frozen=True, slots=True)
class LevelMeasured(Event):
    """How loud it is, a few times a second; for meters, not for the log."""

    carries = Carried(moment="person_db assistant_db speech_probability")

    person_db: float
    """Level of the microphone in dB relative to full scale."""
    assistant_db: float
    """Level of what is played, likewise."""
    speech_probability: float


@dataclass(frozen=True, slots=True)
class SpeechStarted(Event):
    """The person may have begun to speak."""

    carries = Carried(course="start_s while_assistant_speaks")

    start_s: float
    while_assistant_speaks: bool


@dataclass(frozen=True, slots=True)
class SpeechDropped(Event):
    """What began was no turn: a noise, a short "uh-huh", or given up by key or mute."""

    carries = Carried(course="start_s end_s")

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class SpeechConfirmed(Event):
    """It is speech: the person has the floor."""

    carries = Carried(course="start_s while_assistant_speaks")

    start_s: float
    while_assistant_speaks: bool


@dataclass(frozen=True, slots=True)
class CaptionHeard(Event):
    """Words of somebody who still speaks; what they said is known by `WordsHeard`."""

    carries = Carried(moment="text")

    text: str
    """What is new: it is added to what was told before of this utterance."""


@dataclass(frozen=True, slots=True)
class TurnHeld(Event):
    """A turn is over and waits for an order to answer it (see `TalkSettings.answers`).

    `UtteranceEnded` follows with the order, and says where it lies again.
    """

    carries = Carried(course="start_s end_s")

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class UtteranceEnded(Event):
    """A turn of the person is over; its answer follows."""

    carries = Carried(
        course="turn start_s end_s speech_end_s reason settings", words="asked", stays_without=True
    )

    turn: int
    start_s: float
    end_s: float
    """End of the utterance as the model hears it, its tail included."""
    speech_end_s: float
    """The last sample of speech: latencies are counted from here, or from the order to answer where
    the turn waited for one."""
    reason: str
    """Why it is over: silence and the like, `typed`, or `asked`: by an order to answer it."""
    settings: dict[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    """The settings under which it is answered: voice, policy, patience, model and the like."""
    asked: dict[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    """Those that the person asked for by voice, by the names of `SettingsAsked`."""


@dataclass(frozen=True, slots=True)
class UtteranceJoined(Event):
    """The person went on although the answer had begun: both parts are one turn."""

    carries = Carried(course="turn", words="heard", stays_without=True)

    turn: int
    heard: str = ""
    """What was heard of the answer that came too soon."""


@dataclass(frozen=True, slots=True)
class EmotionHeard(Event):
    """How it was said."""

    carries = Carried(course="turn", emotion="estimate")

    turn: int
    estimate: EmotionEstimate


@dataclass(frozen=True, slots=True)
class EmotionCorrected(Event):
    """The person or an experimenter says what the emotion of a turn was."""

    carries = Carried(course="turn by", emotion="emotion")

    turn: int
    emotion: Emotion
    by: str = "person"


@dataclass(frozen=True, slots=True)
class WordsHeard(Event):
    """What was said."""

    carries = Carried(course="turn", words="transcript")

    turn: int
    transcript: Transcript


@dataclass(frozen=True, slots=True)
class ControlSpoken(Event):
    """All that was said is a phrase such as "slower", which is not answered by the model."""

    carries = Carried(course="turn", words="control")

    turn: int
    control: str
    """What it asks for: a value of `controls.Control`."""


@dataclass(frozen=True, slots=True)
class MemoryChanged(Event):
    """The person asked that something be remembered after this talk, or not any more."""

    carries = Carried(course="turn", words="change fact")

    turn: int
    change: str
    """A value of `remembering.MemoryChange`."""
    fact: str
    """In the person's words."""


@dataclass(frozen=True, slots=True)
class FactSuggested(Event):
    """The person said something that they may want to be remembered; nothing is, unless asked."""

    carries = Carried(course="turn", words="fact")

    turn: int
    fact: str


@dataclass(frozen=True, slots=True)
class PassedOver(Event):
    """The talk is paused: this turn is not answered, and nothing of what was said is kept."""

    carries = Carried(course="turn")

    turn: int


@dataclass(frozen=True, slots=True)
class StyleChosen(Event):
    """How the answer will be spoken."""

    carries = Carried(course="turn", emotion="style", words="asked", stays_without=True)

    turn: int
    style: SpeakingStyle
    """What follows from the emotion."""
    asked: dict[str, float] = dataclasses.field(default_factory=dict[str, float])
    """What the person asked for by voice comes to it: a factor on `rate`, decibels on `energy`."""

    @property
    def spoken(self) -> SpeakingStyle:
        """Both together."""
        return self.style.with_asked(self.asked)


@dataclass(frozen=True, slots=True)
class ReplyText(Event):
    """A piece of the answer as it is generated."""

    carries = Carried(course="turn", words="text source")

    turn: int
    text: str
    source: str = "model"
    """Who made it: the model, or nobody during the talk; see `TextDelta.source`."""


@dataclass(frozen=True, slots=True)
class ToolCalled(Event):
    """The answer calls a function, which is neither spoken nor shown."""

    carries = Carried(course="turn", words="name arguments")

    turn: int
    name: str
    arguments: str
    """A JSON object."""


@dataclass(frozen=True, slots=True)
class ReplyStarted(Event):
    """The first sound of the answer is being played."""

    carries = Carried(course="turn")

    turn: int


@dataclass(frozen=True, slots=True)
class ReplyFinished(Event):
    """The answer was heard to its end."""

    carries = Carried(course="turn underruns", words="heard generated", stays_without=True)

    turn: int
    heard: str
    generated: str
    underruns: int = 0
    """Gaps in the playback, because speech was not ready in time."""


@dataclass(frozen=True, slots=True)
class Interrupted(Event):
    """The person took the floor while the assistant spoke."""

    carries = Carried(
        course="turn unheard_s underruns", words="heard generated", stays_without=True
    )

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

    carries = Carried(course="decibels")

    decibels: float
    """0 when it is raised again."""


@dataclass(frozen=True, slots=True)
class Yielded(Event):
    """The assistant fell silent because somebody speaks; or it is over, see what follows.

    What was an "uh-huh" is dropped, and the answer goes on where it stopped. What was more is
    confirmed, and the answer interrupted.
    """

    carries = Carried(course="yielded")

    yielded: bool


@dataclass(frozen=True, slots=True)
class TurnTimed(Event):
    """Where the time of a turn went."""

    carries = Carried(course="turn marks_ms")

    turn: int
    marks_ms: dict[str, float]
    """Milliseconds since the last sample of speech, by stage; see `Reply.mark`."""


@dataclass(frozen=True, slots=True)
class TurnFailed(Event):
    """An engine broke; the conversation goes on."""

    carries = Carried(course="turn message")

    turn: int
    message: str


@dataclass(frozen=True, slots=True)
class HelpOffered(Event):
    """Words of danger to life: from this turn on the answers are calm texts, not the model's.

    Once for a danger, and again where another kind of it is found, until `HelpEnded`.
    """

    carries = Carried(course="turn", words="topic text")

    turn: int
    topic: str
    """The kind of danger."""
    text: str
    """Where to find help."""


@dataclass(frozen=True, slots=True)
class HelpEnded(Event):
    """The person said that the danger is past; that, too, is answered by a text of ours."""

    carries = Carried(course="turn", words="topic was_none")

    turn: int
    topic: str
    was_none: bool = False
    """Whether the person said that there was no danger, such as "I meant the film"."""


@dataclass(frozen=True, slots=True)
class Muted(Event):
    """The microphone was muted or opened by the person."""

    carries = Carried(course="muted")

    muted: bool


@dataclass(frozen=True, slots=True)
class DeviceChanged(Event):
    """A microphone or loudspeaker was lost or came back."""

    carries = Carried(course="message lost")

    message: str
    lost: bool


@dataclass(frozen=True, slots=True)
class EchoJudged(Event):
    """Whether the assistant's own voice is in the microphone, and can be taken out, was found."""

    carries = Carried(course="echo")

    echo: EchoState


@dataclass(frozen=True, slots=True)
class FramesDropped(Event):
    """Microphone sound that could not be handled in time and was lost."""

    carries = Carried(course="frames total")

    frames: int
    total: int


@dataclass(frozen=True, slots=True)
class Noticed(Event):
    """Something that the person should know beside the conversation."""

    carries = Carried(course="message is_warning")

    message: str
    is_warning: bool
    """Whether the person should do something about it."""


EVENTS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        ConversationStarted,
        TalkContinued,
        SettingsChanged,
        SettingsAsked,
        ConversationEnded,
        LevelMeasured,
        SpeechStarted,
        SpeechDropped,
        SpeechConfirmed,
        CaptionHeard,
        TurnHeld,
        UtteranceEnded,
        UtteranceJoined,
        EmotionHeard,
        EmotionCorrected,
        WordsHeard,
        ControlSpoken,
        MemoryChanged,
        FactSuggested,
        PassedOver,
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
