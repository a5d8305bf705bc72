"""Comparisons of two conditions: test, effect size with its interval, test of equivalence.

All are pure functions of lists of scores. What cannot be computed is said by `NotComputable`, in
words that a report can print; no function returns nan.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assistant.study import distributions

Values = Sequence[float]
ComparisonDesign = Literal["paired", "independent"]


class NotComputable(ValueError):
    """A figure that these data do not give; the message is the reason."""


@dataclass(frozen=True)
class Interval:
    """A confidence interval."""

    low: float
    high: float


@dataclass(frozen=True)
class Moments:
    """What a group of scores looks like."""

    n: int
    mean: float
    sd: float | None
    """With n - 1; None for a single score."""
    median: float
    minimum: float
    maximum: float
    interval: Interval | None
    """95 % interval of the mean."""


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests against the bounds -`bound` and +`bound` (Lakens, 2017)."""

    bound: float
    """In points of the score."""
    t_lower: float
    """Against the lower bound."""
    t_upper: float
    df: float
    p: float
    """The greater of the two one-sided p."""
    interval: Interval
    """1 - 2 α interval of the difference: equivalent if it lies within the bounds."""

    def within(self, alpha: float = 0.05) -> bool:
        """Whether differences as large as the bound are rejected on both sides."""
        return self.p < alpha


@dataclass(frozen=True)
class Comparison:
    """Second condition minus the first."""

    design: ComparisonDesign
    n_first: int
    n_second: int
    difference: float
    """In points of the score."""
    error: float
    """Its standard error."""
    interval: Interval
    t: float
    df: float
    p: float
    effect_name: Literal["dz", "ds"]
    """Difference by the SD of differences (paired), or by the pooled SD (independent)."""
    effect: float
    effect_interval: Interval
    """Exact, from the noncentral t distribution."""
    g: float
    """Hedges' g: by the average SD (paired) or the pooled SD, corrected for bias."""
    average_sd: float
    """Root of the mean of both variances: the unit of a bound that is given in SDs."""
    rank_p: float
    """Of Wilcoxon's signed-rank test, or of the Mann-Whitney test."""


def moments(values: Values) -> Moments:
    """Returns the description of one group.

    Raises:
        NotComputable: there are no values.
    """
    if not values:
        raise NotComputable("no scores")
    scores = np.asarray(values, dtype=np.float64)
    n, mean = len(scores), float(scores.mean())
    sd = float(scores.std(ddof=1)) if n > 1 else None
    interval = None
    if sd is not None:
        reach = distributions.t_quantile(0.975, n - 1) * sd / math.sqrt(n)
        interval = Interval(mean - reach, mean + reach)
    ends = float(scores.min()), float(scores.max())
    return Moments(n, mean, sd, float(np.median(scores)), *ends, interval)


def compare_paired(first: Values, second: Values, *, confidence: float = 0.95) -> Comparison:
    """Returns the comparison of two scores of the same people, in the same order.

    Effect: dz = mean difference / SD of differences, with its exact interval; g is by the average
    SD (Lakens, 2013, "Cohen's d in within-subjects designs"), corrected for bias.

    Raises:
        NotComputable: fewer than two pairs, or all differences are alike.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} scores cannot be paired with {len(second)}")
    n = len(first)
    if n < 2:
        raise NotComputable(f"needs two people who have both conditions, has {n}")
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    gain = two - one
    difference, sd = float(gain.mean()), float(gain.std(ddof=1))
    if _is_nothing(sd, one, two):
        raise NotComputable("all people differ by the same amount")
    error, df = sd / math.sqrt(n), float(n - 1)
    t = difference / error
    reach = distributions.t_quantile(0.5 + confidence / 2, df) * error
    average = _average_sd(one, two)
    return Comparison(
        design="paired",
        n_first=n,
        n_second=n,
        difference=difference,
        error=error,
        interval=Interval(difference - reach, difference + reach),
        t=t,
        df=df,
        p=distributions.two_sided_p(t, df),
        effect_name="dz",
        effect=difference / sd,
        effect_interval=_effect_interval(t, df, math.sqrt(1 / n), confidence),
        # Not by the SD of differences as dz: that depends on how alike both scores of a person are,
        # so that studies of other designs could not be compared with it.
        g=distributions.gamma_ratio(df) * difference / average,
        average_sd=average,
        rank_p=distributions.signed_rank_p([float(value) for value in gain]),
    )


def compare_independent(first: Values, second: Values, *, confidence: float = 0.95) -> Comparison:
    """Returns the comparison of two groups of people by Welch's t test.

    Effect: ds = difference / pooled SD; its interval is exact under equal variances (Cumming &
    Finch, 2001), Hedges' g is ds without bias.

    Raises:
        NotComputable: a group has fewer than two people, or no scores differ.
    """
    if min(len(first), len(second)) < 2:
        raise NotComputable(f"needs two people in each group, has {len(first)} and {len(second)}")
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    difference = float(two.mean() - one.mean())
    error, df = _welch(one, two)
    n, m = len(one), len(two)
    pooled = math.sqrt((_variance(one) * (n - 1) + _variance(two) * (m - 1)) / (n + m - 2))
    if _is_nothing(pooled, one, two):
        raise NotComputable("all people of a group have the same score")
    t = difference / error
    reach = distributions.t_quantile(0.5 + confidence / 2, df) * error
    width = math.sqrt(1 / n + 1 / m)
    return Comparison(
        design="independent",
        n_first=n,
        n_second=m,
        difference=difference,
        error=error,
        interval=Interval(difference - reach, difference + reach),
        t=t,
        df=df,
        p=distributions.two_sided_p(t, df),
        effect_name="ds",
        effect=difference / pooled,
        # Not from Welch's t: the noncentral distribution belongs to the pooled SD, of which ds is
        # made.
        effect_interval=_effect_interval(
            difference / (pooled * width), float(n + m - 2), width, confidence
        ),
        g=distributions.gamma_ratio(n + m - 2) * difference / pooled,
        average_sd=_average_sd(one, two),
        rank_p=distributions.rank_sum_p(list(first), list(second)),
    )


def equivalence(comparison: Comparison, bound: float, *, alpha: float = 0.05) -> Equivalence:
    """Returns the two one-sided tests of whether the difference lies within ±`bound`.

    Args:
        comparison: of the two conditions.
        bound: smallest difference of interest, in points of the score, above 0.
        alpha: level of each of the two tests.
    """
    return equivalence_of(
        comparison.difference, comparison.error, comparison.df, bound, alpha=alpha
    )


def equivalence_of(
    difference: float, error: float, df: float, bound: float, *, alpha: float = 0.05
) -> Equivalence:
    """Returns the two one-sided tests for a difference with its standard error and df.

    Raises:
        NotComputable: the bound is not above 0.
    """
    if not bound > 0:
        raise NotComputable("the bounds of equivalence must lie above 0")
    lower, upper = (difference + bound) / error, (difference - bound) / error
    p = max(distributions.upper_p(lower, df), distributions.upper_p(-upper, df))
    reach = distributions.t_quantile(1 - alpha, df) * error
    interval = Interval(difference - reach, difference + reach)
    return Equivalence(bound, lower, upper, df, p, interval)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Returns p adjusted for their number by Holm's step-down procedure, under the same names."""
    ordered = sorted(p_values.items(), key=lambda entry: entry[1])
    adjusted: dict[str, float] = {}
    greatest = 0.0
    for place, (name, p) in enumerate(ordered):
        # Never below a p that was smaller before it: the order of the tests stays.
        greatest = max(greatest, min(1.0, (len(ordered) - place) * p))
        adjusted[name] = greatest
    return {name: adjusted[name] for name in p_values}


def _effect_interval(t: float, df: float, width: float, confidence: float) -> Interval:
    """Returns the interval of d = t × `width` by the noncentralities that t could come from."""
    tail = (1 - confidence) / 2
    # The ends cross over: the lowest noncentrality is that by which nearly all would lie below `t`.
    low = distributions.noncentrality(t, df, 1 - tail)
    high = distributions.noncentrality(t, df, tail)
    return Interval(low * width, high * width)


def _welch(one: NDArray[np.float64], two: NDArray[np.float64]) -> tuple[float, float]:
    """Returns the standard error of the difference of means, and Welch's degrees of freedom."""
    a, b = _variance(one) / len(one), _variance(two) / len(two)
    if a + b == 0:
        raise NotComputable("all people of a group have the same score")
    df = (a + b) ** 2 / (a**2 / (len(one) - 1) + b**2 / (len(two) - 1))
    return math.sqrt(a + b), df


def _variance(values: NDArray[np.float64]) -> float:
    return float(values.var(ddof=1))


def _average_sd(one: NDArray[np.float64], two: NDArray[np.float64]) -> float:
    return math.sqrt((_variance(one) + _variance(two)) / 2)


def _is_nothing(sd: float, one: NDArray[np.float64], two: NDArray[np.float64]) -> bool:
    """Whether a spread is none but for rounding: 0.1 + 0.2 - 0.3 is not quite 0."""
    size = max(float(np.abs(one).max()), float(np.abs(two).max()), 1e-300)
    return sd <= 1e-12 * size
