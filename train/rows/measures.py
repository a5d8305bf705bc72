"""Measures of a row from its answers, each with its interval: by speaker where speakers are few."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.emotions import EMOTION_LABELS
from train.evaluation.answers import parse_emotion
from train.metrics import (
    Figure,
    bootstrap,
    confusion,
    macro_f1,
    share,
    spoken_words,
    unweighted_accuracy,
)
from train.rows.bleu import bleu_1, unigrams

Places = NDArray[np.int64]
CLASSES = len(EMOTION_LABELS)
FEW_SPEAKERS = 30
"""Of so many speakers and fewer, an interval is by speaker: a set with four voices says little
of others, however many clips it has."""
DRAWS = 1_000

INITIALS = {"N": 0, "H": 1, "A": 2, "S": 3, "U": 4}
"""What MSP-Podcast's annotators chose → our emotion."""


def interval(measure: Callable[[Places], float], speakers: Sequence[str]) -> tuple[Figure, str]:
    """Returns a measure with its 95 % interval, and what was drawn with replacement for it.

    Where 2 to 30 speakers said it all, speakers are drawn and then utterances of each; else
    utterances alone.

    Args:
        measure: Places of the chosen items → value.
        speakers: Of each item.
    """
    names = sorted(set(speakers))
    count = len(speakers)
    if not 2 <= len(names) <= FEW_SPEAKERS or "" in names or count < 2 * len(names):
        return bootstrap(measure, count, draws=DRAWS), "utterances"
    own = [np.flatnonzero(np.array(speakers) == name) for name in names]
    generator = np.random.default_rng(0)
    values: list[float] = []
    for _ in range(DRAWS):
        drawn = generator.integers(0, len(own), len(own))
        chosen = [generator.choice(own[k], len(own[k])) for k in drawn]
        values.append(measure(np.concatenate(chosen)))
    low, high = np.nanquantile(values, [0.025, 0.975])
    everything = np.arange(count)
    return Figure(measure(everything), float(low), float(high), count), f"{len(names)} speakers"


def accuracy(right: Sequence[bool], speakers: Sequence[str]) -> tuple[Figure, str]:
    """Returns the share of right answers; Wilson's interval where speakers are many."""
    flags = np.array(right, dtype=float)
    figure, drawn = interval(lambda places: float(flags[places].mean()), speakers)
    return (share(list(right)), "utterances") if drawn == "utterances" else (figure, drawn)


def of_emotions(
    measure: str,
    truth: Sequence[int],
    guess: Sequence[int],
    speakers: Sequence[str],
    votes: Sequence[tuple[str, ...]],
) -> tuple[Figure, str]:
    """Returns a measure of named emotions; -1 stands for an answer that names none.

    Args:
        measure: Its name in `rows.toml`.
        truth: Indices of the five emotions.
        guess: Likewise, or -1.
        speakers: Of each utterance.
        votes: Of the annotators of each, where the measure looks at them.
    """
    if measure == "accuracy":
        right = [a == b for a, b in zip(truth, guess, strict=True)]
        return accuracy(right, speakers)
    known, said = np.array(truth), np.array(guess)
    if measure == "annotator-aware macro F1":
        known = _credited(known, said, votes)
    of_table = unweighted_accuracy if measure == "unweighted accuracy" else macro_f1
    return interval(
        lambda places: of_table(confusion(known[places], said[places], CLASSES)), speakers
    )


def _credited(truth: Places, guess: Places, votes: Sequence[tuple[str, ...]]) -> Places:
    """The answer itself where any annotator chose it, else what the majority chose."""
    right = [
        said in {INITIALS.get(vote, -2) for vote in chosen}
        for said, chosen in zip(guess.tolist(), votes, strict=True)
    ]
    return np.where(right, guess, truth)


def named_emotion(text: str) -> int:
    """Returns the one emotion that an answer names; -1 if it names none or several."""
    return parse_emotion(text)


def of_replies(
    measure: str, references: Sequence[str], replies: Sequence[str], speakers: Sequence[str]
) -> tuple[Figure, str]:
    """Returns a measure of replies that needs no judge."""
    pairs = list(zip(references, replies, strict=True))
    if measure == "bleu-1":
        counts: Any = unigrams(pairs)
        return interval(lambda places: bleu_1(counts[places]), speakers)
    check = holds_answer if measure == "holds the answer" else has_letter
    return accuracy([check(reference, reply) for reference, reply in pairs], speakers)


def holds_answer(reference: str, reply: str) -> bool:
    """Whether a reply holds the words of the expected answer, in this order."""
    expected = spoken_words(reference)
    return bool(expected) and f" {expected} " in f" {spoken_words(reply)} "


def has_letter(reference: str, reply: str) -> bool:
    """Whether a reply chooses the expected letter: it begins with it or names it alone."""
    expected = reference.strip().upper()[:1]
    first = re.match(r"\W*([A-E])(?![A-Za-z'])", reply)
    named = re.findall(r"(?:answer|option|choice)(?: is)?:? ?\(?([A-E])(?![A-Za-z'])", reply)
    chosen = set(named) or ({first[1]} if first else set(re.findall(r"\b([B-E])\b", reply)))
    return len(chosen) == 1 and chosen == {expected}


def mean_of(parts: Sequence[Figure], *, weighted: bool) -> Figure:
    """Returns the mean of independent figures, by their counts or plain.

    Its interval adds up their variances, as if each were normal.
    """
    counts = np.array([part.count for part in parts], dtype=float)
    weights = counts / counts.sum() if weighted else np.full(len(parts), 1 / len(parts))
    value = float(sum(w * part.value for w, part in zip(weights, parts, strict=True)))
    halves = np.array([(part.high - part.low) / 2 for part in parts])
    half = float(np.sqrt(np.sum((weights * halves) ** 2)))
    return Figure(value, value - half, value + half, int(counts.sum()))
