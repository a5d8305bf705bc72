"""The most probable spellings of an utterance, from the token posteriors of its frames."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from models.word_model import GuideState, WordGuide

BEAM = 32
TOKENS_PER_FRAME = 10
"""Most probable tokens of a frame that a spelling may go on with."""
LEAST_LOG_PROBABILITY = -9.0
"""Of a token at a frame that is tried at all."""
WORD_SHARE = 0.4
"""Weight of the words' log-probability beside that of the spelling."""
TOKEN_BONUS = 1.0
"""For each token of a guided spelling: the words' log-probabilities prefer few."""


class Spelling(NamedTuple):
    """One way to spell an utterance."""

    ids: tuple[int, ...]
    log_probability: float
    """Over all alignments of the tokens to the frames."""
    words_log_probability: float = 0.0
    """Of its words and of the end after them, by the guide; 0 without one."""


def spellings(
    logits: Tensor,
    *,
    guide: WordGuide | None = None,
    beam: int = BEAM,
    tokens: int = TOKENS_PER_FRAME,
) -> list[Spelling]:
    """Returns the most probable spellings, best first, by prefix beam search (arXiv 1408.2873).

    A guide joins in from the first frame on; of a word that is not complete yet it takes the
    likeliest with that beginning.

    Args:
        logits: (S, V + 1) of one utterance, the blank last.
        guide: Says which words are likely.
        beam: Spellings kept from frame to frame.
        tokens: Tokens tried at each frame.
    """
    log_probabilities = torch.log_softmax(logits.float(), dim=-1)
    blank = logits.shape[-1] - 1
    best, ids = log_probabilities[:, :blank].topk(min(tokens, blank), dim=-1)
    beams: _Beams = {(): (0.0, -math.inf)}
    worth = _Worth(guide)
    for silent, scores, choices in zip(
        log_probabilities[:, blank].tolist(), best.tolist(), ids.tolist(), strict=True
    ):
        tried = {
            token: score
            for token, score in zip(choices, scores, strict=True)
            if score > LEAST_LOG_PROBABILITY
        }
        beams = _extended(beams, silent, tried)
        ranked = sorted(
            ((_sum(*ends) + worth.outlook(prefix), prefix) for prefix, ends in beams.items()),
            reverse=True,
        )
        beams = {prefix: beams[prefix] for _, prefix in ranked[:beam]}
    found = [
        (worth.total(prefix), Spelling(prefix, _sum(*ends), worth.words(prefix)))
        for prefix, ends in beams.items()
    ]
    found.sort(key=lambda item: item[0] + item[1].log_probability, reverse=True)
    return [spelling for _, spelling in found]


_Beams = dict[tuple[int, ...], tuple[float, float]]
"""Prefixes with their log-probabilities of ending in a blank and in their last token."""


class _Worth:
    """What the guide adds to the log-probability of a prefix; nothing without a guide."""

    def __init__(self, guide: WordGuide | None) -> None:
        self._guide = guide
        self._states: dict[tuple[int, ...], GuideState] = (
            {} if guide is None else {(): guide.begin()}
        )

    def outlook(self, prefix: tuple[int, ...]) -> float:
        if self._guide is None:
            return 0.0
        return self._weighted(self._guide.outlook(self._state(self._guide, prefix)), prefix)

    def total(self, prefix: tuple[int, ...]) -> float:
        return 0.0 if self._guide is None else self._weighted(self.words(prefix), prefix)

    def words(self, prefix: tuple[int, ...]) -> float:
        if self._guide is None:
            return 0.0
        return self._guide.total(self._state(self._guide, prefix))

    def _state(self, guide: WordGuide, prefix: tuple[int, ...]) -> GuideState:
        if prefix not in self._states:
            before = self._state(guide, prefix[:-1])
            self._states[prefix] = guide.extended(before, prefix[-1])
        return self._states[prefix]

    @staticmethod
    def _weighted(words: float, prefix: tuple[int, ...]) -> float:
        return WORD_SHARE * words + TOKEN_BONUS * len(prefix)


def _extended(beams: _Beams, silent: float, scores: dict[int, float]) -> _Beams:
    """Returns the prefixes after one more frame.

    A repeated token continues the last one unless a blank stands between them.
    """
    found: dict[tuple[int, ...], list[float]] = {}
    for prefix, (in_blank, in_token) in beams.items():
        entry = found.setdefault(prefix, [-math.inf, -math.inf])
        entry[0] = _sum(entry[0], _sum(in_blank, in_token) + silent)
        if prefix and prefix[-1] in scores:
            entry[1] = _sum(entry[1], in_token + scores[prefix[-1]])
        for token, score in scores.items():
            before = in_blank if prefix and token == prefix[-1] else _sum(in_blank, in_token)
            if before == -math.inf:
                continue
            longer = found.setdefault((*prefix, token), [-math.inf, -math.inf])
            longer[1] = _sum(longer[1], before + score)
    return {prefix: (ends[0], ends[1]) for prefix, ends in found.items()}


def _sum(one: float, other: float) -> float:
    """Returns log(exp(one) + exp(other))."""
    high, low = (one, other) if one > other else (other, one)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))
