"""What tests and models take from SciPy: distributions, a search, behind one typed edge.

SciPy comes with the extra `study`; it is imported when a figure is asked for, so that a study runs
without it.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingImports=false, reportMissingModuleSource=false

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from assistant.errors import EngineUnavailable


def require_libraries() -> None:
    """Makes sure that the libraries of a report are there.

    Raises:
        EngineUnavailable: the extra `study` is not installed.
    """
    try:
        import scipy.stats  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise EngineUnavailable(
            "the report of a study needs SciPy: `pip install -e '.[study]'` in Attune's folder"
        ) from error


def two_sided_p(t: float, df: float) -> float:
    """Returns the probability of a t at least as far from 0."""
    from scipy import stats

    return float(2 * stats.t.sf(abs(t), df))


def upper_p(t: float, df: float) -> float:
    """Returns the probability of a greater t."""
    from scipy import stats

    return float(stats.t.sf(t, df))


def t_quantile(share: float, df: float) -> float:
    """Returns the t below which `share` of the distribution lies."""
    from scipy import stats

    return float(stats.t.ppf(share, df))


def f_upper_p(f: float, df_above: float, df_below: float) -> float:
    """Returns the probability of a greater F."""
    from scipy import stats

    return float(stats.f.sf(f, df_above, df_below))


def f_quantile(share: float, df_above: float, df_below: float) -> float:
    """Returns the F below which `share` of the distribution lies."""
    from scipy import stats

    return float(stats.f.ppf(share, df_above, df_below))


def noncentrality(t: float, df: float, share: float) -> float:
    """Returns the noncentrality of the t distribution of which `share` lies below `t`."""
    from scipy import optimize, stats

    def beyond(nc: float) -> float:
        below = float(stats.nct.cdf(t, df, nc))
        # Far in a tail SciPy has no number: all of the distribution lies on one side of `t` there.
        return (below if math.isfinite(below) else float(nc < t)) - share

    # The share falls as the noncentrality grows; its root lies within a few units around t.
    reach = 6.0 + 0.5 * abs(t)
    low, high = t - reach, t + reach
    while beyond(low) < 0:
        low -= reach
    while beyond(high) > 0:
        high += reach
    return float(optimize.brentq(beyond, low, high, xtol=1e-10))  # pyright: ignore[reportArgumentType]


def signed_rank_p(differences: Sequence[float]) -> float:
    """Returns the two-sided p of Wilcoxon's signed-rank test; 1 where all differences are 0."""
    from scipy import stats

    if not any(differences):
        return 1.0
    sizes = [abs(difference) for difference in differences]
    # Left to itself SciPy permutes the signs of up to 13 tied differences, for eight seconds.
    plain = len(set(sizes)) == len(sizes) <= 50 and 0 not in sizes
    with warnings.catch_warnings():
        # It warns of few people, of whom the page says so at its head.
        warnings.simplefilter("ignore")
        found: Any = stats.wilcoxon(
            np.asarray(differences), method="exact" if plain else "asymptotic"
        )
    return float(found.pvalue)


def rank_sum_p(first: Sequence[float], second: Sequence[float]) -> float:
    """Returns the two-sided p of the Mann-Whitney test."""
    from scipy import stats

    return float(stats.mannwhitneyu(first, second, alternative="two-sided").pvalue)


def gamma_ratio(df: float) -> float:
    """Returns the exact factor that makes Cohen's d unbiased (Hedges, 1981, equation 6e)."""
    from scipy import special

    log = special.gammaln(df / 2) - special.gammaln((df - 1) / 2)
    return float(np.exp(log) / np.sqrt(df / 2))


def minimised(
    loss: Callable[[np.ndarray], float], starts: Sequence[np.ndarray], bounds: tuple[float, float]
) -> np.ndarray:
    """Returns the point within `bounds` at which `loss` is least, the best of several `starts`."""
    from scipy import optimize

    found: list[Any] = [
        optimize.minimize(loss, start, method="L-BFGS-B", bounds=[bounds] * len(start))
        for start in starts
    ]

    def least(one: Any) -> float:
        return float(one.fun)

    return np.asarray(min(found, key=least).x, dtype=np.float64)


def solved_lower(lower: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Returns the solution of `lower` @ x = `right` for a lower triangular matrix."""
    from scipy import linalg

    found: Any = linalg.solve_triangular(lower, right, lower=True, check_finite=False)
    return np.asarray(found, dtype=np.float64)
