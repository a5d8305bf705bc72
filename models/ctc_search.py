"""The most probable spellings of an utterance, from the token posteriors of its frames."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

BEAM = 12
TOKENS_PER_FRAME = 8
"""Most probable tokens of a frame that a spelling may go on with."""


class Spelling(NamedTuple):
    """One way to spell an utterance."""

    ids: tuple[int, ...]
    log_probability: float
    """Over all alignments of the tokens to the frames."""


def spellings(
    logits: Tensor, *, beam: int = BEAM, tokens: int = TOKENS_PER_FRAME
) -> list[Spelling]:
    """Returns the most probable spellings, best first, by prefix beam search (arXiv 1408.2873).

    Args:
        logits: (S, V + 1) of one utterance, the blank last.
        beam: Spellings kept from frame to frame.
        tokens: Tokens tried at each frame.
    """
    log_probabilities = torch.log_softmax(logits.float(), dim=-1)
    blank = logits.shape[-1] - 1
    best, ids = log_probabilities[:, :blank].topk(min(tokens, blank), dim=-1)
    beams: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -math.inf)}
    for silent, scores, choices in zip(
        log_probabilities[:, blank].tolist(), best.tolist(), ids.tolist(), strict=True
    ):
        beams = _extended(beams, silent, dict(zip(choices, scores, strict=True)))
        ranked = sorted(beams.items(), key=lambda item: _sum(*item[1]), reverse=True)
        beams = dict(ranked[:beam])
    return [Spelling(prefix, _sum(*ends)) for prefix, ends in beams.items()]


def _extended(
    beams: dict[tuple[int, ...], tuple[float, float]], silent: float, scores: dict[int, float]
) -> dict[tuple[int, ...], tuple[float, float]]:
    """Returns prefixes with their log-probabilities of ending in a blank and in their last token.

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
