"""What a reply is made of: the question, the engines and how it becomes known."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from assistant import events
from assistant.audio.protocols import Speaker
from assistant.audio.waveform import Waveform
from assistant.conversation.correction import EmotionPrior
from assistant.conversation.spoken_controls import SpokenControls
from assistant.engines.protocols import (
    Dialogue,
    EmotionEstimate,
    SpeakingStyle,
    TextToSpeech,
    Transcribes,
)
from assistant.safety import SafetyWatch
from assistant.turns.judges import TurnJudges
from assistant.worker import Worker


class Styles(Protocol):
    """Says how to speak an answer; a `ReplyPolicy` does."""

    def style(self, estimate: EmotionEstimate | None) -> SpeakingStyle:
        """Returns how to answer a person who sounds so."""
        ...


@dataclass(frozen=True, slots=True)
class ReplyParts:
    """What replies of one conversation are made with."""

    dialogue: Dialogue
    voice: TextToSpeech
    policy: Styles
    speaker: Speaker
    model_worker: Worker
    voice_worker: Worker
    judges: TurnJudges = field(default_factory=TurnJudges)
    transcriber: Transcribes | None = None
    """Writes down what is said briefly meanwhile: see `assistant.turns.interjections`."""
    prior: EmotionPrior = field(default_factory=EmotionPrior)
    controls: SpokenControls = field(default_factory=SpokenControls)
    """Says which turns ask something of the talk itself, and how fast and loud it is."""
    safety: SafetyWatch = field(default_factory=lambda: SafetyWatch(None))
    """Says which turns are answered by help instead of the model."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be answered."""

    turn: int
    utterance: Waveform | None
    """16 kHz; None for a typed question."""
    text: str
    """What the model reads of a typed question."""
    start_samples: int
    """On the audio clock; a question that is joined to the next one starts here."""
    speech_end_samples: int
    """Its last sample of speech on the audio clock."""
    speech_end_s: float
    """Time of its last sample of speech on the event loop's clock."""
    words: str = ""
    """What of `text` the person said: what came of a function was not."""


Emit = Callable[[Callable[[float], events.Event]], None]
"""Publishes the event that a function makes from the present audio time."""
