import itertools

import numpy as np
import pytest

from assistant.study.report.factors import factor_findings, levels_of
from assistant.study.report.measures import Measure
from assistant.study.report.plan import AnalysisPlan
from assistant.study.statistics import compare_independent, compare_paired

pytest.importorskip("scipy")
CONDITIONS = ("voice+warm", "voice+flat", "words+warm", "words+flat")


def measure(groups: dict[str, tuple[str, ...]], seed: int = 1) -> Measure:
    """Scores of people who each hold the conversations of their group; words add 2, flat -1."""
    chance = np.random.default_rng(seed)
    values: dict[str, dict[str, float]] = {condition: {} for condition in CONDITIONS}
    for (group, conditions), number in itertools.product(groups.items(), range(30)):
        trait = chance.normal()
        for condition in conditions:
            shift = 2 * condition.startswith("words") - condition.endswith("flat")
            values[condition][f"{group}{number}"] = trait + shift + 0.5 * chance.normal()
    return Measure("own.score", "Score", "Own", "score", values)


def test_levels_are_read_from_the_names_of_a_full_crossing_only() -> None:
    assert levels_of(CONDITIONS) == [("voice", "words"), ("warm", "flat")]
    assert levels_of(CONDITIONS[:3]) == []
    assert levels_of(("A", "B")) == []
    assert levels_of(("a+b", "c")) == []


def test_within_participants_each_effect_is_a_paired_test_of_means() -> None:
    one = measure({"P": CONDITIONS})
    words, flat, both = factor_findings([one], CONDITIONS, AnalysisPlan())
    cell = {condition: np.array(one.of(condition)) for condition in CONDITIONS}
    voice = ((cell["voice+warm"] + cell["voice+flat"]) / 2).tolist()
    other = ((cell["words+warm"] + cell["words+flat"]) / 2).tolist()
    assert words.comparison is not None and flat.comparison is not None
    assert words.comparison.t == pytest.approx(compare_paired(voice, other).t)
    assert words.comparison.interval.low < 2 < words.comparison.interval.high
    assert flat.comparison.interval.low < -1 < flat.comparison.interval.high
    assert both.comparison is not None and both.comparison.df == 29
    assert both.comparison.interval.low < 0 < both.comparison.interval.high


@pytest.mark.parametrize("between", ["hearing", "speaking"])
def test_in_a_mixed_design_the_interaction_compares_gains_between_groups(between: str) -> None:
    place = 0 if between == "hearing" else 1
    levels = levels_of(CONDITIONS)[place]
    groups = {
        level: tuple(c for c in CONDITIONS if c.split("+")[place] == level) for level in levels
    }
    one = measure(groups)
    found = factor_findings([one], CONDITIONS, AnalysisPlan())
    designs = [f.comparison.design for f in found if f.comparison is not None]
    assert designs == (
        ["independent", "paired", "independent"]
        if place == 0
        else ["paired", "independent", "independent"]
    )
    cell = {condition: np.array(one.of(condition)) for condition in CONDITIONS}
    if place == 0:
        gains = [cell[f"{level}+flat"] - cell[f"{level}+warm"] for level in levels]
    else:
        gains = [cell[f"words+{level}"] - cell[f"voice+{level}"] for level in levels]
    expected = compare_independent(gains[0].tolist(), gains[1].tolist())
    assert found[2].comparison is not None
    assert found[2].comparison.t == pytest.approx(expected.t)


def test_between_participants_the_interaction_is_left_out_with_its_reason() -> None:
    groups = {condition: (condition,) for condition in CONDITIONS}
    words, flat, both = factor_findings([measure(groups)], CONDITIONS, AnalysisPlan())
    assert words.comparison is not None and words.comparison.n_first == 60
    assert flat.comparison is not None and flat.comparison.design == "independent"
    assert both.comparison is None and "between participants" in both.reason


def test_who_lacks_a_condition_is_left_out_of_a_mean_over_it() -> None:
    one = measure({"P": CONDITIONS})
    one.values["words+flat"].pop("P0")  # type: ignore[attr-defined]
    words = factor_findings([one], CONDITIONS, AnalysisPlan())[0]
    assert words.comparison is not None and words.comparison.n_first == 29
