"""What is to be answered, and how what becomes of it is told."""

from collections.abc import Callable
from dataclasses import dataclass

from assistant import events
from assistant.audio.waveform import Waveform


@dataclass(frozen=True, slots=True)
class SaidSpan:
    """From where to where something was said in the talk, in seconds on its audio clock."""

    start_s: float
    end_s: float


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
