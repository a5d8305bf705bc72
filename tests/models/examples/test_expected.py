"""Which examples stay of those that were expected, and which come behind them."""

from models.examples.book import Fitting
from models.examples.expected import MOST_NEW, ExpectedExamples
from models.examples.written import Example

A, B, C, D, E = (Example(said, "Yes.") for said in "ABCDE")


def met(expected: list[Example], found: list[Example]) -> list[Example]:
    examples = ExpectedExamples()
    examples.expect(Fitting(expected))
    return list(examples.met_by(Fitting(found)).shown)


def test_they_stay_up_to_the_last_that_still_fits() -> None:
    assert met([A, B, C], [D, B]) == [A, B, D]


def test_what_no_longer_fits_at_all_goes() -> None:
    assert met([A, B], [C, D, E]) == [C, D, E]
    assert met([], [C, D, E]) == [C, D, E]


def test_of_new_ones_the_most_similar_come() -> None:
    assert met([A], [B, C, D, A]) == [A, C, D] and MOST_NEW == 2


def test_a_written_answer_needs_none() -> None:
    examples = ExpectedExamples()
    examples.expect(Fitting([A]))
    assert examples.met_by(Fitting(answer="Yes.")) == Fitting(answer="Yes.")


def test_what_is_expected_is_expected_once() -> None:
    examples = ExpectedExamples()
    examples.expect(Fitting([A, B]))
    assert list(examples.expect(Fitting([B, C])).shown) == [A, B, C]
    examples.met_by(Fitting([C]))
    assert list(examples.met_by(Fitting([C, D])).shown) == [C, D]
