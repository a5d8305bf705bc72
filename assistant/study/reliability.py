"""How well the items of a scale agree: Cronbach's alpha and McDonald's omega."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assistant.study import distributions
from assistant.study.statistics import Interval, NotComputable

ItemScores = Sequence[Sequence[float | None]]
"""(P, I): one row a person, one column an item, reversed items already turned round."""


@dataclass(frozen=True)
class Reliability:
    """A coefficient between answers of the same people."""

    value: float
    n: int
    """People with all items."""
    items: int
    interval: Interval | None = None
    """95 %; none is given for omega."""
    note: str = ""


def cronbach_alpha(rows: ItemScores) -> Reliability:
    """Returns alpha with Feldt's exact interval, of the people who answered every item.

    Source: Feldt, Woodruff & Salih (1987), Statistical inference for coefficient alpha.

    Raises:
        NotComputable: fewer than two items, fewer than three people, or nobody differs.
    """
    scores = _complete(rows)
    n, count = scores.shape
    total = float(scores.sum(axis=1).var(ddof=1))
    if total == 0:
        raise NotComputable("all people have the same score")
    alpha = count / (count - 1) * (1 - float(scores.var(axis=0, ddof=1).sum()) / total)
    df, error_df = n - 1, (n - 1) * (count - 1)
    low = 1 - (1 - alpha) * distributions.f_quantile(0.975, df, error_df)
    high = 1 - (1 - alpha) * distributions.f_quantile(0.025, df, error_df)
    return Reliability(alpha, n, count, Interval(low, high))


def mcdonald_omega(rows: ItemScores) -> Reliability:
    """Returns omega total of one factor that is fitted by maximum likelihood.

    omega = (Σ loadings)² / ((Σ loadings)² + Σ uniquenesses), of the covariances, so that it is the
    reliability of the sum score (McDonald, 1999, equation 6.20a).

    Raises:
        NotComputable: fewer than three items, too few people for them, or an item is constant.
    """
    scores = _complete(rows)
    n, count = scores.shape
    if count < 3:
        raise NotComputable("one factor needs three items")
    if n <= count:
        raise NotComputable(f"needs more people than items, has {n} for {count}")
    spread = scores.std(axis=0, ddof=1)
    if float(spread.min()) == 0:
        raise NotComputable("an item was answered alike by all people")
    loadings, uniqueness = one_factor(np.asarray(np.corrcoef(scores, rowvar=False)))
    common = float((loadings * spread).sum()) ** 2
    rest = float((uniqueness * spread**2).sum())
    edge = bool((uniqueness <= _LEAST_UNIQUENESS * 1.01).any())
    note = "an item is explained whole by the factor (Heywood case)" if edge else ""
    return Reliability(common / (common + rest), n, count, note=note)


_LEAST_UNIQUENESS = 0.005
"""Below it the likelihood has no minimum; the bound of R's factanal."""


def one_factor(
    correlation: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns loadings (I,) and uniquenesses (I,) of the one-factor model with most likelihood.

    For given uniquenesses the best loadings follow from the first eigenvector of the scaled
    correlations, so that only the uniquenesses are searched (Lawley & Maxwell, 1971, chapter 4).

    Raises:
        NotComputable: the correlations are singular.
    """
    if float(np.linalg.eigvalsh(correlation)[0]) < 1e-9:
        raise NotComputable("two items were always answered alike")

    def loss(uniqueness: NDArray[np.float64]) -> float:
        others = _eigen(correlation, uniqueness)[0][:-1]
        return float((others - np.log(others) - 1).sum())

    # Squared multiple correlations are the usual start; the other is for when they mislead.
    inverse = 1 / np.diag(np.linalg.inv(correlation))
    starts = [np.clip(inverse, _LEAST_UNIQUENESS, 1.0), np.full(len(correlation), 0.5)]
    uniqueness = distributions.minimised(loss, starts, (_LEAST_UNIQUENESS, 1.0))
    values, vectors = _eigen(correlation, uniqueness)
    loadings = np.sqrt(uniqueness) * vectors[:, -1] * np.sqrt(max(float(values[-1]) - 1, 0.0))
    return loadings * (1.0 if float(loadings.sum()) >= 0 else -1.0), uniqueness


def _eigen(
    correlation: NDArray[np.float64], uniqueness: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    scale = 1 / np.sqrt(uniqueness)
    values, vectors = np.linalg.eigh(correlation * scale[:, None] * scale[None, :])
    return values, vectors


def _complete(rows: ItemScores) -> NDArray[np.float64]:
    """Returns the rows without gaps, (P, I)."""
    whole = [list(row) for row in rows if all(value is not None for value in row)]
    if len(whole) < 3:
        raise NotComputable(f"needs three people with all items, has {len(whole)}")
    if len(whole[0]) < 2:
        raise NotComputable("a single item has no agreement with others")
    return np.asarray(whole, dtype=np.float64)
