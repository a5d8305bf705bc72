"""Which of many short sayings are most like one: BM25 over words and pairs of neighbours.

Okapi BM25 (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009). Tables of
embeddings would find more that is meant alike and said otherwise, but weigh more than the sayings
themselves; what somebody writes down for everyday talk is said in everyday words.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SATURATION, LENGTH_SHARE = 1.2, 0.75
"""k1 and b of BM25."""
PAIR_WEIGHT = 0.4
"""Of two neighbouring words, against one word. They tell "do you like" from "I like"."""
TINY = 1e-9
SHORTEST_STEM = 3
ENDINGS = ("ing", "ed", "es", "s", "ly")
_WORD = re.compile(r"[a-z0-9']+")


def words_of(text: str) -> list[str]:
    """Returns the words of `text` in small letters, without what grammar puts at their ends."""
    return [_stem(word) for word in _WORD.findall(text.lower().replace("’", "'"))]


def likeness(one: Sequence[str], other: Sequence[str]) -> float:
    """Returns the share of words that two sayings have in common, of all their words."""
    a, b = set(one), set(other)
    return len(a & b) / max(1, len(a | b))


class SayingIndex:
    """Sayings by their words."""

    def __init__(self, sayings: Sequence[str]) -> None:
        self._count = len(sayings)
        found: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        lengths = np.ones(self._count)
        for place, saying in enumerate(sayings):
            terms = _terms(saying)
            lengths[place] = max(1, len(terms))
            for term, times in Counter(terms).items():
                found[term].append((place, times))
        self._mean_length = float(lengths.mean())
        norm = self._norm(lengths)
        self._weights = {term: self._weighed(term, hits, norm) for term, hits in found.items()}

    def scores(self, saying: str) -> NDArray[np.float64]:
        """Returns how alike each saying is: 0 where nothing is, 1 where everything is."""
        scores = np.zeros(self._count)
        terms = _terms(saying)
        for term in set(terms):
            if term in self._weights:
                places, weights = self._weights[term]
                scores[places] += weights
        # As a share of what the same saying would score, or the long would always be most alike.
        return scores / max(self._own_score(terms), TINY)

    def _own_score(self, terms: Sequence[str]) -> float:
        norm = self._norm(np.array([float(len(terms))]))
        return sum(
            float(self._added(term, np.array([float(times)]), norm)[0])
            for term, times in Counter(terms).items()
        )

    def _norm(self, lengths: NDArray[np.float64]) -> NDArray[np.float64]:
        return SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * lengths / self._mean_length)

    def _weighed(
        self, term: str, hits: Sequence[tuple[int, int]], norm: NDArray[np.float64]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Returns where a term stands, and what it adds to the score there."""
        places = np.array([place for place, _ in hits], np.int32)
        times = np.array([times for _, times in hits], np.float64)
        added = self._added(term, times, norm[places], hits=len(hits))
        return places, added.astype(np.float32)

    def _added(
        self,
        term: str,
        times: NDArray[np.float64],
        norm: NDArray[np.float64],
        *,
        hits: int | None = None,
    ) -> NDArray[np.float64]:
        """Returns what a term adds that stands somewhere `times` times."""
        if hits is None:
            hits = len(self._weights[term][0]) if term in self._weights else 0
        rarity = math.log(1 + (self._count - hits + 0.5) / (hits + 0.5))
        weight = rarity * (PAIR_WEIGHT if " " in term else 1.0)
        return weight * times * (SATURATION + 1) / (times + norm)


def _terms(saying: str) -> list[str]:
    words = words_of(saying)
    # Beginning and end are neighbours too: "is it" asks, "it is" does not.
    return words + [f"{a} {b}" for a, b in zip(["^", *words], [*words, "$"], strict=True)]


def _stem(word: str) -> str:
    word = word.replace("'", "")
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_STEM:
            return word.removesuffix(ending)
    return word
