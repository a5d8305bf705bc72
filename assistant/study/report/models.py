"""Mixed models: answers to single items, and scores with delay and interruptions beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from assistant.study.mixed_models import MixedModel, fit
from assistant.study.report.comparisons import between
from assistant.study.report.measures import (
    Instruments,
    KeyedAnswer,
    Measure,
    keyed_answers,
    scale_of,
)
from assistant.study.report.reading import Export
from assistant.study.report.table import Row, Table
from assistant.study.statistics import NotComputable

COVARIATES = {"talk.latency_ms": "delay (s)", "talk.interrupted": "interruptions (10 %)"}
"""Measures of the talks, and the unit that one step of each term stands for."""
_UNIT = {"talk.latency_ms": 1000.0, "talk.interrupted": 10.0}
_COLUMNS = {
    "measure": "",
    "title": "Measure",
    "term": "Term",
    "estimate": "Estimate",
    "error": "SE",
    "low": "",
    "high": "",
    "interval": "95 % interval",
    "t": "t",
    "df": "df",
    "p": "p",
}


@dataclass(frozen=True)
class Fitted:
    """One model of one measure."""

    measure: Measure
    model: MixedModel | None
    terms: tuple[str, ...] = ()
    """Those of the conditions."""
    reason: str = ""
    """Why there is no model."""


def item_models(
    export: Export, measures: Sequence[Measure], instruments: Instruments
) -> list[Fitted]:
    """Returns for each scale of two or more items the model of its answers.

    answer ~ condition + order + (1 | participant) + (1 | item) + (1 | conversation): intercepts of
    the conversation, because the answers after one conversation are no independent evidence about
    its condition (Barr, Levy, Scheepers & Tily, 2013). Order is left out between participants.
    """
    found: list[Fitted] = []
    for measure in measures:
        name, _, scale_name = measure.name.partition(".")
        if measure.kind != "score" or len(measure.conditions) < 2:
            continue
        if name in instruments.unknown:
            found.append(Fitted(measure, None, reason=instruments.unknown[name]))
            continue
        instrument = instruments.known[name]
        scale = scale_of(instrument, scale_name)
        if scale is not None and len(scale.items) > 1:
            answers = keyed_answers(export, instrument, scale)
            found.append(_fitted(measure, [answer for answer in answers if answer.condition]))
    return found


def _fitted(measure: Measure, answers: Sequence[KeyedAnswer]) -> Fitted:
    conditions = [c for c in measure.conditions if any(answer.condition == c for answer in answers)]
    fixed = {
        condition: [float(answer.condition == condition) for answer in answers]
        for condition in conditions[1:]
    }
    terms = tuple(fixed)
    random = {
        "participant": [answer.participant for answer in answers],
        "item": [answer.item for answer in answers],
    }
    people, talks = len(set(random["participant"])), len({answer.talk for answer in answers})
    if talks > people:
        random["conversation"] = [answer.talk for answer in answers]
        middle = fmean(answer.block for answer in answers)
        fixed["order"] = [answer.block - middle for answer in answers]
    try:
        df = degrees_of_freedom(people, talks, len(fixed))
        model = fit([answer.value for answer in answers], fixed, random, df=df)
    except NotComputable as reason:
        return Fitted(measure, None, terms, str(reason))
    return Fitted(measure, model, terms)


def degrees_of_freedom(people: int, talks: int, terms: int) -> float:
    """Returns the degrees of freedom that people, not answers, give (between and within)."""
    return talks - people - terms if talks > people else people - 1 - terms


def covariate_models(measures: Sequence[Measure]) -> list[Fitted]:
    """Returns for each score the model with delay and interruptions of its conversation beside.

    score ~ condition + delay + interruptions + (1 | participant); a plain linear model where each
    participant has one conversation. Both covariates are taken from their mean over all.
    """
    talks = {measure.name: measure for measure in measures if measure.name in COVARIATES}
    return [
        _with_covariates(measure, talks)
        for measure in measures
        if measure.kind == "score" and len(measure.conditions) > 1 and talks
    ]


def _with_covariates(measure: Measure, talks: Mapping[str, Measure]) -> Fitted:
    rows = [
        (condition, person, value)
        for condition in measure.conditions
        for person, value in measure.values[condition].items()
        if all(person in talk.values.get(condition, {}) for talk in talks.values())
    ]
    terms = tuple(dict.fromkeys(condition for condition, *_ in rows))[1:]
    fixed = {term: [float(condition == term) for condition, *_ in rows] for term in terms}
    for name, talk in talks.items():
        values = [talk.values[condition][person] / _UNIT[name] for condition, person, _ in rows]
        # Where nobody ever interrupted there is nothing to hold constant.
        if len(set(values)) > 1:
            fixed[COVARIATES[name]] = [value - fmean(values) for value in values]
    people = [person for _, person, _ in rows]
    random = {"participant": people} if len(set(people)) < len(people) else {}
    try:
        df = degrees_of_freedom(len(set(people)), len(rows), len(fixed))
        model = fit([value for *_, value in rows], fixed, random, df=df)
    except NotComputable as reason:
        return Fitted(measure, None, terms, str(reason))
    return Fitted(measure, model, terms)


def term_table(fitted: Sequence[Fitted], name: str, title: str, note: str = "") -> Table:
    """Returns the fixed effects of all models."""
    rows: list[Row] = []
    for one in fitted:
        head: Row = {"measure": one.measure.name, "title": one.measure.title}
        if one.model is None:
            rows.append({**head, "term": f"not computed: {one.reason}"})
            continue
        for term in one.model.terms[1:]:
            rows.append(
                {
                    **head,
                    "term": _told(one, term.name),
                    "estimate": term.estimate,
                    "error": term.error,
                    "low": term.interval.low,
                    "high": term.interval.high,
                    "interval": between(term.interval.low, term.interval.high),
                    "t": term.t,
                    "df": term.df,
                    "p": term.p,
                }
            )
    return Table(name, title, dict(_COLUMNS), rows, note)


def _told(one: Fitted, term: str) -> str:
    base = next(c for c in one.measure.conditions if c not in one.terms)
    return f"{term} against {base}" if term in one.terms else term


def spread_table(fitted: Sequence[Fitted]) -> Table:
    """Returns the standard deviations of the random intercepts, and the test of all conditions."""
    rows: list[Row] = []
    for one in fitted:
        if one.model is None:
            continue
        f, p = one.model.joint_test(one.terms)
        rows.append(
            {
                "measure": one.measure.name,
                "title": one.measure.title,
                **{f"sd_{name}": value for name, value in one.model.spread.items()},
                "answers": one.model.observations,
                "participants": one.model.levels["participant"],
                "items": one.model.levels["item"],
                "f": f,
                "df_conditions": len(one.terms),
                "df": one.model.df,
                "p": p,
            }
        )
    columns = {
        "measure": "",
        "title": "Measure",
        "answers": "Answers",
        "participants": "People",
        "items": "Items",
        "sd_participant": "SD people",
        "sd_item": "SD items",
        "sd_conversation": "SD conversations",
        "sd_residual": "SD rest",
        "f": "F of condition",
        "df_conditions": "",
        "df": "df",
        "p": "p",
    }
    return Table("item_model_spread", "Where the answers vary", columns, rows)
