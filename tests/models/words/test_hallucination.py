from itertools import cycle, islice

import pytest
import torch

from models.words.hallucination import (
    compression,
    is_invented,
    longest_words,
    loop_length,
    read_again,
    read_at,
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


HELLO = [" Hello", ",", " how", " are", " you", " today", "?"]
HELLO_S = [0.46, 1.12, 1.06, 1.3, 1.46, 1.68, 2.0]


@pytest.mark.parametrize(
    ("again", "places_s"),
    [
        ([" Hello", ",", " hello", ",", " how", " are"], [0.5, 0.7, 1.1, 1.1, 1.1, 1.3]),
        ([" How", " are", " you", " today", "?"], [1.1, 1.3, 1.4, 1.6, 2.5]),
        ([" Hello", " how", " are", " hello"], [0.5, 1.1, 1.3, 3.4]),  # in the silence behind it
        ([" Hello", ",", " hello"], [0.5, 0.7, 0.3]),  # too near each other to be two words
        ([" I", " hello", " how"], [1.7, 0.5, 1.0]),  # seen from its second word on
        ([" Hello", ",", " hello"], [3.2, 0.7, 1.0]),  # its first word from the silence behind
        ([" Hello", ",", " hello"], [0.0, 0.64, 1.0]),  # and from the very beginning
        ([" Today", " you", "."], [2.4, 1.2, 2.0]),
    ],
)
def test_what_is_read_again_from_the_same_sound_is_found(again: list[str], places_s: list[float]):
    assert read_again([*HELLO_S, *places_s], [*HELLO, *again], 2.0) == len(again)


def test_two_words_that_are_read_anew_from_where_two_others_were_are_found():
    tokens = [" Mike", " had", " died", " this", " morning", ".", " My", " cat"]
    places_s = [0.4, 0.86, 1.04, 1.36, 1.64, 3.34, 0.36, 0.62]
    assert read_again(places_s, tokens, 2.08) == 2


def test_what_is_said_twice_and_what_goes_on_is_kept():
    later_s = [place + 2.2 for place in HELLO_S]
    assert read_again([*HELLO_S, *later_s], [*HELLO, *HELLO], 4.4) == 0
    assert read_again([*HELLO_S, 0.5, 2.4, 2.8], [*HELLO, " I", " feel", " fine"], 3.0) == 0
    assert read_again([*HELLO_S, 0.5], [*HELLO, " Oh"], 2.0) == 0, "one word says little"
    assert read_again([*HELLO_S, 3.2], [*HELLO, " Hello"], 2.0) == 0, "likewise"
    assert read_again([*HELLO_S, 3.2, 3.2], [*HELLO, " today", " today"], 2.0) == 0
    assert read_again([*HELLO_S, 3.2, 0.5], [*HELLO, " Oh", " dear"], 2.0) == 0, "new words"
    assert read_again([*HELLO_S, 0.0, 0.0], [*HELLO, " 's", " it"], 2.0) == 0, "a mark of the sound"
    assert read_again(HELLO_S, HELLO, 2.0) == read_again([], [], 1.0) == 0


def test_tokens_are_placed_where_they_attend_more_than_the_others():
    attention = torch.full((2, 3, 100), 0.001)
    attention[:, :, 99] = 0.9  # all look at the end
    for token, state in enumerate((10, 40, 70)):
        attention[:, token, state] = 0.05
    assert read_at(attention) == [0.2, 0.8, 1.4]


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


def test_an_unsure_sigh_is_a_breath_and_a_sure_one_is_said() -> None:
    assert is_invented("Ah.", [-0.9, -1.1], 0.0)
    assert is_invented("Oh...", [-0.7], 0.0)
    assert not is_invented("Ah.", [-0.2, -0.3], 0.0)
    assert not is_invented("Ah, yes.", [-0.9, -0.9], 0.0)
    assert not is_invented("No.", [-0.9, -0.9], 0.0)
