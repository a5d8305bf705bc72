"""What an engine must offer. Engines conform by shape; none has to derive from anything."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, Protocol

from assistant.audio.waveform import AudioClip, Waveform
from models.emotions import Emotion


class Cancel:
    """A flag that one side sets and an engine reads between tokens or chunks."""

    __slots__ = ("_is_set",)

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        """Asks the engine to stop at its next look; it cannot be taken back."""
        self._is_set = True

    def is_set(self) -> bool:
        """Whether the engine has been asked to stop."""
        return self._is_set


@dataclass(frozen=True, slots=True)
class EmotionEstimate:
    """What was heard in a voice."""

    probabilities: tuple[float, ...]
    """Calibrated, in the order of `Emotion`; they sum to 1."""
    abstained: bool = False
    """True when the confidence lies below the model's threshold: treat as neutral."""

    @property
    def emotion(self) -> Emotion:
        """The most probable emotion, also when the model abstained."""
        return Emotion(max(range(len(self.probabilities)), key=self.probabilities.__getitem__))

    @property
    def confidence(self) -> float:
        """Probability of the most probable emotion, in [0, 1]."""
        return max(self.probabilities)


GUESSED, SURE_WORDS = 0.2, 0.4
"""Shares of right words: below the first a transcript says less than that nothing was understood,
and the model is told so (`WordConfidenceConfig.least`); below the second it is a guess."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """The words of the person."""

    text: str
    confidence: float | None = None
    """Geometric mean of the token probabilities in [0, 1]; None where it is not known."""
    source: str = "decoder"
    """`decoder` (Whisper's own), `llm` (asked of the LLM) or `typed`."""

    @property
    def is_understood(self) -> bool:
        """Whether these are words, perhaps wrong ones, and not what a noise was taken for."""
        return bool(self.text.strip()) and (self.confidence is None or self.confidence >= GUESSED)

    @property
    def is_guess(self) -> bool:
        """Whether many of the words may be wrong."""
        return self.confidence is not None and self.confidence < SURE_WORDS


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that the model wants called."""

    name: str
    arguments: str
    """A JSON object."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the reply as it is generated; the pieces join to the whole reply."""

    text: str
    call: ToolCall | None = None
    """What stands there instead of text."""
    problem: str = ""
    """Why something that stood there was left out."""
    ends_sentence: bool = False
    """Whether a sentence ends here, whatever comes after it."""
    source: str = "model"
    """`model`, `written` (before the talk, in answer to a similar saying: nothing was generated) or
    `fixed` (a text of Attune's own, as in danger to life, or what was said before, again)."""
    awaits: Future[Any] | None = None
    """What more of the reply waits for, where others make it: nothing stands here. Asked for
    before that is done, the next piece is waited for."""


@dataclass(frozen=True, slots=True)
class Persona:
    """Who the assistant is: the system line of the prompt."""

    system: str | None = None
    """None stands for the model's own default."""
    known: str = ""
    """What the model knows of the person beside it; left out where there is no room for it."""


@dataclass(frozen=True, slots=True)
class SpeakingStyle:
    """How a reply is to be spoken; 1.0 and 0.0 below mean "as the voice does by itself"."""

    emotion: Emotion = Emotion.NEUTRAL
    """The tone of the *answer* (never a mirror of anger under the default policy)."""
    intensity: float = 0.0
    """How far the style departs from neutral, in [0, 1]; grows with confidence."""
    rate: float = 1.0
    """Speaking rate relative to the voice's own; 0.8 is slower."""
    pitch: float = 0.0
    """Shift of the mean pitch in semitones."""
    pitch_range: float = 1.0
    """Factor on the excursion of pitch around its mean."""
    energy: float = 0.0
    """Level in decibels relative to the voice's own."""
    pause: float = 1.0
    """Factor on the pauses between phrases and sentences."""

    def with_asked(self, asked: Mapping[str, float]) -> "SpeakingStyle":
        """Returns it with what the person asked for by voice, see `events.StyleChosen.asked`."""
        rate = self.rate * asked.get("rate", 1.0)
        return replace(self, rate=rate, energy=self.energy + asked.get("energy", 0.0))


class VoiceActivityDetector(Protocol):
    """Speech probability of one frame at a time; holds state, one for each conversation."""

    sample_rate: int
    frame_samples: int

    def probability(self, frame: Waveform) -> float:
        """Returns the probability in [0, 1] that `frame` holds speech."""
        ...

    def reset(self) -> None:
        """Forgets what was heard so far."""
        ...


class Dialogue(Protocol):
    """One conversation with a speech model; owns its KV cache."""

    @property
    def is_shortened(self) -> bool:
        """Whether of the last question, too long for the model to follow, only the end counts."""
        return False

    def prefill(self) -> Iterator[None]:
        """Computes what it begins with before anything is said, a part with each step."""
        yield from ()

    def expect(self, words: str, gives_way: Callable[[], bool]) -> Iterator[None]:
        """Computes what an answer to somebody who still speaks would begin with, in parts.

        `words` are what they said so far. Nothing of it is part of the conversation. A part ends
        early where `gives_way()` turns true.
        """
        yield from ()

    def hear(self, utterance: Waveform, cancel: Cancel) -> Iterator[EmotionEstimate | Transcript]:
        """Takes a 16 kHz utterance in; yields how it sounds and its words, in either order.

        `reply` or `replace_reply` is called when both are known.
        """
        ...

    def read(self, text: str) -> None:
        """Takes a typed utterance in, instead of a heard one."""
        ...

    def withdraw(self) -> None:
        """Forgets the last utterance, and what was begun in answer: it was not finished."""
        ...

    def reply(self, cancel: Cancel) -> Iterator[TextDelta]:
        """Generates the reply to what was heard last."""
        ...

    def replace_reply(self, text: str) -> None:
        """Takes `text` as the reply to what was heard last: the conversation goes on from it."""
        ...

    def truncate(self, heard: str) -> None:
        """Keeps of the last reply what was heard of it."""
        ...


class CompletenessScorer(Protocol):
    """Judges whether a person who has paused is done. Runs on the speech model's worker."""

    def score(self, utterance: Waveform, words: Transcript) -> float | None:
        """Returns the probability in [0, 1] that `utterance` (16 kHz) is a whole turn.

        None where it cannot be told. `words` are empty where it judges by the sound.
        """
        ...


class SpeechModel(Protocol):
    """A resident model that serves all conversations of a process.

    What a model cannot do it answers with None. One that derives from this class has to say only
    what it can.
    """

    name: str

    @property
    def sends_words_to(self) -> str | None:
        """Another machine that what is said is sent to, as text; None where it stays here."""
        return None

    @property
    def computes_with(self) -> object:
        """What it has in memory: models that share it must work on one thread."""
        return self

    @property
    def call_marks(self) -> tuple[str, str] | None:
        """What stands before and after a call of a function; None where it calls nothing."""
        return None

    def open(self, persona: Persona) -> Dialogue:
        """Starts a conversation.

        Raises:
            PersonaTooLong: The persona leaves the talk too little of the model's context.
        """
        ...

    def open_with_tools(self, persona: Persona, tools: Sequence[dict[str, Any]]) -> Dialogue | None:
        """Starts a conversation in which functions may be called; None where it calls nothing.

        Args:
            persona: Who the assistant is.
            tools: Each as ``{"type": "function", "function": {"name": …, "parameters": …}}``,
                the parameters as JSON schema.

        Raises:
            PersonaTooLong: Persona and tools leave the talk too little of the model's context.
        """
        return None

    def scorer(self) -> CompletenessScorer | None:
        """Returns what judges by the words whether a turn is whole; one for each conversation."""
        return None

    def transcribe(self, utterance: Waveform) -> Transcript | None:
        """Returns the words of something brief, 16 kHz, that belongs to no conversation."""
        return None

    def overhear(self, utterance: Waveform, cancel: Cancel) -> Transcript | None:
        """Returns the words so far of somebody who still speaks, 16 kHz; None where it cannot.

        It belongs to no conversation, and may end early where it is cancelled.
        """
        return None

    def weigh(self, utterance: Waveform, phrases: Sequence[str]) -> Sequence[float] | None:
        """Returns the log-probability of each of `phrases` being all of a 16 kHz utterance."""
        return None


SHORTENED = "that was longer than the model can follow at once: it answers the end of it"


class TextToSpeech(Protocol):
    """A voice. Shared by all conversations of a process."""

    sample_rate: int

    def synthesize(self, text: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        """Speaks one sentence or more; yields clips as soon as they exist."""
        ...
