"""Corpus BLEU of replies, as AvaMERG's scores are counted: on words *and* marks, case kept.

The papers' scorer cuts texts with NLTK's `word_tokenize` and counts with its `corpus_bleu`
(Papineni et al. 2002). NLTK is not needed for it: its data for sentence ends cannot be had from the
package index. The rules of the Penn Treebank stand here in short; sentences end at a full stop
before a space and a capital letter.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

ABBREVIATIONS = frozenset("mr mrs ms dr st prof jr sr vs etc e.g i.e a.m p.m u.s u.k inc".split())
"""Words whose full stop ends no sentence."""

_CONTRACTIONS = re.compile(r"(?i)(?<=\w)('(?:s|m|d|ll|re|ve)\b|n't\b)")
_MARKS = re.compile(r"(\.{2,}|--|[,;:](?!\d)|[?!()\[\]{}<>@#$%&“”\"…])")
_QUOTES = re.compile(r"(?:(?<=\s)|^)'(?=\w)|(?<=\w)'(?=[\s.,!?]|$)")
_STOP = re.compile(r"(\S*?)(?<!\.)\.([\"”)\]']*)(?=\s+[\"“(A-Z]|\s*$)")
_ONE_WORD = re.compile(r"(?i)\b(can)(not)\b|\b(gon|wan)(na)\b|\b(got)(ta)\b|\b(gim|lem)(me)\b")


def tokens(text: str) -> list[str]:
    """Returns words and marks of a text, contractions cut: ``do n't``, ``it 's``."""
    text = text.replace("’", "'").replace("``", '"').replace("''", '"')
    text = _STOP.sub(_cut_stop, text)
    text = _QUOTES.sub(" ' ", text)
    text = _MARKS.sub(r" \1 ", text)
    text = _CONTRACTIONS.sub(r" \1", text)
    text = _ONE_WORD.sub(lambda m: " ".join(part for part in m.groups() if part), text)
    return text.split()


def _cut_stop(match: re.Match[str]) -> str:
    before, after = match[1], match[2]
    is_short = before.lower().lstrip('"“(') in ABBREVIATIONS
    at_end = not match.string[match.end() :].strip()
    if is_short and not at_end:
        return match[0]
    return f"{before} . {after}"


def unigrams(pairs: Sequence[tuple[str, str]]) -> NDArray[np.int64]:
    """Returns (N, 3) of (reference, reply) pairs: matched tokens, those of reply, of reference."""
    rows: list[tuple[int, int, int]] = []
    for reference, reply in pairs:
        truth, guess = tokens(reference), tokens(reply)
        matched = sum((Counter(truth) & Counter(guess)).values())
        rows.append((matched, len(guess), len(truth)))
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def bleu_1(counts: NDArray[np.int64]) -> float:
    """Returns corpus BLEU-1 of (N, 3) counts; an empty reply takes part with its reference."""
    matched, said, expected = (int(value) for value in counts.sum(axis=0))
    if not said:
        return 0.0
    brevity = 1.0 if said > expected else math.exp(1 - expected / said)
    return brevity * matched / said
