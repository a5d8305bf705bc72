"""Figures against values worked out by hand, jiwer and scikit-learn."""

import jiwer
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score

from train.metrics import (
    accuracy,
    bootstrap,
    confusion,
    expected_calibration_error,
    macro_f1,
    negative_log_likelihood,
    of_answers,
    perfect_calibration_error,
    repeated_ngram,
    risk_coverage,
    share,
    spoken_words,
    unweighted_accuracy,
    word_error_rate,
    word_errors,
)

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=8).map(" ".join)


@given(WORDS, WORDS)
def test_word_errors_are_those_of_jiwer(reference: str, heard: str) -> None:
    errors, words = word_errors(reference, heard)
    assert errors / words == pytest.approx(jiwer.wer(reference, heard))


def test_numbers_contractions_and_fillers_count_as_whisper_counts_them() -> None:
    pairs = [
        ("I've got twenty one", "Um, I have got 21."),
        ("Mister Smith isn't", "Mr. Smith is not"),
    ]
    assert word_error_rate(pairs).value == 0.0


def test_word_error_rate_pools_over_utterances() -> None:
    figure = word_error_rate([("It's fine.", "it's fine"), ("red green blue", "red blue pink")])
    assert figure.value == pytest.approx(2 / 6)
    assert figure.low <= figure.value <= figure.high
    assert spoken_words("It’s NOT – really!") == "it's not really"
    with pytest.raises(ValueError, match="references with words"):
        word_error_rate([("", "a")])


def test_answers_that_cannot_be_parsed_are_wrong() -> None:
    table = confusion([0, 0, 1, 2], [0, -1, 1, 9], 3)
    assert table.tolist() == [[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 1]]
    assert accuracy(table) == 0.5
    assert unweighted_accuracy(table) == pytest.approx((0.5 + 1 + 0) / 3)


def test_accuracies_are_those_of_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    truth, guess = generator.integers(0, 5, 200), generator.integers(0, 5, 200)
    table = confusion(truth.tolist(), guess.tolist(), 5)
    assert unweighted_accuracy(table) == pytest.approx(balanced_accuracy_score(truth, guess))
    assert macro_f1(table) == pytest.approx(f1_score(truth, guess, average="macro"))
    figure = of_answers(accuracy, truth.tolist(), guess.tolist(), 5)
    assert figure.value == pytest.approx((truth == guess).mean())
    assert figure.count == 200
    assert figure.high - figure.low == pytest.approx(4 * (0.2 * 0.8 / 200) ** 0.5, rel=0.2)


def test_a_calibrated_model_lies_within_its_own_interval() -> None:
    generator = np.random.default_rng(1)
    probabilities = generator.dirichlet(np.full(5, 0.5), size=400)
    truth = np.array([generator.choice(5, p=row) for row in probabilities])
    found = expected_calibration_error(probabilities, truth)
    expected = perfect_calibration_error(probabilities, draws=100)
    assert expected.low <= found <= expected.high
    sharp = probabilities**4
    sharp /= sharp.sum(axis=1, keepdims=True)
    assert expected_calibration_error(sharp, truth) > expected.high
    assert negative_log_likelihood(sharp, truth) > negative_log_likelihood(probabilities, truth)


def test_risk_falls_when_uncertain_answers_are_withheld() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.55, 0.45]])
    coverage, risk, threshold = risk_coverage(probabilities, np.array([0, 0, 1, 0]))
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert risk.tolist() == pytest.approx([0, 0, 1 / 3, 0.25])
    assert threshold.tolist() == [0.9, 0.8, 0.6, 0.55]


def test_no_items_give_no_figure() -> None:
    with pytest.raises(ValueError, match="no items"):
        bootstrap(lambda chosen: 0.0, 0)


def test_repeated_phrases_are_found() -> None:
    assert repeated_ngram("I am here for you, I am here for you.")
    assert not repeated_ngram("I am here for you and you are here.")


def test_a_share_has_its_wilson_interval() -> None:
    half = share([True, False] * 5)
    assert (half.value, half.count) == (0.5, 10)
    assert half.low == pytest.approx(0.2366, abs=1e-4)
    assert half.high == pytest.approx(0.7634, abs=1e-4)
    none = share([False] * 12)
    assert (none.value, none.low) == (0.0, 0.0)
    assert none.high == pytest.approx(0.2425, abs=1e-4)
    with pytest.raises(ValueError, match="no items"):
        share([])
