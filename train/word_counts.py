"""Counts words, pairs and triples of them in text, and makes a `WordModel` of them."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.word_model import EDGE, WordModel

DISCOUNT = 0.7
"""Taken from each count and given to what was not seen."""
UNKNOWN_SHARE = 0.05
"""Of the probability of a rarest word: a word that is not known at all."""
FEWEST_TRIPLES = 2
"""Triples that came less often are left to their pairs."""


def word_model(sentences: Mapping[str, int]) -> WordModel:
    """Returns trigrams by interpolated absolute discounting (Ney, Essen and Kneser 1994).

    Args:
        sentences: Words with single spaces between them, in lower case, and how often each counts.

    Raises:
        ValueError: There are no words.
    """
    words = sorted({word for text in sentences for word in text.split()})
    if not words:
        raise ValueError("there are no sentences to count words in")
    numbers = {word: number for number, word in enumerate(words, start=1)}
    width = len(words) + 2
    singles: Counter[int] = Counter()
    pairs: Counter[int] = Counter()
    triples: Counter[tuple[int, int]] = Counter()
    for text, weight in sentences.items():
        row = [EDGE, EDGE, *(numbers[word] for word in text.split()), EDGE]
        for first, second, third in zip(row, row[1:], row[2:], strict=False):
            singles[third] += weight
            pairs[second * width + third] += weight
            triples[first * width + second, third] += weight
    pairs[EDGE * width + EDGE] += 0  # the pair that the first word stands after
    kept = Counter({key: count for key, count in triples.items() if count >= FEWEST_TRIPLES})
    return _modelled(tuple(words), singles, pairs, kept)


def _modelled(
    words: tuple[str, ...],
    singles: Counter[int],
    pairs: Counter[int],
    triples: Counter[tuple[int, int]],
) -> WordModel:
    width = len(words) + 2
    even = 1.0 / (width - 1)
    counts = np.zeros(width)
    counts[list(singles)] = list(singles.values())
    total, kinds = counts.sum(), np.count_nonzero(counts)
    unigrams = np.maximum(counts - DISCOUNT, 0.0) / total + DISCOUNT * kinds / total * even
    unigrams[-1] = UNKNOWN_SHARE * DISCOUNT * kinds / total * even

    pair_keys = np.array(sorted(pairs), dtype=np.uint64)
    pair_counts = np.array([pairs[int(key)] for key in pair_keys], dtype=np.float64)
    firsts, seconds = np.divmod(pair_keys.astype(np.int64), width)
    scores, backoffs = _discounted(pair_counts, firsts, width, unigrams[seconds])

    places = {int(key): place for place, key in enumerate(pair_keys)}
    found = sorted((places[pair], third, count) for (pair, third), count in triples.items())
    at, thirds, triple_counts = (np.array(column) for column in zip(*found, strict=True))
    lower = np.array(
        [
            scores[places[int(seconds[place]) * width + int(third)]]
            for place, third in zip(at, thirds, strict=True)
        ]
    )
    triple_scores, pair_backoffs = _discounted(
        triple_counts.astype(np.float64), at, len(pair_keys), lower
    )
    return WordModel(
        words=words,
        unigrams=_logs(unigrams),
        pairs=pair_keys,
        pair_scores=_logs(scores),
        triples=at.astype(np.uint64) * np.uint64(width) + thirds.astype(np.uint64),
        triple_scores=_logs(triple_scores),
        word_backoffs=_logs(backoffs),
        pair_backoffs=_logs(pair_backoffs),
    )


def _discounted(
    counts: NDArray[np.float64],
    contexts: NDArray[np.int64],
    size: int,
    lower: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the probability of each n-gram, and what is left in each of `size` contexts.

    Args:
        counts: (N,) of the n-grams.
        contexts: (N,) which context each stands in.
        size: Number of contexts; 1 is left where nothing was seen.
        lower: (N,) probability of the last word with one word less before it.
    """
    totals = np.bincount(contexts, weights=counts, minlength=size)
    kinds = np.bincount(contexts, weights=counts > 0, minlength=size)
    left = np.where(totals > 0, DISCOUNT * kinds / np.maximum(totals, 1e-9), 1.0)
    own = np.maximum(counts - DISCOUNT, 0.0) / np.maximum(totals[contexts], 1e-9)
    return own + left[contexts] * lower, left


def _logs(values: NDArray[np.float64]) -> NDArray[np.float16]:
    return np.log(np.maximum(values, 1e-12)).astype(np.float16)
