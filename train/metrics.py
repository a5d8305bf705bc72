"""Figures as pure functions: word errors, accuracies, calibration, abstention, intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NORMAL_95 = 1.959964
"""Standard deviations on each side that hold 95 % of a normal distribution."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its 95 % interval and the number of items behind it."""

    value: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}] n={self.count}"


def word_errors(reference: str, heard: str) -> tuple[int, int]:
    """Returns (substitutions + insertions + deletions, words of the reference).

    Both are compared as they are: normalise them before.
    """
    truth, guess = reference.split(), heard.split()
    row = list(range(len(guess) + 1))
    for i, word in enumerate(truth, start=1):
        before, row[0] = row[0], i
        for j, other in enumerate(guess, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1], len(truth)


def spoken_words(text: str) -> str:
    """Returns lower-case words without punctuation, for the word error rate."""
    kept = (c.lower() if c.isalnum() or c == "'" else " " for c in text.replace("’", "'"))
    return " ".join("".join(kept).split())


def recognised_words(text: str) -> str:
    """Returns words as word error rates of Whisper compare them (arXiv 2212.04356, appendix C).

    Numbers become digits, contractions are written out, fillers are left out.
    """
    return _whisper_normaliser()(text).strip()


@cache
def _whisper_normaliser() -> Callable[[str], str]:
    from models.torchaudio_guard import guard_torchaudio

    guard_torchaudio()
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

    return EnglishTextNormalizer({})  # without its list of British spellings, which is on the hub


def word_error_rate(pairs: Sequence[tuple[str, str]], *, seed: int = 0) -> Figure:
    """Returns errors ÷ reference words over (reference, heard) pairs, with its interval.

    Raises:
        ValueError: The references hold no words.
    """
    counts = np.array([word_errors(recognised_words(a), recognised_words(b)) for a, b in pairs])
    if len(counts) == 0 or counts[:, 1].sum() == 0:
        raise ValueError("a word error rate needs references with words")

    def rate(chosen: Integers) -> float:
        return float(counts[chosen, 0].sum() / max(1, counts[chosen, 1].sum()))

    return bootstrap(rate, len(counts), seed=seed)


def confusion(
    truth: Sequence[int] | Integers, guess: Sequence[int] | Integers, classes: int
) -> Integers:
    """Returns (classes, classes + 1): rows are truths; the last column counts no valid answer."""
    right, given = np.asarray(truth, dtype=np.int64), np.asarray(guess, dtype=np.int64)
    given = np.where((given >= 0) & (given < classes), given, classes)
    cells = np.bincount(right * (classes + 1) + given, minlength=classes * (classes + 1))
    return cells.reshape(classes, classes + 1)


def accuracy(table: Integers) -> float:
    """Returns the share of right answers (weighted accuracy)."""
    return float(np.trace(table) / table.sum()) if table.sum() else float("nan")


def unweighted_accuracy(table: Integers) -> float:
    """Returns the mean recall of the classes that occur."""
    totals = table.sum(axis=1)
    occurring = totals > 0
    recalls = np.diagonal(table)[occurring] / totals[occurring]
    return float(recalls.mean()) if len(recalls) else float("nan")


def macro_f1(table: Integers) -> float:
    """Returns the mean F1 of the classes that occur."""
    right = np.diagonal(table).astype(float)
    actual, claimed = table.sum(axis=1), table[:, :-1].sum(axis=0)
    scores = 2 * right / np.maximum(actual + claimed, 1)
    return float(scores[actual > 0].mean()) if (actual > 0).any() else float("nan")


def share(flags: Sequence[bool]) -> Figure:
    """Returns the share of true flags with its Wilson interval.

    Wilson 1927; unlike resampling it does not shrink to nothing where all flags are alike.

    Raises:
        ValueError: There are no flags.
    """
    count = len(flags)
    if count == 0:
        raise ValueError("there are no items to measure")
    found = sum(flags) / count
    square = NORMAL_95**2
    middle = (found + square / (2 * count)) / (1 + square / count)
    spread = found * (1 - found) / count + square / (4 * count**2)
    half = NORMAL_95 * spread**0.5 / (1 + square / count)
    # Where all are alike rounding would put the share itself outside.
    return Figure(
        found, max(0.0, min(found, middle - half)), min(1.0, max(found, middle + half)), count
    )


def of_answers(
    measure: Callable[[Integers], float],
    truth: Sequence[int],
    guess: Sequence[int],
    classes: int,
    *,
    seed: int = 0,
) -> Figure:
    """Returns a measure of a confusion table with its interval over the items."""
    right, given = np.asarray(truth), np.asarray(guess)

    def value(chosen: Integers) -> float:
        return measure(confusion(right[chosen], given[chosen], classes))

    return bootstrap(value, len(right), seed=seed)


def expected_calibration_error(probabilities: Floats, truth: Integers, *, bins: int = 10) -> float:
    """Returns the mean gap of confidence and accuracy over equally filled bins.

    Guo et al. 2017 (arXiv 1706.04599), section 2, with bins of equal count, which keeps the
    estimate stable on small sets.

    Args:
        probabilities: (N, E), rows sum to 1.
        truth: (N,) indices.
        bins: Number of bins.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    order = np.argsort(confidence, kind="stable")
    gaps = [
        abs(float(confidence[part].mean()) - float(right[part].mean())) * len(part)
        for part in np.array_split(order, min(bins, len(order)))
    ]
    return float(sum(gaps) / len(order))


def perfect_calibration_error(
    probabilities: Floats, *, bins: int = 10, draws: int = 500, seed: int = 0
) -> Figure:
    """Returns the error that a perfectly calibrated model of these confidences would show.

    Truths are drawn from the probabilities themselves, so the figure is the bias and the spread
    of the estimate at this sample size.
    """
    generator = np.random.default_rng(seed)
    limits = probabilities.cumsum(axis=1)
    found: list[float] = []
    for _ in range(draws):
        drawn = generator.random(len(probabilities))[:, None] * limits[:, -1:]
        truth = (drawn > limits).sum(axis=1)
        found.append(expected_calibration_error(probabilities, truth, bins=bins))
    low, high = np.quantile(found, [0.025, 0.975])
    return Figure(float(np.mean(found)), float(low), float(high), len(probabilities))


def negative_log_likelihood(probabilities: Floats, truth: Integers) -> float:
    """Returns the mean of -log p(truth)."""
    chosen = probabilities[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def risk_coverage(probabilities: Floats, truth: Integers) -> tuple[Floats, Floats, Floats]:
    """Returns (coverage, risk, threshold) when answers below a confidence are withheld.

    Point k keeps the k + 1 most confident answers; risk is their share of wrong ones.
    """
    confidence = probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    wrong = (probabilities.argmax(axis=1) != truth)[order]
    kept = np.arange(1, len(order) + 1)
    return kept / len(order), np.cumsum(wrong) / kept, confidence[order]


def bootstrap(
    measure: Callable[[Integers], float], count: int, *, draws: int = 1000, seed: int = 0
) -> Figure:
    """Returns a measure with its 95 % percentile interval over items drawn with replacement.

    Args:
        measure: Indices of the chosen items → value.
        count: Number of items.
        draws: Resamples.
        seed: Of the resamples.

    Raises:
        ValueError: There are no items.
    """
    if count == 0:
        raise ValueError("there are no items to measure")
    generator = np.random.default_rng(seed)
    values = [measure(generator.integers(0, count, count)) for _ in range(draws)]
    low, high = np.nanquantile(values, [0.025, 0.975])
    return Figure(measure(np.arange(count)), float(low), float(high), count)


def repeated_ngram(text: str, *, size: int = 4) -> bool:
    """Whether a sequence of `size` words occurs twice in a text."""
    words = spoken_words(text).split()
    grams = [tuple(words[start : start + size]) for start in range(len(words) - size + 1)]
    return len(set(grams)) < len(grams)
