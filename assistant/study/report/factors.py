"""Main effects and interactions of a factorial design, each by the test of a contrast.

A contrast of each person's means, tested by t, is the effect of a repeated-measures ANOVA with its
own error term: it assumes no sphericity, and gives the same effect sizes and tests of equivalence
as any other comparison. Factors with more than two levels have no single contrast and are left out.
"""

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean

from assistant.study.report.comparisons import Finding, adjusted, compared
from assistant.study.report.measures import ByPerson, Measure
from assistant.study.report.plan import AnalysisPlan

JOINED = "+"
"""Between the levels of a condition's name: "voice+empathetic"."""


def levels_of(conditions: Sequence[str]) -> list[tuple[str, ...]]:
    """Returns the levels of each factor; none where the conditions are no full crossing of any."""
    parts = [tuple(condition.split(JOINED)) for condition in conditions]
    if len({len(part) for part in parts}) != 1 or not parts or len(parts[0]) < 2:
        return []
    levels = [tuple(dict.fromkeys(column)) for column in zip(*parts, strict=True)]
    return levels if set(itertools.product(*levels)) == set(parts) else []


def factor_findings(
    measures: Sequence[Measure], conditions: Sequence[str], plan: AnalysisPlan
) -> list[Finding]:
    """Returns main effects, then interactions of two factors, for each measure."""
    levels = levels_of(conditions)
    two = [place for place, of in enumerate(levels) if len(of) == 2]
    found: list[Finding] = []
    for measure in measures:
        if set(measure.conditions) != set(conditions):
            continue
        found += [_main(measure, place, levels[place], plan) for place in two]
        for one, other in itertools.combinations(two, 2):
            found.append(_interaction(measure, (one, other), levels, plan))
    return adjusted(found, plan)


def _main(measure: Measure, place: int, levels: tuple[str, ...], plan: AnalysisPlan) -> Finding:
    first, second = (_mean(measure, {place: level}) for level in levels)
    return compared(measure, (levels[0], levels[1]), first, second, plan)


def _interaction(
    measure: Measure, places: tuple[int, int], levels: Sequence[tuple[str, ...]], plan: AnalysisPlan
) -> Finding:
    one, other = places
    # Whether the other factor varies within people decides which difference can be taken first.
    if not _is_within(measure, other, levels[other]):
        one, other = other, one
    low, high = levels[one]
    if not _is_within(measure, other, levels[other]):
        reason = "two factors that both differ between participants have no contrast of a person"
        names = f"{levels[other][0]}, {low}", f"{levels[other][1]}, {high}"
        return Finding(measure, *names, None, None, reason, alpha=plan.alpha)
    gains = [_gain(measure, {one: level}, other, levels[other]) for level in (low, high)]
    step = f"{levels[other][1]} − {levels[other][0]}"
    names = f"{step}, with {low}", f"{step}, with {high}"
    return compared(measure, names, gains[0], gains[1], plan)


def _gain(
    measure: Measure, where: Mapping[int, str], place: int, levels: tuple[str, ...]
) -> ByPerson:
    first, second = (_mean(measure, {**where, place: level}) for level in levels)
    return {person: second[person] - first[person] for person in first if person in second}


def _is_within(measure: Measure, place: int, levels: tuple[str, ...]) -> bool:
    first, second = (_mean(measure, {place: level}) for level in levels)
    return any(person in second for person in first)


def _mean(measure: Measure, where: Mapping[int, str]) -> ByPerson:
    """Returns each person's mean over the conditions with the levels `where`.

    Who lacks one of the conditions that others have there would shift it, and is left out.
    """
    values: dict[str, list[float]] = defaultdict(list)
    for condition in measure.conditions:
        parts = condition.split(JOINED)
        if all(parts[place] == level for place, level in where.items()):
            for person, value in measure.values[condition].items():
                values[person].append(value)
    most = max(map(len, values.values()), default=0)
    return {person: fmean(several) for person, several in values.items() if len(several) == most}
