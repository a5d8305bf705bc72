"""Scores with what people told about themselves as factors beside the conditions."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from assistant.study.mixed_models import MixedModel, fit
from assistant.study.report.measures import Measure
from assistant.study.report.models import Fitted, degrees_of_freedom
from assistant.study.report.reading import Export
from assistant.study.statistics import NotComputable

Columns = dict[str, dict[str, float]]
"""By term, its value for each person."""


def demographic_models(export: Export, measures: Sequence[Measure]) -> list[Fitted]:
    """Returns for each score the model with the demographics that the plan names.

    score ~ condition + demographics + (1 | participant): numbers from their mean, words against the
    most frequent answer. People who left one of them out are left out here.
    """
    names = export.plan.demographics
    if not names:
        return []
    told = {person.name: person.demographics for person in export.people}
    scores = (one for one in measures if one.kind == "score" and len(one.conditions) > 1)
    return [_fitted(measure, names, told) for measure in scores]


def _fitted(
    measure: Measure, names: Sequence[str], told: Mapping[str, Mapping[str, str]]
) -> Fitted:
    rows = [
        (condition, person, value)
        for condition in measure.conditions
        for person, value in measure.values[condition].items()
        if all(told.get(person, {}).get(name) for name in names)
    ]
    people = [person for _, person, _ in rows]
    terms = tuple(dict.fromkeys(condition for condition, *_ in rows))[1:]
    fixed = {term: [float(condition == term) for condition, *_ in rows] for term in terms}
    own = _columns({person: told[person] for person in people}, names)
    fixed |= {term: [column[person] for person in people] for term, column in own.items()}
    try:
        values = [value for *_, value in rows]
        return Fitted(measure, _model(values, fixed, people, set(own)), terms)
    except NotComputable as reason:
        return Fitted(measure, None, terms, str(reason))


def _model(
    values: Sequence[float],
    fixed: Mapping[str, Sequence[float]],
    people: Sequence[str],
    own: set[str],
) -> MixedModel:
    count = len(set(people))
    random = {"participant": people} if count < len(people) else {}
    within = fit(values, fixed, random, df=degrees_of_freedom(count, len(people), len(fixed)))
    if not random:
        return within
    # What differs between people only is borne out by people, however often each was asked.
    between = fit(values, fixed, random, df=count - 1 - len(own))
    return replace(
        within,
        terms=tuple(between.term(t.name) if t.name in own else t for t in within.terms),
    )


def _columns(told: Mapping[str, Mapping[str, str]], names: Sequence[str]) -> Columns:
    found: Columns = {}
    for name in names:
        given = {person: answers[name] for person, answers in told.items()}
        shown = name.replace("_", " ")
        numbers = _numbers(given)
        if numbers:
            middle = fmean(numbers.values())
            found[shown] = {person: value - middle for person, value in numbers.items()}
            continue
        usual, *others = (answer for answer, _ in Counter(given.values()).most_common())
        for answer in others:
            term = f"{shown}: {answer} against {usual}"
            found[term] = {person: float(one == answer) for person, one in given.items()}
    return found


def _numbers(given: Mapping[str, str]) -> dict[str, float]:
    try:
        return {person: float(answer) for person, answer in given.items()}
    except ValueError:
        return {}
