"""Exchanges that stand before an answer while it is learnt, as a checkpoint shows them in a talk.

An LLM of few parameters that was never taught what to do with them copies a word or the sign of
another saying. Taught with them it learns to take over what holds here too (RAFT, arXiv
2403.10131), which is easier than to know the world.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.config import ExamplesConfig
from models.examples.book import ExampleBook
from models.examples.meaning import SentenceEncoder, Vectors
from models.examples.written import Example
from train.language.material import Exchange, WrittenTalk


class ShownExamples:
    """Finds what is shown before the last answer of each of some talks."""

    def __init__(
        self,
        examples: Sequence[Example],
        talks: Sequence[WrittenTalk],
        encoder: SentenceEncoder,
        config: ExamplesConfig,
    ) -> None:
        """Reads all sayings once.

        Args:
            examples: To choose from.
            talks: That are asked about.
            encoder: Tells which sayings are alike.
            config: How many at most, and which ones are similar enough.
        """
        last = sorted({talk.exchanges[-1] for talk in talks}, key=lambda e: (e.said, e.reply))
        asked = encoder.vectors([exchange.said for exchange in last])
        index = _Others(examples, encoder.vectors([example.said for example in examples]))
        book = ExampleBook(examples, index)
        self._found: dict[Exchange, list[Example]] = {}
        for index.own, index.asked in zip(last, asked, strict=True):
            found = book.like(index.own.said, index.own.emotion, config)
            self._found[index.own] = found

    def like(self, exchange: Exchange) -> list[Example]:
        """Returns what may stand before the answer of `exchange`, the most similar one last."""
        return self._found[exchange]

    def drawn(self, exchange: Exchange, generator: np.random.Generator) -> list[Example]:
        """Returns some of them, from none to all: in a talk, too, there may be none that fits."""
        found = self.like(exchange)
        return found[len(found) - int(generator.integers(len(found) + 1)) :]


class _Others:
    """How alike all sayings are that do not give an answer away; see `SayingIndex`."""

    own: Exchange
    """Whose answer is learnt."""
    asked: NDArray[np.float32]
    """The vector of what is said in it."""

    def __init__(self, examples: Sequence[Example], vectors: Vectors) -> None:
        self._vectors = vectors
        self._places: dict[str, list[int]] = {}
        for place, example in enumerate(examples):
            for text in (example.said, example.reply):
                self._places.setdefault(text.casefold(), []).append(place)

    def scores(self, saying: str) -> NDArray[np.float64]:
        found = np.clip(self._vectors @ self.asked, 0.0, 1.0).astype(np.float64)
        for text in (saying, self.own.reply):
            found[self._places.get(text.casefold(), [])] = -1.0
        return found

    def likeness(self, one: int, other: int) -> float:
        return float(self._vectors[one] @ self._vectors[other])
