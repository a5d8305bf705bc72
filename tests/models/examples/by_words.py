"""An index that counts common words, in place of a sentence encoder: what it finds is plain."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.examples.book import ExampleBook
from models.examples.written import Example


class WordIndex:
    """How many of all their words two sayings share."""

    def __init__(self, sayings: Sequence[str]) -> None:
        self._words = [_words(saying) for saying in sayings]

    def scores(self, saying: str) -> NDArray[np.float64]:
        """As `SayingIndex.scores`."""
        return np.array([_shared(_words(saying), words) for words in self._words], np.float64)

    def likeness(self, one: int, other: int) -> float:
        """As `SayingIndex.likeness`."""
        return _shared(self._words[one], self._words[other])


def book_of(examples: Sequence[Example]) -> ExampleBook:
    """Returns a book that finds `examples` by their words."""
    return ExampleBook(examples, WordIndex([example.said for example in examples]))


def _words(text: str) -> set[str]:
    return {word.strip(".,!?").lower() for word in text.split()}


def _shared(one: set[str], other: set[str]) -> float:
    return len(one & other) / max(1, len(one | other))
