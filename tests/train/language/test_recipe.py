"""The written talks: those that `mini` was taught on, and those for a larger LLM."""

from collections import Counter

import pytest

from models.emotions import Emotion
from tests.train.language import RECIPES
from train.language.material import Exchange, read_talks


@pytest.fixture(
    scope="module", params=["mini/talks/wide", "mini/talks/plain", "talks/plain", "talks/rich"]
)
def exchanges(request: pytest.FixtureRequest) -> list[Exchange]:
    return [e for talk in read_talks([RECIPES / request.param]) for e in talk.exchanges]


def test_every_file_of_talks_is_read(exchanges: list[Exchange]) -> None:
    assert len(exchanges) > 6_000
    feelings = Counter(exchange.emotion for exchange in exchanges)
    assert all(feelings[emotion] > 400 for emotion in Emotion)


def test_answers_are_sentences_and_few_stand_twice(exchanges: list[Exchange]) -> None:
    replies = [exchange.reply for exchange in exchanges]
    assert not [reply for reply in replies if len(reply.split()) > 62 or reply[-1] not in ".!?\"'"]
    assert len(set(replies)) > 0.9 * len(replies)


def test_no_answer_begins_more_often_than_others_by_far(exchanges: list[Exchange]) -> None:
    openings = Counter(" ".join(exchange.reply.split()[:3]).lower() for exchange in exchanges)
    most, count = openings.most_common(1)[0]
    assert count < 0.05 * len(exchanges), most
