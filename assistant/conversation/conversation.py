"""One conversation, whoever holds it: what it keeps, what it is answered under, who is told of it.

`TalkLoop` holds it at a microphone, `Answering` with what was recorded or typed before. Both make
their answers of it by `Reply`.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from assistant import events
from assistant.audio.waveform import SPEECH_RATE_HZ
from assistant.conversation.earlier import Earlier
from assistant.conversation.engines import Engines
from assistant.conversation.in_force import SettingsInForce
from assistant.conversation.memory import Memory
from assistant.engines.protocols import CompletenessScorer, Dialogue
from models.emotions import Emotion

NOTHING: Mapping[str, Any] = MappingProxyType({})
"""No settings."""


EventListener = Callable[[events.Event], None]
"""Gets every event, on the event loop; must return at once."""


class Conversation:
    """Its engines and memory, its clock, and those who follow it."""

    def __init__(
        self,
        engines: Engines,
        dialogue: Dialogue,
        *,
        scorer: CompletenessScorer | None = None,
        told: Callable[[], Mapping[str, Any]] | None = None,
        in_force: Mapping[str, Any] = NOTHING,
    ) -> None:
        """Begins with nothing said.

        Args:
            engines: What answers.
            dialogue: The model's side of the conversation.
            scorer: Judges by the words whether a turn is whole, where `engines` say so.
            told: Gives all settings, as JSON knows them, for the first event; without it there is
                no such event.
            in_force: What every turn is said to be answered under, besides the engines.
        """
        self.engines = engines
        self.memory = Memory(
            dialogue,
            engines.help_finder,
            scorer if engines.judges_words else None,
            engines.remembered,
        )
        self.earlier: Earlier | None = None
        """The talk that this one goes on from."""
        self.clock_samples = 0
        """Sound of the person's side so far, 16 kHz."""
        self._told = told
        self._listeners: list[EventListener] = []
        named = {
            "model": engines.model.name,
            "voice": engines.voice_name,
            "policy": engines.policy.name,
        }
        if elsewhere := engines.model.sends_words_to:
            named["words_sent_to"] = elsewhere
        self._in_force = SettingsInForce(self.publish, {**named, **in_force})

    @property
    def clock_s(self) -> float:
        """The same in seconds."""
        return self.clock_samples / SPEECH_RATE_HZ

    def follow(self, listener: EventListener) -> None:
        """Tells `listener` every event from now on, after those who follow already."""
        self._listeners.append(listener)

    def emit(self, make: Callable[[float], events.Event]) -> None:
        """Publishes the event that `make` makes from the present audio time."""
        event = make(self.clock_s)
        # Before those who listen: one of them may begin the next turn at once, and that goes by
        # these.
        is_asked = self.memory.controls.follow(event)
        self.memory.remembering.follow(event)
        self._in_force.listen(event)
        if is_asked:
            # Behind the event that says what was asked for.
            self._in_force.ask(self.clock_s, self.memory.controls.settings)

    def publish(self, event: events.Event) -> None:
        """Tells an event that changes nothing in the conversation itself."""
        for listener in self._listeners:
            listener(event)

    def name_in_force(self, settings: Mapping[str, Any]) -> None:
        """Has every turn name these `settings` too; those that are named already stay."""
        self._in_force.name(settings)

    @property
    def in_force(self) -> dict[str, Any]:
        """The settings of the next answer, plain values by name."""
        return self._in_force.settings

    def put_in_force(self, settings: Mapping[str, Any]) -> None:
        """Answers under these `settings` from now on, and tells what differs."""
        self._in_force.change(self.clock_s, settings)

    def opening(self) -> list[events.Event]:
        """Returns the events that begin a record of this conversation, as of now."""
        begun = self._in_force.opening(self.clock_s, self._told() if self._told else {})
        if self.earlier is None:
            return begun
        return [*begun, events.TalkContinued(self.clock_s, self.earlier.record)]

    def tell_opening(self) -> None:
        """Publishes it, where there are settings to tell."""
        if self._told is not None:
            self.publish(self.opening()[0])

    def correct_emotion(self, turn: int, emotion: Emotion, *, by: str = "person") -> None:
        """Takes the person's word for how turn `turn` was meant."""
        self.memory.correct(turn, emotion)
        self.emit(partial(events.EmotionCorrected, turn=turn, emotion=emotion, by=by))
