"""Scores of an instrument's scales from one person's answers, with the rule for missing ones."""

from collections.abc import Mapping
from dataclasses import dataclass

from assistant.study.items import AnswerValue, Instrument, Item, Scale


@dataclass(frozen=True)
class Score:
    """One scale of one person."""

    value: float | None
    """None where too few of the items were answered."""
    items: int
    """Items of the scale."""
    missing: int
    """Those without an answer."""


def score(instrument: Instrument, answers: Mapping[str, AnswerValue | None]) -> dict[str, Score]:
    """Returns the score of each scale by its name.

    Args:
        instrument: whose scales say which items count, which are reversed, and the formula.
        answers: by the name of the item; what is absent or None is missing.
    """
    items = {item.name: item for item in instrument.items}
    return {scale.name: _scored(scale, items, answers, instrument) for scale in instrument.scales}


def _scored(
    scale: Scale,
    items: Mapping[str, Item],
    answers: Mapping[str, AnswerValue | None],
    of: Instrument,
) -> Score:
    found = [keyed(scale, items[name], answers.get(name)) for name in scale.items]
    given = [value for value in found if value is not None]
    count, missing = len(found), len(found) - len(given)
    if not given or len(given) / count < of.missing.least_answered:
        return Score(None, count, missing)
    if of.missing.fill == "centre":
        centres = [_centre(items[name]) for name in scale.items]
        total = sum(
            centre if value is None else value for value, centre in zip(found, centres, strict=True)
        )
    else:
        # The mean of the answered items stands for each missing one; a mean stays as it is.
        total = sum(given) / len(given) * count
    raw = total / count if scale.rule == "mean" else total
    return Score((raw - scale.subtract) * scale.multiply, count, missing)


def keyed(scale: Scale, item: Item, answer: AnswerValue | None) -> float | None:
    """Returns what `answer` contributes to `scale`: turned round if reversed; None if missing."""
    if answer is None or answer == "":
        return None
    if item.form == "grid":
        answer = str(answer).split(",")["xy".index(scale.part)]
    value = float(answer)
    return item.minimum + item.maximum - value if item.name in scale.reversed else value


def score_range(instrument: Instrument, scale: Scale) -> tuple[float, float]:
    """Returns the least and the greatest score that `scale` can have."""
    items = [item for item in instrument.items if item.name in scale.items]
    share = 1 / len(items) if scale.rule == "mean" else 1.0
    ends = (sum(item.minimum for item in items), sum(item.maximum for item in items))
    low, high = ((end * share - scale.subtract) * scale.multiply for end in ends)
    return min(low, high), max(low, high)


def _centre(item: Item) -> float:
    return (item.minimum + item.maximum) / 2
