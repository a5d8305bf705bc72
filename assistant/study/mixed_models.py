"""Linear mixed models with crossed random intercepts, fitted by restricted maximum likelihood.

The algorithm is lme4's (Bates, Mächler, Bolker & Walker, 2015, Fitting Linear Mixed-Effects Models
Using lme4, section 3.4, equations 33 to 43). statsmodels fits the same model and finds the same
optimum, and tests hold it against ours; but where participants are crossed with items it gave up
after three optimisers for 12 people × 2 conditions × 6 items, and was 4 to 10 times slower.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assistant.study import distributions
from assistant.study.statistics import Interval, NotComputable

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Term:
    """One fixed effect."""

    name: str
    estimate: float
    error: float
    df: float
    interval: Interval
    t: float
    p: float


@dataclass(frozen=True)
class MixedModel:
    """A fitted model."""

    terms: tuple[Term, ...]
    """The intercept first."""
    covariance: Array
    """Of the fixed effects, (P, P)."""
    spread: Mapping[str, float]
    """Standard deviation of each group of random intercepts, and of the `residual`."""
    levels: Mapping[str, int]
    """Number of random intercepts of each group."""
    observations: int
    df: float

    def term(self, name: str) -> Term:
        """Returns the fixed effect of this name."""
        return next(term for term in self.terms if term.name == name)

    def joint_test(self, names: Sequence[str]) -> tuple[float, float]:
        """Returns F and p of the hypothesis that all terms `names` are 0 (Wald)."""
        places = [place for place, term in enumerate(self.terms) if term.name in names]
        beta = np.array([self.terms[place].estimate for place in places])
        inverse = np.linalg.inv(self.covariance[np.ix_(places, places)])
        f = float(beta @ inverse @ beta) / len(places)
        return f, distributions.f_upper_p(f, len(places), self.df)


def fit(
    values: Sequence[float],
    fixed: Mapping[str, Sequence[float]],
    random: Mapping[str, Sequence[str]],
    *,
    df: float,
) -> MixedModel:
    """Returns the model of `values` with an intercept, `fixed` columns and `random` intercepts.

    Args:
        values: (N,) observations.
        fixed: columns (N,) by name; an intercept is added.
        random: for each group of intercepts the level of each observation, (N,); without any it
            is an ordinary linear model.
        df: degrees of freedom of the tests: of the people, not of the answers, because answers of
            one person are no independent evidence.

    Raises:
        NotComputable: too few observations or levels, or columns that say the same.
    """
    if df < 1:
        raise NotComputable("too few people for this model")
    y = np.asarray(values, dtype=np.float64)
    x = np.column_stack([np.ones(len(y)), *(np.asarray(column) for column in fixed.values())])
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise NotComputable("a predictor does not vary, or says the same as others")
    if float(y.std()) == 0:
        raise NotComputable("all answers are alike")
    problem = _Problem.of(y, x, random)
    beta, covariance, spread = problem.solved()
    names = ("intercept", *fixed)
    terms = tuple(
        _term(name, float(estimate), math.sqrt(float(variance)), df)
        for name, estimate, variance in zip(names, beta, np.diag(covariance), strict=True)
    )
    levels = {name: len(set(of)) for name, of in random.items()}
    return MixedModel(terms, covariance, spread, levels, len(y), df)


def _term(name: str, estimate: float, error: float, df: float) -> Term:
    reach = distributions.t_quantile(0.975, df) * error
    t = estimate / error
    interval = Interval(estimate - reach, estimate + reach)
    return Term(name, estimate, error, df, interval, t, distributions.two_sided_p(t, df))


@dataclass(frozen=True)
class _Problem:
    """The cross products that a deviance needs: none of them changes while it is searched."""

    n: int
    zz: Array
    """(Q, Q): of the columns of all random intercepts."""
    zx: Array
    zy: Array
    xx: Array
    xy: Array
    yy: float
    offset: float
    """Mean of the observations, taken off so that squares lose no digits."""
    group: NDArray[np.intp]
    """(Q,): to which group each random intercept belongs."""
    names: tuple[str, ...]

    @classmethod
    def of(cls, y: Array, x: Array, random: Mapping[str, Sequence[str]]) -> "_Problem":
        blocks: list[Array] = []
        for name, level in random.items():
            levels, codes = np.unique(np.asarray(level), return_inverse=True)
            if len(levels) < 2:
                raise NotComputable(f"needs two of {name}, has {len(levels)}")
            blocks.append(np.eye(len(levels))[codes])
        z = np.hstack([np.empty((len(y), 0)), *blocks])
        widths = [block.shape[1] for block in blocks]
        offset = float(y.mean())
        y = y - offset
        return cls(
            n=len(y),
            zz=z.T @ z,
            zx=z.T @ x,
            zy=z.T @ y,
            xx=x.T @ x,
            xy=x.T @ y,
            yy=float(y @ y),
            offset=offset,
            group=np.repeat(np.arange(len(blocks)), widths).astype(np.intp),
            names=tuple(random),
        )

    def solved(self) -> tuple[Array, Array, dict[str, float]]:
        """Returns fixed effects, their covariance and the standard deviations, at the optimum."""
        theta = self._best()
        _, beta, information, variance = self._at(theta)
        beta = beta.copy()
        beta[0] += self.offset
        spread = {
            name: float(scale) * math.sqrt(variance)
            for name, scale in zip(self.names, theta, strict=True)
        }
        return (
            beta,
            np.asarray(np.linalg.inv(information) * variance, dtype=np.float64),
            {**spread, "residual": math.sqrt(variance)},
        )

    def _best(self) -> Array:
        """Returns the relative standard deviations (G,) at which the deviance is least."""
        groups = len(self.names)
        if not groups:
            return np.empty(0)

        def deviance(theta: Array) -> float:
            return self._at(theta)[0]

        # 1e3: a group that spreads a thousand times as far as the residual says the model is exact.
        theta = distributions.minimised(deviance, [np.full(groups, 1.0)], (0.0, 1e3))
        if float(theta.min()) == 0:
            # At the edge the gradient may have misled it; a start from the other side would not.
            theta = distributions.minimised(deviance, [theta, np.full(groups, 0.2)], (0.0, 1e3))
        return theta

    def _at(self, theta: Array) -> tuple[float, Array, Array, float]:
        """Returns the REML deviance, fixed effects, their information and the residual variance.

        Args:
            theta: standard deviation of each group of intercepts relative to the residual's.
        """
        scale = theta[self.group]
        lower = np.linalg.cholesky(self.zz * scale[:, None] * scale[None, :] + np.eye(len(scale)))
        right = np.column_stack([self.zx, self.zy]) * scale[:, None]
        both = distributions.solved_lower(lower, right)
        zx, zy = both[:, :-1], both[:, -1]
        information = self.xx - zx.T @ zx
        rest = self.xy - zx.T @ zy
        beta = np.asarray(np.linalg.solve(information, rest), dtype=np.float64)
        # Where a model fits exactly, rounding could leave less than nothing.
        left = max(self.yy - float(zy @ zy) - float(beta @ rest), 1e-12 * self.yy)
        df = self.n - len(beta)
        deviance = (
            2 * float(np.log(np.diag(lower)).sum())
            + float(np.linalg.slogdet(information)[1])
            + df * (1 + math.log(2 * math.pi * left / df))
        )
        return deviance, beta, information, left / df
