"""Words and which follow which: a trigram model that a recogniser is guided by."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.weights import CheckpointError

EDGE = 0
"""Number that stands for the beginning of an utterance, and as a word for its end."""
FORMAT_KEY, FORMAT = "format", "attune-words"
KEPT_SCORES = 100_000
"""Of triples that were looked up; an hour of talk asks for fewer."""
ARRAYS = {
    "words": np.uint8,
    "unigrams": np.float16,
    "pairs": np.uint64,
    "pair_scores": np.float16,
    "triples": np.uint64,
    "triple_scores": np.float16,
    "word_backoffs": np.float16,
    "pair_backoffs": np.float16,
}


@dataclass(frozen=True)
class WordModel:
    """Log-probabilities of words after the two before them, backing off to one and to none.

    Numbers of words: `EDGE`, then 1 to V in the order of `words`, then V + 1 for any other.
    Beside what is seen, `train.word_counts` says how the scores come about.
    """

    words: tuple[str, ...]
    """V words, in lower case as they are spelled."""
    unigrams: NDArray[np.float16]
    """(V + 2,) of each word whatever stands before it."""
    pairs: NDArray[np.uint64]
    """(P,) first · (V + 2) + second of the pairs that were seen, rising."""
    pair_scores: NDArray[np.float16]
    """(P,) of the second of a pair after its first."""
    triples: NDArray[np.uint64]
    """(T,) place of the pair in `pairs` · (V + 2) + third, rising."""
    triple_scores: NDArray[np.float16]
    """(T,) of the third after the pair."""
    word_backoffs: NDArray[np.float16]
    """(V + 2,) added to `unigrams` where the pair with this first word was not seen."""
    pair_backoffs: NDArray[np.float16]
    """(P,) added where the triple with this pair was not seen."""

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """The number of each known word."""
        return {word: number for number, word in enumerate(self.words, start=1)}

    @cached_property
    def beginnings(self) -> Mapping[str, float]:
        """The log-probability of the likeliest word with this beginning, the whole word too."""
        best: dict[str, float] = {}
        for word, score in zip(self.words, self.unigrams[1:].tolist(), strict=False):
            for end in range(1, len(word) + 1):
                part = word[:end]
                if score > best.get(part, -math.inf):
                    best[part] = score
        return best

    @property
    def unknown(self) -> int:
        """The number of every word that is not known."""
        return len(self.words) + 1

    def number(self, word: str) -> int:
        """Returns the number of `word`."""
        return self.numbers.get(word, self.unknown)

    def score(self, first: int, second: int, third: int) -> float:
        """Returns the log-probability of word number `third` after `first` and `second`."""
        pair = self._place(self.pairs, first * self._width + second)
        if pair < 0:
            return self._pair_score(second, third)
        triple = self._place(self.triples, pair * self._width + third)
        if triple >= 0:
            return float(self.triple_scores[triple])
        return float(self.pair_backoffs[pair]) + self._pair_score(second, third)

    def save(self, path: Path) -> None:
        """Writes the model as one safetensors file."""
        from safetensors.numpy import save_file

        arrays: dict[str, NDArray[Any]] = {name: getattr(self, name) for name in ARRAYS}
        arrays["words"] = np.frombuffer("\n".join(self.words).encode(), dtype=np.uint8)
        save_file(arrays, str(path), metadata={FORMAT_KEY: FORMAT})

    @classmethod
    def load(cls, path: Path) -> "WordModel":
        """Returns the model in a file that `save` wrote.

        Raises:
            CheckpointError: It is damaged, or something else.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            arrays = load_file(str(path))
            words = tuple(arrays.pop("words").tobytes().decode().split("\n"))
            model = cls(words=words, **arrays)
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{path} is damaged ({error}): copy it again") from error
        if not model._is_sound():
            raise CheckpointError(f"{path} does not fit together: copy it again")
        return model

    @property
    def _width(self) -> int:
        return len(self.words) + 2

    def _pair_score(self, first: int, second: int) -> float:
        pair = self._place(self.pairs, first * self._width + second)
        if pair >= 0:
            return float(self.pair_scores[pair])
        return float(self.word_backoffs[first]) + float(self.unigrams[second])

    def _is_sound(self) -> bool:
        lengths = {
            "unigrams": self._width,
            "word_backoffs": self._width,
            "pair_scores": self.pairs.size,
            "pair_backoffs": self.pairs.size,
            "triple_scores": self.triples.size,
        }
        shaped = all(getattr(self, name).shape == (size,) for name, size in lengths.items())
        typed = all(getattr(self, n).dtype == kind for n, kind in ARRAYS.items() if n != "words")
        return shaped and typed

    @staticmethod
    def _place(keys: NDArray[np.uint64], key: int) -> int:
        """Returns where `key` stands in `keys`; -1 where it does not."""
        place = int(np.searchsorted(keys, np.uint64(key)))
        return place if place < keys.size and int(keys[place]) == key else -1


class GuideState(NamedTuple):
    """Where a spelling stands among the words."""

    score: float
    """Log-probability of the words that are complete."""
    first: int
    second: int
    """Numbers of the last two of them."""
    part: str
    """Beginning of the next one."""


class WordGuide:
    """How likely the words of a spelling are, as it grows token by token.

    Several may use one at once.

    Args:
        model: Of the words.
        pieces: Text of each token; a space at its beginning begins a word.
    """

    def __init__(self, model: WordModel, pieces: Sequence[str]) -> None:
        self._model = model
        self._pieces = tuple(pieces)
        self._scores: dict[tuple[int, int, int], float] = {}
        self._unknown = float(model.unigrams[model.unknown])

    def begin(self) -> "GuideState":
        """Returns the state before the first token."""
        return GuideState(0.0, EDGE, EDGE, "")

    def extended(self, state: "GuideState", token: int) -> "GuideState":
        """Returns the state after one more token."""
        piece = self._pieces[token]
        if not piece.startswith(" "):
            return state._replace(part=state.part + piece)
        if state.part:
            state = self._closed(state)
        return state._replace(part=piece.strip())

    def outlook(self, state: "GuideState") -> float:
        """Returns the log-probability of the words so far, the last one at its best."""
        if not state.part:
            return state.score
        return state.score + self._model.beginnings.get(state.part.lower(), self._unknown)

    def total(self, state: "GuideState") -> float:
        """Returns the log-probability of all words and of the end after them."""
        if state.part:
            state = self._closed(state)
        return state.score + self._score(state.first, state.second, EDGE)

    def _closed(self, state: "GuideState") -> "GuideState":
        number = self._model.number(state.part.lower())
        score = state.score + self._score(state.first, state.second, number)
        return GuideState(score, state.second, number, "")

    def _score(self, first: int, second: int, third: int) -> float:
        key = (first, second, third)
        score = self._scores.get(key)
        if score is None:
            if len(self._scores) >= KEPT_SCORES:
                self._scores.clear()
            score = self._scores[key] = self._model.score(first, second, third)
        return score
