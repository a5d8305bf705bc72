import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.csv_text import csv_rows, csv_text, harmless, plain

STARTS = "=+-@\t\r\n＝＋－＠"


@pytest.mark.parametrize("start", STARTS)
def test_no_cell_begins_as_a_formula_does(start):
    words = f'{start}HYPERLINK("http://x")'
    text = csv_text(("said",), [{"said": words}])
    ((cell,),) = list(csv.reader(io.StringIO(text, newline="")))[1:]
    assert cell == f"'{words}"
    assert [row["said"] for _, row in csv_rows(io.StringIO(text, newline=""))] == [words]


@pytest.mark.parametrize("cell", ["-3.5", "+49", "'twas", "a=b", "", -3.5, 7, None])
def test_numbers_and_plain_words_stay_as_they_are(cell):
    assert harmless(cell) == cell


@given(st.text(alphabet=[*"'-=+@1a .,\"\r\n\t＝"], max_size=6))
def test_every_text_comes_back_as_it_was_and_runs_nothing(words):
    assert plain(harmless(words)) == words
    is_number = words[:1] in ("+", "-") and not words[1:].strip("0123456789.")
    assert not harmless(words).startswith(tuple(STARTS)) or (is_number and words[1:])
    text = csv_text(("said", "more"), [{"said": words, "more": 1}])
    assert [row["said"] for _, row in csv_rows(io.StringIO(text, newline=""))] == [words]


def test_what_is_missing_is_empty_and_what_is_no_column_is_refused():
    assert csv_text(("a", "b"), [{"b": 2}]) == "a,b\n,2\n"
    with pytest.raises(ValueError, match="no column c"):
        csv_text(("a",), [{"a": 1, "c": 2}])


def test_rows_that_are_too_short_or_too_long_are_read():
    rows = [row for _, row in csv_rows(["a,b\n", "1\n", "1,2,3\n"])]
    assert rows == [{"a": "1", "b": None}, {"a": "1", "b": "2", "…": ["3"]}]
