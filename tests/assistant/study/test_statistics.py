import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assistant.study import mixed_models
from assistant.study.reliability import cronbach_alpha, mcdonald_omega, one_factor
from assistant.study.statistics import (
    NotComputable,
    compare_independent,
    compare_paired,
    equivalence,
    equivalence_of,
    holm,
    moments,
)

MOVIE_1 = [9, 7, 8, 9, 8, 9, 9, 10, 9, 9]
MOVIE_2 = [9, 6, 7, 8, 7, 9, 8, 8, 8, 7]
"""Ratings of two movies (Lakens, 2013, Calculating and reporting effect sizes, table 1)."""
BINARY = """1,1,1,1,1,1,1,1,1,1,1
1,1,1,1,1,1,1,1,0,1,0
,0,1,1,,1,1,1,1,0,0
1,1,1,0,1,1,0,1,1,0,0
1,1,1,1,1,0,0,0,1,0,0
0,1,,0,1,1,1,1,0,0,0
1,1,1,1,0,0,1,0,0,0,0
1,1,1,1,1,0,0,0,0,0,0
0,1,0,1,1,0,0,0,0,1,0
1,0,0,1,0,1,0,0,,0,0
1,1,1,0,0,0,0,0,0,0,0
1,0,0,1,0,0,0,0,0,0,0"""
"""Twelve people, eleven right or wrong items, with gaps: the example of Pingouin's documentation of
alpha, whose values were checked there against R's psych."""
SCORES = st.lists(
    st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=3, max_size=30
).filter(lambda pairs: len({b - a for a, b in pairs}) > 1)


def rows(*, filled: bool) -> list[list[float | None]]:
    table = [[float(cell) if cell else None for cell in line.split(",")] for line in BINARY.split()]
    if filled:  # with the median of the item, which is 1 for all that have gaps but Q9
        return [
            [
                (0.0 if column == 8 else 1.0) if cell is None else cell
                for column, cell in enumerate(r)
            ]
            for r in table
        ]
    return table


def test_effect_sizes_are_those_of_lakens_2013() -> None:
    independent = compare_independent(MOVIE_2, MOVIE_1)
    assert independent.effect == pytest.approx(1.13, abs=0.005)  # Cohen's ds
    assert independent.g == pytest.approx(1.08, abs=0.005)  # Hedges' gs
    assert independent.t == pytest.approx(2.52, abs=0.005)
    paired = compare_paired(MOVIE_2, MOVIE_1)
    assert paired.effect == pytest.approx(1.50, abs=0.005)  # Cohen's dz
    assert paired.t == pytest.approx(4.74, abs=0.005)
    assert paired.p == pytest.approx(0.001, abs=0.0005)
    assert paired.difference / paired.average_sd == pytest.approx(1.13, abs=0.005)  # Cohen's dav


def test_equivalence_is_that_of_lakens_2017() -> None:
    # Moery & Calin-Jageman (2016), as worked by Lakens: M 5.25 and 5.22, SD 0.95 and 0.83, n 95 and
    # 89, bounds ±0.384 (d = 0.43): t(182) = -2.69, p = .004.
    error = np.sqrt((94 * 0.95**2 + 88 * 0.83**2) / 182 * (1 / 95 + 1 / 89))
    tests = equivalence_of(5.25 - 5.22, float(error), 182, 0.384)
    assert tests.t_upper == pytest.approx(-2.69, abs=0.01)
    assert tests.p == pytest.approx(0.004, abs=0.0005)
    assert tests.within() and -0.384 < tests.interval.low < tests.interval.high < 0.384


def test_equivalence_agrees_with_statsmodels() -> None:
    weightstats = pytest.importorskip("statsmodels.stats.weightstats")
    p, _, _ = weightstats.ttost_paired(np.array(MOVIE_1), np.array(MOVIE_2), -1.2, 1.2)
    assert equivalence(compare_paired(MOVIE_2, MOVIE_1), 1.2).p == pytest.approx(p)
    p, _, _ = weightstats.ttost_ind(MOVIE_1, MOVIE_2, -1.2, 1.2, usevar="unequal")
    assert equivalence(compare_independent(MOVIE_2, MOVIE_1), 1.2).p == pytest.approx(p)


def test_a_difference_is_equivalent_where_its_interval_lies_within_the_bounds() -> None:
    comparison = compare_paired(MOVIE_2, MOVIE_1)
    edge = equivalence(comparison, 1.0).interval.high
    assert equivalence(comparison, edge * 1.001).within()
    assert not equivalence(comparison, edge * 0.999).within()


def test_alpha_is_that_of_a_published_example() -> None:
    whole = cronbach_alpha(rows(filled=False))
    assert whole.value == pytest.approx(0.801695, abs=1e-6) and whole.n == 9
    filled = cronbach_alpha(rows(filled=True))
    assert filled.value == pytest.approx(0.738019, abs=1e-6)
    assert filled.interval is not None
    assert filled.interval.low == pytest.approx(0.447, abs=0.0005)
    assert filled.interval.high == pytest.approx(0.911, abs=0.0005)


def test_one_factor_recovers_loadings_that_fit_exactly() -> None:
    loadings = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    correlation = np.outer(loadings, loadings)
    np.fill_diagonal(correlation, 1.0)
    found, uniqueness = one_factor(correlation)
    np.testing.assert_allclose(found, loadings, atol=1e-3)
    np.testing.assert_allclose(uniqueness, 1 - loadings**2, atol=1e-3)


def test_omega_agrees_with_the_factor_analysis_of_statsmodels() -> None:
    factor = pytest.importorskip("statsmodels.multivariate.factor")
    scores = answers_of(people=80, loadings=(1.0, 0.8, 1.5, 0.6, 1.2), seed=4)
    found = factor.Factor(scores, n_factor=1, method="ml").fit()
    spread = scores.std(axis=0, ddof=1)
    common = float(np.sum(found.loadings[:, 0] * spread)) ** 2
    expected = common / (common + float(np.sum(found.uniqueness * spread**2)))
    assert mcdonald_omega(scores.tolist()).value == pytest.approx(expected, abs=1e-3)


def test_omega_equals_alpha_where_all_items_weigh_alike() -> None:
    scores = answers_of(people=4000, loadings=(1.0,) * 6, seed=1).tolist()
    assert mcdonald_omega(scores).value == pytest.approx(cronbach_alpha(scores).value, abs=0.002)
    assert cronbach_alpha(scores).value == pytest.approx(6 / 7, abs=0.01)  # Spearman-Brown of 0.5


def answers_of(people: int, loadings: tuple[float, ...], seed: int) -> np.ndarray:
    """Answers (P, I) that one trait and errors of 1 produce."""
    chance = np.random.default_rng(seed)
    trait = chance.normal(size=(people, 1))
    return trait * np.array(loadings) + chance.normal(size=(people, len(loadings)))


def test_holm_is_that_of_its_worked_example() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}) == pytest.approx(
        {"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02}
    )  # R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")


@settings(deadline=None, max_examples=25)
@given(pairs=SCORES)
@example(pairs=[(9, 0), (10, 0), (11, 1)])
def test_turning_two_conditions_round_turns_only_the_signs(pairs: list[tuple[int, int]]) -> None:
    first, second = [float(a) for a, _ in pairs], [float(b) for _, b in pairs]
    if len(set(first)) == 1 or len(set(second)) == 1:
        return
    for compare in (compare_paired, compare_independent):
        one, other = compare(first, second), compare(second, first)
        assert one.effect == pytest.approx(-other.effect)
        assert one.p == pytest.approx(other.p)
        assert one.interval.low == pytest.approx(-other.interval.high)
        assert one.effect_interval.low <= one.effect <= one.effect_interval.high


def test_the_interval_of_dz_excludes_0_just_where_the_test_is_significant() -> None:
    for shift in np.linspace(0, 3, 25):
        comparison = compare_paired([value - shift for value in MOVIE_1], MOVIE_2)
        interval = comparison.effect_interval
        assert (interval.low > 0 or interval.high < 0) == (comparison.p < 0.05)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: moments([]), "no scores"),
        (lambda: compare_paired([1], [2]), "needs two people"),
        (lambda: compare_paired([0.1, 0.2], [0.4, 0.5]), "same amount"),
        (lambda: compare_independent([1], [2, 3]), "has 1 and 2"),
        (lambda: compare_independent([1, 1], [2, 2]), "same score"),
        (lambda: cronbach_alpha([[1, 2], [2, None]]), "has 1"),
        (lambda: cronbach_alpha([[1], [2], [3]]), "single item"),
        (lambda: cronbach_alpha([[1, 1]] * 5), "same score"),
        (lambda: mcdonald_omega([[1, 2], [2, 1], [3, 4]]), "three items"),
        (lambda: mcdonald_omega([[1, 2, 3], [2, 1, 4], [3, 4, 5]]), "more people than items"),
        (lambda: mcdonald_omega([[1, 1, i, i * i % 7] for i in range(9)]), "answered alike"),
        (lambda: equivalence_of(0.0, 1.0, 5, 0.0), "above 0"),
        (lambda: mixed_models.fit([1, 2], {}, {"p": ["a", "a"]}, df=5), "needs two of p"),
        (lambda: mixed_models.fit([1, 2], {"x": [1, 1]}, {}, df=5), "does not vary"),
        (lambda: mixed_models.fit([1, 2], {"x": [0, 1]}, {}, df=0), "too few people"),
    ],
)
def test_what_cannot_be_computed_is_said_in_words(make, reason: str) -> None:
    with pytest.raises(NotComputable, match=reason):
        make()


def crossed(people: int, seed: int) -> dict[str, list]:
    """Answers of people in two conditions to six items, the second condition 5 points higher."""
    chance = np.random.default_rng(seed)
    items = chance.normal(0, 5, 6)
    table: dict[str, list] = {key: [] for key in ("participant", "item", "talk", "second", "value")}
    for person in range(people):
        trait = chance.normal(0, 8)
        for second in (0, 1):
            talk = chance.normal(0, 6)
            for item in range(6):
                value = 50 + 5 * second + trait + talk + items[item] + chance.normal(0, 10)
                row = (f"P{person}", f"i{item}", f"P{person}-{second}", float(second), value)
                for key, cell in zip(table, row, strict=True):
                    table[key].append(cell)
    return table


def test_a_mixed_model_finds_the_optimum_that_statsmodels_finds() -> None:
    formula = pytest.importorskip("statsmodels.formula.api")
    pandas = pytest.importorskip("pandas")
    table = crossed(24, seed=0)
    groups = {name: table[name] for name in ("participant", "item", "talk")}
    ours = mixed_models.fit(table["value"], {"second": table["second"]}, groups, df=23)
    theirs = formula.mixedlm(
        "value ~ second",
        pandas.DataFrame({**table, "all": 1}),
        groups="all",
        vc_formula={name: f"0 + C({name})" for name in groups},
    ).fit(reml=True)
    assert ours.term("second").estimate == pytest.approx(theirs.params["second"], rel=1e-4)
    assert ours.term("second").error == pytest.approx(theirs.bse_fe["second"], rel=1e-3)
    assert ours.spread["residual"] ** 2 == pytest.approx(theirs.scale, rel=1e-3)
    for name in groups:
        variance = theirs.params[f"{name} Var"] * theirs.scale
        assert ours.spread[name] ** 2 == pytest.approx(variance, rel=0.01)


def test_in_a_balanced_study_the_mixed_model_tests_what_the_paired_test_tests() -> None:
    table = crossed(24, seed=3)
    groups = {name: table[name] for name in ("participant", "item", "talk")}
    model = mixed_models.fit(table["value"], {"second": table["second"]}, groups, df=23)
    means = np.array(table["value"]).reshape(24, 2, 6).mean(axis=2)
    paired = compare_paired(means[:, 0].tolist(), means[:, 1].tolist())
    assert model.term("second").t == pytest.approx(paired.t, rel=1e-3)
    assert model.term("second").p == pytest.approx(paired.p, rel=1e-2)
    f, p = model.joint_test(["second"])
    assert f == pytest.approx(model.term("second").t ** 2)
    assert p == pytest.approx(model.term("second").p)


def test_people_who_do_not_differ_have_a_spread_of_0_and_no_error() -> None:
    chance = np.random.default_rng(2)
    people = [f"P{i // 4}" for i in range(80)]
    noise = chance.normal(size=(20, 4))
    values = (noise - noise.mean(axis=1, keepdims=True)).ravel().tolist()
    model = mixed_models.fit(values, {"x": [0.0, 1.0] * 40}, {"participant": people}, df=19)
    assert model.spread["participant"] == pytest.approx(0.0, abs=1e-4)
