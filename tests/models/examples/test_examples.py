import lzma
from dataclasses import replace
from pathlib import Path

import pytest

from models.config import ExamplesConfig
from models.emotions import Emotion
from models.examples.answering import asks_what_was_told
from models.examples.book import ExampleBook
from models.examples.written import Example, read_examples, write_examples
from models.weights import CheckpointError
from tests.models.examples.by_words import book_of

WRITTEN = (
    Example("My train was late again.", "Again? How long did you wait?", Emotion.ANGRY),
    Example("My train was late today.", "And nobody told you why, I bet.", Emotion.SAD),
    Example("The train to Leeds was late.", "By how much?"),
    Example("I baked bread.", "What kind?", Emotion.HAPPY),
    Example("Do you like trains?", "I like hearing about them.", Emotion.NEUTRAL),
)


ANY = ExamplesConfig(count=3, longest=100, least=0.01)


@pytest.fixture(scope="module")
def book() -> ExampleBook:
    return book_of(WRITTEN)


def said(examples: list[Example]) -> list[str]:
    return [example.said for example in examples]


def test_examples_survive_their_file(tmp_path: Path) -> None:
    path = tmp_path / "examples.tsv.xz"
    write_examples(path, WRITTEN)
    assert read_examples(path) == WRITTEN
    before = path.read_bytes()
    write_examples(path, WRITTEN)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"no archive", "is damaged"),
        (lzma.compress(b"sad\tI lost it.\tWhat?\n")[:-9], "is damaged"),
        (lzma.compress(b"sad\tI lost it.\n"), "line 1 is no exchange"),
        (lzma.compress(b"\tHello.\tHi.\ngloomy\tHm.\tHm?\n"), "line 2: unknown emotion 'gloomy'"),
    ],
    ids=["no archive", "cut off", "no exchange", "no emotion"],  # archives name the time in bytes
)
def test_a_damaged_file_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "examples.tsv.xz"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=told):
        read_examples(path)


def test_the_most_similar_example_stands_last(book: ExampleBook) -> None:
    found = said(book.like("The train to Leeds was late", None, ANY))
    assert found[-1] == "The train to Leeds was late."
    assert len(found) == 3
    assert "I baked bread." not in found


def test_the_heard_voice_decides_between_like_words(book: ExampleBook) -> None:
    for emotion, expected in ((Emotion.ANGRY, WRITTEN[0]), (Emotion.SAD, WRITTEN[1])):
        assert book.like("My train was late", emotion, replace(ANY, count=1)) == [expected]


def test_the_voice_makes_nothing_alike_that_is_not(book: ExampleBook) -> None:
    strict = replace(ANY, least=0.9)
    assert book.like("I baked a train", Emotion.HAPPY, strict) == []
    assert said(book.like("I baked bread.", Emotion.HAPPY, strict)) == ["I baked bread."]
    assert said(book.like("I baked bread.", Emotion.ANGRY, strict)) == ["I baked bread."]


def test_nothing_in_common_gives_no_example(book: ExampleBook) -> None:
    assert book.like("Hm", None, ANY) == []
    assert book.like("", None, ANY) == []


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("What's my name?", True),
        ("do you remember my dog", True),
        ("What was she called?", True),
        ("Where do I work?", True),
        ("What's the capital of Peru?", False),
        ("My train was late.", False),
        ("", False),
    ],
)
def test_what_the_person_told_is_not_asked_of_others(asked: str, expected: bool) -> None:
    assert asks_what_was_told(asked) is expected


def test_long_ones_and_repetitions_are_left_out() -> None:
    twice = book_of([WRITTEN[3], Example("I baked bread!", "Nice."), *WRITTEN])
    assert said(twice.like("I baked bread", None, ANY)) == ["I baked bread."]
    assert twice.like("I baked bread", None, replace(ANY, longest=10)) == []
