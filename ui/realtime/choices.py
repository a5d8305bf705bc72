"""Engines that a session may exchange while it lasts."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from assistant.audio.waveform import AudioClip, Waveform
from assistant.conversation.earlier import tell
from assistant.conversation.engines import Engines
from assistant.engines.protocols import (
    Cancel,
    CompletenessScorer,
    Dialogue,
    EmotionEstimate,
    Persona,
    SpeakingStyle,
    SpeechModel,
    TextDelta,
    TextToSpeech,
    Transcript,
)
from assistant.engines.tool_calls import calls_apart
from assistant.errors import AssistantError
from assistant.remembered import RememberedFile
from ui.realtime.protocol.messages import Json

STILL_THERE = "Are you still there?"
"""What is said where nobody has spoken for long."""
LONG_CHARACTERS = 600
"""Of instructions and what is known of the person: from so many on they are computed before the
first turn. Shorter ones take no longer than the turn itself."""
GREETING = "Hello."
"""What a model is told where it is to speak first, and nobody says how."""


@dataclass(frozen=True, slots=True)
class DialogueStart:
    """What a dialogue begins with."""

    instructions: str
    """The system line; empty stands for the model's own."""
    past: tuple[tuple[str, str], ...] = ()
    """What the person said and what was answered, as text."""
    tools: tuple[Json, ...] = ()
    """Functions that may be called, where the model can; see `SpeechModel.open_with_tools`."""


class ChosenDialogue:
    """The dialogue of one conversation, opened with its first turn and again where it must be.

    A model takes its system line and what was said as they come, and cannot change them: where a
    client changes one of them, the dialogue is opened anew and told the past as text. The loop
    sets what is to be; the model's worker follows with the next question.

    It also judges whether a turn is whole, by a scorer of the same model that is its own.
    """

    def __init__(self, engines: Engines, instructions: str) -> None:
        """Speaks with the model of `engines`, which may be another one until the first turn."""
        self._engines = engines
        self._course = DialogueStart(instructions)
        self._usual = instructions
        self._is_stale = True
        self._apart: DialogueStart | None = None
        self._cue = GREETING
        self._next_reply: str | None = None
        self._reply: str | None = None
        self._tools: tuple[Json, ...] = ()
        """Of the dialogue that took the last question in."""
        self._own: Dialogue | None = None
        self._ahead: tuple[SpeechModel, DialogueStart, str, Dialogue] | None = None
        """What was begun before the first turn, and with what."""
        self._dialogue: Dialogue | None = None
        self._scorer: CompletenessScorer | None = None
        self.most_tokens: int | None = None
        """Tokens that an answer may have."""
        self.was_cut = False
        """Whether the last answer had more of them."""

    @property
    def is_open(self) -> bool:
        """Whether the first turn has been taken in."""
        return self._dialogue is not None

    @property
    def can_call(self) -> bool:
        """Whether the model may call functions."""
        return self._engines.model.call_marks is not None

    @property
    def is_stale(self) -> bool:
        """Whether the next turn begins a dialogue anew."""
        return self._is_stale

    @property
    def is_shortened(self) -> bool:
        """See `Dialogue.is_shortened`."""
        return self._dialogue is not None and self._dialogue.is_shortened

    def begin_with(self, course: DialogueStart) -> None:
        """Goes on from `course` with the next turn."""
        self._course, self._is_stale = course, True

    def prepare(self) -> None:
        """Opens the dialogue now and tells it the past: the first answer need not wait for that.

        Runs on the model's worker.
        """
        self._opened()

    def prefill(self) -> Iterator[None]:
        """Computes what the dialogue would begin with now, while nothing was said.

        Runs on the model's worker. The client may still exchange all of it until the first turn.
        """
        course = self._course
        is_short = len(course.instructions) + len(self._known()) < LONG_CHARACTERS
        if self.is_open or course.past or is_short:
            return
        yield from self._coming().prefill()

    def expect(self, words: str, gives_way: Callable[[], bool]) -> Iterator[None]:
        """See `Dialogue.expect`."""
        is_begun = self._own is not None and not self._is_stale
        # What was said before would be told to it first, all at once.
        if self._apart is None and (is_begun or not self._course.past):
            yield from self._coming().expect(words, gives_way)

    def answer_once(self, course: DialogueStart | None, cue: str = "") -> None:
        """Says how the next question is answered.

        Args:
            course: What that answer alone is made from; None for what was said so far.
            cue: What the model is told in place of an empty question.
        """
        self._apart, self._cue, self._next_reply = course, cue or GREETING, None

    def say_once(self, text: str) -> None:
        """Says that the next question, which must be empty, is answered by `text`."""
        self.answer_once(None)
        self._next_reply = text

    def hear(self, utterance: Waveform, cancel: Cancel) -> Iterator[EmotionEstimate | Transcript]:
        """See `Dialogue.hear`."""
        self._reply = self._next_reply = None
        return self._for_question().hear(utterance, cancel)

    def read(self, text: str) -> None:
        """See `Dialogue.read`; an empty text stands for the cue of an answer without question."""
        self._reply, self._next_reply = None if text else self._next_reply, None
        self._for_question().read(text or self._cue)

    def withdraw(self) -> None:
        """See `Dialogue.withdraw`."""
        self._opened().withdraw()

    def reply(self, cancel: Cancel) -> Iterator[TextDelta]:
        """See `Dialogue.reply`; ends after `most_tokens`. Calls of functions stand apart."""
        marks = self._engines.model.call_marks
        if marks is None:
            return self._tokens(cancel)
        names = {tool["function"]["name"] for tool in self._tools}
        return calls_apart(self._tokens(cancel), marks, names)

    def _tokens(self, cancel: Cancel) -> Iterator[TextDelta]:
        self.was_cut = False
        if self._reply is not None:
            self._opened().replace_reply(self._reply)
            yield TextDelta(self._reply)
            return
        count = 0
        for delta in self._opened().reply(cancel):
            yield delta
            count += bool(delta.text)
            if self.most_tokens is not None and count >= self.most_tokens:
                self.was_cut = True
                return

    def replace_reply(self, text: str) -> None:
        """See `Dialogue.replace_reply`."""
        self._opened().replace_reply(text)

    def truncate(self, heard: str) -> None:
        """See `Dialogue.truncate`."""
        self._opened().truncate(heard)

    def score(self, utterance: Waveform, words: Transcript) -> float | None:
        """See `CompletenessScorer.score`; None where the model does not judge turns."""
        self._opened()
        return self._scorer.score(utterance, words) if self._scorer is not None else None

    def _opened(self) -> Dialogue:
        return self._dialogue or self._for_question()

    def _for_question(self) -> Dialogue:
        """Returns the dialogue that takes the next question in. Runs on the model's worker."""
        apart, self._apart = self._apart, None
        self._tools = (apart or self._course).tools
        if apart is not None:
            self._dialogue = self._begun(apart)
            return self._dialogue
        if self._is_stale or self._own is None:
            self._is_stale = False
            self._own = self._begun_ahead() or self._begun(self._course)
        self._dialogue = self._own
        return self._dialogue

    def _coming(self) -> Dialogue:
        """Returns the dialogue that takes the next question in, as things are now."""
        if self._own is not None and not self._is_stale:
            return self._own
        dialogue = self._begun_ahead() or self._begun(self._course)
        self._ahead = (self._engines.model, self._course, self._known(), dialogue)
        return dialogue

    def _begun_ahead(self) -> Dialogue | None:
        """Returns what was computed ahead of the first turn, if that begins with the same."""
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            return None
        *began_with, dialogue = ahead
        same = began_with == [self._engines.model, self._course, self._known()]
        return dialogue if same else None

    def _known(self) -> str:
        # Software that brings a character of its own is told nothing of the person.
        is_own = self._course.instructions == self._usual
        return _known_of(self._engines.remembered) if is_own else ""

    def _begun(self, course: DialogueStart) -> Dialogue:
        model, persona = self._engines.model, Persona(course.instructions or None, self._known())
        with_tools = model.open_with_tools(persona, course.tools) if course.tools else None
        dialogue = with_tools or model.open(persona)
        tell(dialogue, [(said or GREETING, replied) for said, replied in course.past])
        if self._scorer is None:
            self._scorer = model.scorer()
        return dialogue


def _known_of(file: RememberedFile | None) -> str:
    """Returns what the model is told of the person; a list that cannot be read is not told."""
    try:
        return "" if file is None else file.read().told
    except AssistantError:
        return ""


class ChosenVoice:
    """One of several voices, at a speed of the client's choice; or none, for answers in text."""

    def __init__(self, voices: Mapping[str, TextToSpeech], name: str) -> None:
        self._voices = voices
        self.speed = 1.0
        self.speaks = True
        self.choose(name)

    def choose(self, name: str) -> None:
        """Speaks with another voice from now on; to be called while no answer is under way."""
        self._voice = self._voices[name]
        self.sample_rate = self._voice.sample_rate

    def synthesize(self, text: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        """See `TextToSpeech.synthesize`."""
        if not self.speaks:
            return iter(())
        style = dataclasses.replace(style, rate=style.rate * self.speed)
        return self._voice.synthesize(text, style, cancel)
