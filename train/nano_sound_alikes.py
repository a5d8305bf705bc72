"""Words that a recogniser may take for each other, by the phones they share."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from train.synthesis import PHONES

NEIGHBOURS = 10
"""Words kept for each word, nearest first."""
BLOCK_WORDS = 512
"""Words that are compared with all others at once, which bounds memory."""


class SoundAlikes:
    """Draws for a word another that sounds much like it.

    Words are compared by the cosine of their phones and pairs of phones; the edges of a word count
    as phones, as most confusions keep one of them.

    Args:
        lexicon: Phones of each word (`train.nano_word_times.pronunciations`); those without any
            are left out.
    """

    def __init__(self, lexicon: Mapping[str, tuple[str, ...]]) -> None:
        self.words = tuple(word for word, phones in lexicon.items() if phones)
        self._numbers = {word: number for number, word in enumerate(self.words)}
        vectors = _phone_vectors([lexicon[word] for word in self.words])
        kept = min(NEIGHBOURS, max(0, len(self.words) - 1))
        self._nearest = np.empty((len(self.words), kept), dtype=np.int32)
        for start in range(0, len(self.words), BLOCK_WORDS):
            near = vectors[start : start + BLOCK_WORDS] @ vectors.T
            rows = np.arange(near.shape[0])
            near[rows, rows + start] = -1.0
            self._nearest[start : start + BLOCK_WORDS] = np.argsort(-near, axis=1)[:, :kept]

    def draw(self, word: str, generator: np.random.Generator) -> str | None:
        """Returns a word that sounds like `word`, near ones more often; None if it is unknown."""
        number = self._numbers.get(word)
        if number is None or not self._nearest.shape[1]:
            return None
        place = min(int(generator.exponential(2.0)), self._nearest.shape[1] - 1)
        return self.words[int(self._nearest[number, place])]


def _phone_vectors(pronunciations: Sequence[tuple[str, ...]]) -> NDArray[np.float32]:
    """Returns (N, P + (P + 1)²) unit vectors: how often each phone and pair of phones stands."""
    count = len(PHONES)
    numbers = {phone: number for number, phone in enumerate(PHONES)}
    vectors = np.zeros((len(pronunciations), count + (count + 1) ** 2), dtype=np.float32)
    for row, phones in zip(vectors, pronunciations, strict=True):
        ids = [numbers[phone] for phone in phones if phone in numbers]
        for phone in ids:
            row[phone] += 1.0
        for first, second in zip([count, *ids], [*ids, count], strict=True):
            row[count + first * (count + 1) + second] += 1.0
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(norms, 1e-6)
