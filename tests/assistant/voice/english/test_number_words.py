import pytest

from assistant.voice.english import number_words


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        ("0", "zero"),
        ("13", "thirteen"),
        ("40", "forty"),
        ("105", "one hundred five"),
        ("1000000", "one million"),
        ("12345", "twelve thousand three hundred forty five"),
        ("007", "zero zero seven"),
        ("1" * 16, " ".join(["one"] * 16)),
    ],
)
def test_cardinal(digits: str, expected: str) -> None:
    assert number_words.cardinal(digits) == expected


@pytest.mark.parametrize(
    ("digits", "expected"),
    [("1", "first"), ("12", "twelfth"), ("20", "twentieth"), ("101", "one hundred first")],
)
def test_ordinal(digits: str, expected: str) -> None:
    assert number_words.ordinal(digits) == expected


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        ("1984", "nineteen eighty four"),
        ("1900", "nineteen hundred"),
        ("2000", "two thousand"),
        ("2008", "two thousand eight"),
        ("2026", "twenty twenty six"),
        ("1805", "eighteen oh five"),
    ],
)
def test_year(digits: str, expected: str) -> None:
    assert number_words.year(digits) == expected
