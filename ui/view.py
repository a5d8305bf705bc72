"""What a screen shows of a conversation, as a pure function of its events.

The terminal and the web page draw the same `View`; neither keeps a state of its own beside it.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from assistant import events
from assistant.audio.protocols import EchoState
from assistant.history import Turn, turn_after, turn_index
from models.emotions import Emotion

DISCLOSED = (
    "You are talking with a machine. Attune guesses how you feel from your voice, and it can be "
    "wrong; it is no doctor and no emergency service."
)


def disclosure(sends_words_to: str | None = None) -> str:
    """Returns what is shown before anything is heard.

    Args:
        sends_words_to: Another machine that the person's words are sent to.
    """
    if sends_words_to is None:
        return f"{DISCLOSED} Everything stays on this computer."
    return (
        f"{DISCLOSED} Your words are sent to {sends_words_to}; your voice stays on this computer."
    )


ECHO_NOTICES = {
    EchoState.ABSENT: "what Attune says does not reach your microphone: interrupt it at any time",
    EchoState.REMOVED: "Attune hears its own voice in your microphone and takes it out",
    EchoState.TOO_STRONG: (
        "your microphone hears Attune too loudly to tell it from you: while it speaks, it does not "
        "listen. To interrupt it, wear a headset or use push-to-talk"
    ),
}
"""Said once each."""

TOO_BUSY = (
    "this computer is too busy to hear all that you say: parts of it are lost. End other programs"
)

CONTINUED = "this talk goes on from an earlier one, which Attune knows"

SILENCE_DB = -100.0
MOST_NOTICES = 20


class TalkState(StrEnum):
    """Who has the floor."""

    OPENING = "getting ready"
    LISTENING = "listening"
    PERSON = "you speak"
    THINKING = "thinking"
    ASSISTANT = "Attune speaks"
    BOTH = "both speak"
    PAUSED = "paused"
    MUTED = "microphone off"
    AWAY = "sound device gone, reconnecting"
    ENDED = "ended"


class Urgency(StrEnum):
    """How much a notice matters."""

    NOTE = "note"
    WARNING = "warning"
    HELP = "help"
    """Where to find help: stays on the screen for as long as life is in danger."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be said beside the conversation."""

    at_s: float
    text: str
    urgency: Urgency = Urgency.NOTE


@dataclass(frozen=True, slots=True)
class CoursePoint:
    """The emotion of one turn, for a picture of its course over the talk."""

    turn: int
    emotion: Emotion
    """Corrected, or else the most probable one."""
    confidence: float
    """In [0, 1]; 1 where the person said it themselves."""
    is_certain: bool
    """Whether the assistant acts on it: corrected, or estimated without abstaining."""
    is_corrected: bool


@dataclass(frozen=True, slots=True)
class View:
    """The state of a conversation as people see it."""

    clock_s: float = 0.0
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    """Those in force, under which the next turn is answered: model, voice, policy, patience …"""
    is_open: bool = False
    is_muted: bool = False
    is_away: bool = False
    """Whether the sound device is lost: nobody hears or is heard until it is back."""
    is_ducked: bool = False
    """Whether the assistant lowers its voice because somebody may be speaking."""
    is_held: bool = False
    """Whether it fell silent because somebody speaks, and may go on."""
    is_paused: bool = False
    """Whether the person asked to pause: nothing is answered until they go on."""
    person_speaks: bool = False
    caption: str = ""
    """What is being said, as far as it is understood already."""
    answering: int | None = None
    """Turn whose answer is being prepared or spoken."""
    assistant_speaks: bool = False
    person_db: float = SILENCE_DB
    """Level of the microphone relative to full scale."""
    assistant_db: float = SILENCE_DB
    turns: tuple[Turn, ...] = ()
    """In their order; one that was joined to the next is gone."""
    suggestion: str = ""
    """What was said that the person may want to be remembered."""
    notices: tuple[Notice, ...] = ()
    """The latest ones, oldest first."""
    dropped_frames: int = 0
    ended: str | None = None
    """Why the conversation is over."""

    @property
    def floor(self) -> TalkState:
        """Who has the floor now."""
        if self.ended is not None:
            return TalkState.ENDED
        if not self.is_open:
            return TalkState.OPENING
        # First what explains a silence. An answer that is spoken comes before a pause: the one that
        # confirms the pause is heard, too.
        if self.is_away:
            return TalkState.AWAY
        if self.assistant_speaks:
            return TalkState.BOTH if self.person_speaks else TalkState.ASSISTANT
        if self.is_paused:
            return TalkState.MUTED if self.is_muted else TalkState.PAUSED
        if self.person_speaks:
            return TalkState.PERSON
        if self.answering is not None:
            return TalkState.THINKING
        return TalkState.MUTED if self.is_muted else TalkState.LISTENING

    @property
    def course(self) -> tuple[CoursePoint, ...]:
        """The emotion of each turn that has one."""
        points = (_course_point(turn) for turn in self.turns)
        return tuple(point for point in points if point is not None)

    @property
    def last_heard_turn(self) -> int | None:
        """The latest turn with an estimate: the one that a person would correct."""
        for turn in reversed(self.turns):
            if turn.estimate is not None:
                return turn.index
        return None


def response_s(turn: Turn) -> float | None:
    """Returns the seconds from the person's last word to the first sound of the answer."""
    played_ms = turn.marks_ms.get("played")
    return None if played_ms is None else played_ms / 1_000.0


def typed_words(view: View, index: int) -> str:
    """Returns what was typed as turn `index`; nothing where it was spoken."""
    for turn in view.turns:
        words = turn.transcript
        if turn.index == index and words is not None and words.source == "typed":
            return words.text
    return ""


def noticed(view: View, text: str, urgency: Urgency = Urgency.NOTE) -> View:
    """Returns `view` with one notice more; the oldest go, those that offer help stay."""
    notices = [*view.notices, Notice(view.clock_s, text, urgency)]
    # Over a copy: removing moves what follows.
    for notice in list(notices):
        if len(notices) <= MOST_NOTICES:
            break
        if notice.urgency is not Urgency.HELP:
            notices.remove(notice)
    return replace(view, notices=tuple(notices))


def _without_help(view: View) -> View:
    others = (notice for notice in view.notices if notice.urgency is not Urgency.HELP)
    return replace(view, notices=tuple(others))


def reduce(view: View, event: events.Event) -> View:
    """Returns what `view` becomes by `event`."""
    view = replace(view, clock_s=max(view.clock_s, event.at_s))
    # Any event may tell something of a turn, also those that move the floor.
    view = replace(view, turns=_turns_after(view.turns, event))
    if (floor := _floor_after(view, event)) is not None:
        return floor
    match event:
        case events.LevelMeasured(person_db=person_db, assistant_db=assistant_db):
            return replace(view, person_db=person_db, assistant_db=assistant_db)
        case events.TalkContinued():
            return noticed(view, CONTINUED)
        case events.SettingsChanged(changes=changes) | events.SettingsAsked(changes=changes):
            return replace(view, settings=view.settings | changes)
        case events.ControlSpoken(control="pause" | "go on" as control):
            return replace(view, is_paused=control == "pause")
        # As in `SpokenControls.follow`: who types wants an answer, in a pause, too.
        case events.WordsHeard(transcript=words) if words.source == "typed":
            return replace(view, is_paused=False)
        case events.CaptionHeard(text=text):
            return replace(view, caption=view.caption + text)
        case events.FactSuggested(fact=fact):
            return replace(view, suggestion=fact)
        case events.MemoryChanged(change=change, fact=fact):
            text = "remembered for the next talk" if change == "keep" else "not remembered"
            return noticed(replace(view, suggestion=""), f"{text}: {fact}")
        case events.Ducked(decibels=decibels):
            return replace(view, is_ducked=decibels < 0.0)
        case events.Yielded(yielded=yielded):
            return replace(view, is_held=yielded)
        case events.HelpOffered(text=text):
            # Where to find help for one danger gives way to that for another; whoever is in danger
            # is answered, paused or not.
            view = replace(_without_help(view), is_paused=False)
            return noticed(view, text, Urgency.HELP)
        case events.HelpEnded():
            return _without_help(view)
        case events.DeviceChanged(message=message, lost=lost):
            silent = replace(view, is_away=lost, person_db=SILENCE_DB, assistant_db=SILENCE_DB)
            return noticed(silent, message, Urgency.WARNING if lost else Urgency.NOTE)
        case events.Noticed(message=message, is_warning=is_warning):
            return noticed(view, message, Urgency.WARNING if is_warning else Urgency.NOTE)
        case events.EchoJudged(echo=echo):
            return _echo_noticed(view, echo)
        case events.FramesDropped(total=total):
            # Told again as long as it goes on, in one notice: a flood of them would hide others.
            others = tuple(notice for notice in view.notices if notice.text != TOO_BUSY)
            view = replace(view, dropped_frames=total, notices=others)
            return noticed(view, TOO_BUSY, Urgency.WARNING)
        case _:
            return view


def _echo_noticed(view: View, echo: EchoState) -> View:
    text = ECHO_NOTICES.get(echo)
    if text is None or any(notice.text == text for notice in view.notices):
        return view
    return noticed(view, text, Urgency.WARNING if echo is EchoState.TOO_STRONG else Urgency.NOTE)


def _floor_after(view: View, event: events.Event) -> View | None:
    """Returns the view after an event that moves the floor; None for any other event."""
    match event:
        case events.ConversationStarted(model=model, voice=voice, policy=policy):
            named = {"model": model, "voice": voice, "policy": policy}
            return replace(view, is_open=True, settings=named | event.in_force)
        case events.ConversationEnded(reason=reason):
            return replace(_silent(view), ended=reason, person_speaks=False)
        case events.SpeechStarted() | events.SpeechConfirmed():
            return replace(view, person_speaks=True, caption="")
        case events.SpeechDropped() | events.TurnHeld():
            return replace(view, person_speaks=False, caption="")
        case events.UtteranceEnded(turn=turn):
            return replace(view, person_speaks=False, answering=turn, caption="")
        case events.UtteranceJoined():
            # Joined because the person went on: they are still speaking.
            return replace(_silent(view), person_speaks=True)
        case events.ReplyStarted():
            return replace(view, assistant_speaks=True)
        case events.ReplyFinished() | events.Interrupted():
            return _silent(view)
        case events.TurnFailed(message=message):
            return noticed(_silent(view), message, Urgency.WARNING)
        case events.Muted(muted=muted):
            return replace(view, is_muted=muted, person_speaks=False)
        case _:
            return None


def _silent(view: View) -> View:
    return replace(view, assistant_speaks=False, answering=None)


def _turns_after(turns: tuple[Turn, ...], event: events.Event) -> tuple[Turn, ...]:
    index = turn_index(event)
    if index is None:
        return turns
    known = {turn.index: turn for turn in turns}
    turn = turn_after(known.get(index), event)
    if turn is None:
        known.pop(index, None)
    else:
        known[index] = turn
    return tuple(known[key] for key in sorted(known))


def _course_point(turn: Turn) -> CoursePoint | None:
    if turn.corrected is not None:
        return CoursePoint(turn.index, turn.corrected, 1.0, is_certain=True, is_corrected=True)
    if turn.estimate is None:
        return None
    estimate = turn.estimate
    return CoursePoint(
        turn.index,
        estimate.emotion,
        estimate.confidence,
        is_certain=not estimate.abstained,
        is_corrected=False,
    )
