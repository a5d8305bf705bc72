"""What is to be answered, and how what becomes of it is told."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from assistant import events
from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform


@dataclass(frozen=True, slots=True)
class SaidSpan:
    """From where to where something was said in the talk, in seconds on its audio clock."""

    start_s: float
    end_s: float

    @classmethod
    def of_samples(cls, start: int, end: int) -> Self:
        """Returns the span between two samples of that clock."""
        return cls(start / SPEECH_RATE_HZ, end / SPEECH_RATE_HZ)


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
    is_recorded: bool = False
    """Whether `utterance` was there before it was asked."""

    @property
    def is_whole(self) -> bool:
        """Whether it was whole when it was asked, so that no speech is the rest of it."""
        return self.is_recorded or self.utterance is None


Emit = Callable[[Callable[[float], events.Event]], None]
"""Publishes the event that a function makes from the present audio time."""
