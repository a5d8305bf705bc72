"""Every measure between every two conditions: test, effect size, equivalence, verdict."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from assistant.study.report.measures import ByPerson, Measure
from assistant.study.report.plan import AnalysisPlan
from assistant.study.report.table import Row, Table
from assistant.study.statistics import (
    Comparison,
    Equivalence,
    NotComputable,
    compare_independent,
    compare_paired,
    equivalence,
    holm,
)

Conclusion = Literal["different", "different, but small", "equivalent", "inconclusive"]


@dataclass(frozen=True)
class Finding:
    """The comparison of one measure between two conditions, or two levels of a factor."""

    measure: Measure
    first: str
    second: str
    comparison: Comparison | None
    equivalence: Equivalence | None
    reason: str = ""
    """Why there is no comparison."""
    adjusted_p: float | None = None
    """By Holm for the number of comparisons of one family; None where it belongs to none."""
    alpha: float = 0.05

    @property
    def name(self) -> str:
        """The measure and both conditions."""
        return f"{self.measure.name}: {self.first} – {self.second}"

    @property
    def verdict(self) -> Conclusion | None:
        """What the two tests say together (Lakens, 2017, figure 1)."""
        if self.comparison is None or self.equivalence is None:
            return None
        p = self.comparison.p if self.adjusted_p is None else self.adjusted_p
        if self.equivalence.within(self.alpha):
            return "different, but small" if p < self.alpha else "equivalent"
        return "different" if p < self.alpha else "inconclusive"


def findings_of(measures: Sequence[Measure], plan: AnalysisPlan) -> list[Finding]:
    """Returns all comparisons; p of the primary scores, or of all, is adjusted for their number."""
    found = [
        finding(measure, pair, plan)
        for measure in measures
        for pair in itertools.combinations(measure.conditions, 2)
    ]
    return adjusted(found, plan)


def adjusted(found: Sequence[Finding], plan: AnalysisPlan) -> list[Finding]:
    """Returns `found` with Holm's p of the family that the plan names."""
    family = {
        one.name: one.comparison.p
        for one in found
        if one.comparison is not None
        and one.measure.kind == "score"
        and (not plan.primary or one.measure.name in plan.primary)
    }
    by_holm = holm(family)
    return [replace(one, adjusted_p=by_holm.get(one.name)) for one in found]


def finding(measure: Measure, pair: tuple[str, str], plan: AnalysisPlan) -> Finding:
    """Returns the comparison of `measure` between the two conditions of `pair`, unadjusted."""
    first, second = (measure.values[condition] for condition in pair)
    return compared(measure, pair, first, second, plan)


def compared(
    measure: Measure, names: tuple[str, str], first: ByPerson, second: ByPerson, plan: AnalysisPlan
) -> Finding:
    """Returns the comparison of two sets of values, paired where the people are the same."""
    try:
        comparison = _compare(first, second, 1 - plan.alpha)
        bound = plan.bounds.get(measure.name, plan.smallest_effect * comparison.average_sd)
        bounds = equivalence(comparison, bound, alpha=plan.alpha)
    except NotComputable as reason:
        return Finding(measure, *names, None, None, str(reason), alpha=plan.alpha)
    return Finding(measure, *names, comparison, bounds, alpha=plan.alpha)


def _compare(first: ByPerson, second: ByPerson, confidence: float) -> Comparison:
    both = [person for person in first if person in second]
    alone = len(first) + len(second) - 2 * len(both)
    # Where most have both conditions the design is within; who has one only cannot be paired.
    if 2 * len(both) >= alone and both:
        pairs = [first[p] for p in both], [second[p] for p in both]
        return compare_paired(*pairs, confidence=confidence)
    # A person in both groups would count twice: such a one stays where the design has few.
    second_only = [value for person, value in second.items() if person not in first]
    return compare_independent(list(first.values()), second_only, confidence=confidence)


COLUMNS = {
    "measure": "",
    "title": "Measure",
    "first": "First",
    "second": "Second",
    "test": "",
    "n_first": "",
    "n_second": "",
    "n": "n",
    "difference": "Difference",
    "low": "",
    "high": "",
    "interval": "95 % interval",
    "t": "t",
    "df": "df",
    "p": "p",
    "p_holm": "p adjusted",
    "effect_name": "",
    "effect": "",
    "effect_low": "",
    "effect_high": "",
    "effect_told": "Effect size",
    "g": "",
    "rank_p": "p by ranks",
    "bound": "Bound ±",
    "tost_p": "p equivalence",
    "tost_low": "",
    "tost_high": "",
    "verdict": "Verdict",
}


def table(found: Sequence[Finding], name: str, title: str, plan: AnalysisPlan) -> Table:
    """Returns all findings as one table."""
    columns = dict(COLUMNS)
    columns["interval"] = f"{100 * (1 - plan.alpha):g} % interval"
    return Table(name, title, columns, [row_of(one) for one in found])


def row_of(one: Finding) -> Row:
    """Returns a finding as a row."""
    row: Row = {
        "measure": one.measure.name,
        "title": one.measure.title,
        "first": one.first,
        "second": one.second,
        "verdict": one.verdict or f"not computed: {one.reason}",
    }
    if one.comparison is None or one.equivalence is None:
        return row
    c, bounds = one.comparison, one.equivalence
    paired = c.design == "paired"
    return row | {
        "test": "paired t" if paired else "Welch t",
        "n_first": c.n_first,
        "n_second": c.n_second,
        "n": str(c.n_first) if paired else f"{c.n_first} + {c.n_second}",
        "difference": c.difference,
        "low": c.interval.low,
        "high": c.interval.high,
        "interval": between(c.interval.low, c.interval.high),
        "t": c.t,
        "df": c.df,
        "p": c.p,
        "p_holm": one.adjusted_p,
        "effect_name": c.effect_name,
        "effect": c.effect,
        "effect_low": c.effect_interval.low,
        "effect_high": c.effect_interval.high,
        "effect_told": f"{c.effect_name} {signed(c.effect)} "
        f"{between(c.effect_interval.low, c.effect_interval.high)}",
        "g": c.g,
        "rank_p": c.rank_p,
        "bound": bounds.bound,
        "tost_p": bounds.p,
        "tost_low": bounds.interval.low,
        "tost_high": bounds.interval.high,
    }


def between(low: float, high: float) -> str:
    """Returns an interval in brackets."""
    return f"[{signed(low)}, {signed(high)}]"


def signed(value: float) -> str:
    """Returns a number with two digits, its minus a real one, and no minus before 0."""
    text = f"{value:.2f}" if abs(value) < 100 else f"{value:.1f}"
    return (text.removeprefix("-") if float(text) == 0 else text).replace("-", "−")
