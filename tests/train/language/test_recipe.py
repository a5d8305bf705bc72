"""The written talks: those that `mini` was taught on, and those for a larger LLM."""

from collections import Counter

import pytest

from models.emotions import Emotion
from tests.train.language import RECIPES
from train.language.material import Exchange, read_talks

LONGEST_WORDS = {
    "mini/talks/wide": 40,
    "mini/talks/plain": 40,
    "talks/plain": 62,
    "talks/rich": 62,
}
"""Of an answer; a larger LLM may say more at once."""


@pytest.fixture(scope="module", params=list(LONGEST_WORDS))
def folder(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def exchanges(folder: str) -> list[Exchange]:
    return [e for talk in read_talks([RECIPES / folder]) for e in talk.exchanges]


def test_every_file_of_talks_is_read(exchanges: list[Exchange]) -> None:
    assert len(exchanges) > 6_000
    feelings = Counter(exchange.emotion for exchange in exchanges)
    assert all(feelings[emotion] > 400 for emotion in Emotion)


def test_answers_are_sentences_and_few_stand_twice(folder: str, exchanges: list[Exchange]) -> None:
    replies = [exchange.reply for exchange in exchanges]
    longest = LONGEST_WORDS[folder]
    assert not [r for r in replies if len(r.split()) > longest or r[-1] not in ".!?\"'"]
    assert len(set(replies)) > 0.9 * len(replies)


def test_no_answer_begins_more_often_than_others_by_far(exchanges: list[Exchange]) -> None:
    openings = Counter(" ".join(exchange.reply.split()[:3]).lower() for exchange in exchanges)
    most, count = openings.most_common(1)[0]
    assert count < 0.05 * len(exchanges), most
