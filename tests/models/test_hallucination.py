from itertools import cycle, islice

import pytest

from models.hallucination import (
    begins_again,
    compression,
    is_invented,
    longest_words,
    loop_length,
    second_time,
)

SENTENCE = [3, 9, 4, 7, 1, 8, 2]


@pytest.mark.parametrize("period", [1, 2, 3, 5])
def test_a_phrase_that_comes_again_and_again_is_a_loop(period: int):
    phrase = list(range(20, 20 + period))
    looped = [5, 6, *islice(cycle(phrase), 24)]
    looped = looped[: 2 + 24 // period * period]
    repeats = loop_length(looped)
    assert repeats and repeats % period == 0 and repeats <= len(looped) - 2 - period
    assert loop_length([5, 6, *phrase, *phrase]) == 0, "people say things twice"
    assert loop_length([]) == 0 and loop_length(SENTENCE) == 0


@pytest.mark.parametrize("more", [5, 6, 7])
@pytest.mark.parametrize("before", [0, 3])
def test_the_second_round_of_a_stopped_decoder_is_found_whole(more: int, before: int):
    ids = [*range(50, 50 + before), *SENTENCE, *SENTENCE[:more]]
    assert second_time(ids) == more
    assert second_time([*range(50, 50 + before), *SENTENCE, *SENTENCE, *SENTENCE[:more]]) == (
        len(SENTENCE) + more
    )


def test_what_is_said_once_is_no_second_round():
    assert second_time(SENTENCE) == second_time([]) == 0
    assert second_time([*SENTENCE, *SENTENCE[:3]]) == 0, "three tokens say little"
    assert second_time([*SENTENCE[:5], 40, *SENTENCE[:5], 41]) == 0


def test_what_is_said_over_again_too_fast_is_said_once():
    said = [*SENTENCE, 3, 30, 9, 4, 7, 1, 8, 2]
    assert begins_again(said, 1.8) == 8
    assert begins_again([*said, 3], 1.8) == 9, "a third round has begun"
    assert begins_again(said, 4.0) == 0, "there is time to say it twice"
    assert begins_again([*SENTENCE, 3, 40, 41, 42, 43, 44], 1.0) == 0, "it goes on otherwise"
    long = [*range(40), 0, 5, 9, 14, 20, 33]
    assert begins_again(long, 4.0) == 0, "a last clause in words that were said before"
    assert begins_again(SENTENCE, 0.5) == begins_again([], 1.0) == 0


def test_longer_inputs_have_room_for_more_words():
    assert longest_words(0.1) >= 8
    assert longest_words(2.5) < 30 and longest_words(30.0) > 200


def test_text_that_repeats_itself_is_short_when_compressed():
    assert compression("") == 0.0
    assert compression("I lit one candle for myself because everyone forgot my birthday.") < 1.5
    assert compression("I'm going to go to the store. " * 12) > 2.4


@pytest.mark.parametrize(
    ("text", "scores", "no_speech", "expected"),
    [
        ("Thank you.", [-1.8, -1.4, -0.9], 0.9, True),
        ("Thank you.", [-0.1, -0.1, -0.2], 0.9, False),
        ("Thank you.", [-1.8, -1.4, -0.9], 0.1, False),
        ("no no " * 30, [-0.1] * 60, 0.0, True),
        ("", [-3.0], 0.99, False),
    ],
)
def test_words_are_invented_where_nobody_speaks_or_they_only_repeat(
    text: str, scores: list[float], no_speech: float, expected: bool
):
    assert is_invented(text, scores, no_speech) is expected
