"""What was said in written exchanges, in which voices, and how alike it is to what is said now."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.emotions import Emotion
from models.examples.written import Example

SAME_EMOTION, OTHER_EMOTION = 0.06, -0.06
"""What is added to the likeness of an example whose voice had the emotion that was heard, or
another one. Sayings that mean nearly the same differ by less, and those about something else by
more: the voice decides between like ones."""
CONSIDERED = 60
"""Of the most similar ones; what comes later has hardly a word in common."""


class SayingIndex(Protocol):
    """Tells which of the sayings of a book are like one."""

    def scores(self, saying: str) -> NDArray[np.float64]:
        """Returns how alike each of them is, in [0, 1]."""
        ...

    def likeness(self, one: int, other: int) -> float:
        """Returns how alike those at two places are, in [0, 1]."""
        ...


@dataclass(frozen=True, slots=True)
class SaidNow:
    """What a person says now."""

    text: str
    emotion: Emotion | None
    """Of the voice; None where that is not known."""
    scores: NDArray[np.float64]
    """How alike to it each written saying is."""


class WrittenSayings:
    """Written exchanges, found by what was said in them.

    Args:
        examples: In an order that decides between those that are equally alike.
        index: Of what was said in them, in the same order.
    """

    def __init__(self, examples: Sequence[Example], index: SayingIndex) -> None:
        self.examples, self.index = tuple(examples), index
        voices = [int(e.emotion) if e.emotion is not None else -1 for e in examples]
        self._voices = np.array(voices, np.int8)

    def compared(self, text: str, emotion: Emotion | None) -> SaidNow:
        """Returns `text`, said in the voice of `emotion`, compared with all sayings."""
        return SaidNow(text, emotion, self.index.scores(text))

    def in_voice(self, emotion: Emotion) -> NDArray[np.bool_]:
        """Returns which of them were said in the voice of `emotion`."""
        return self._voices == int(emotion)

    @property
    def in_any_voice(self) -> NDArray[np.bool_]:
        """Which of them were said in a voice that told something."""
        return self._voices >= 0


def most_alike(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    """Returns the places of the highest `scores`, the highest first."""
    # A stable order: the same saying must get the same examples on every machine.
    return np.argsort(-scores, kind="stable")[:CONSIDERED]
