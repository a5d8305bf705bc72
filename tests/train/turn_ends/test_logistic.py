"""The logistic fit finds the map that made the data, from outcomes and from shares."""

import numpy as np
import pytest

from train.turn_ends.logistic import fitted_logistic, sigmoid


def test_factors_and_offset_are_found_from_outcomes() -> None:
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(20_000, 2))
    chances = sigmoid(scores @ [0.8, -1.5] + 0.4)
    outcomes = (generator.random(20_000) < chances).astype(float)
    assert fitted_logistic(scores, outcomes) == pytest.approx([0.8, -1.5, 0.4], abs=0.06)


def test_shares_are_as_good_as_outcomes() -> None:
    scores = np.linspace(-4.0, 4.0, 50)[:, None]
    assert fitted_logistic(scores, sigmoid(1.2 * scores[:, 0] - 0.5)) == pytest.approx(
        [1.2, -0.5], abs=0.01
    )


def test_scores_that_never_err_give_a_finite_map() -> None:
    weights = fitted_logistic(np.array([[-2.0], [-1.0], [1.0], [2.0]]), np.array([0.0, 0, 1, 1]))
    assert np.isfinite(weights).all()
