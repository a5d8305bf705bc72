"""Sound and words together say whether a turn is whole."""

import pytest

from assistant.engines.protocols import Transcript
from assistant.turns.judges import SURE, together

SURELY = Transcript("what time is it", confidence=0.95)
HARDLY = Transcript("what dime is sit", confidence=SURE - 0.1)


@pytest.mark.parametrize(
    ("by_sound", "by_words", "expected"), [(None, None, None), (0.3, None, 0.3), (None, 0.3, 0.3)]
)
def test_who_judges_alone_is_believed(
    by_sound: float | None, by_words: float | None, expected: float | None
) -> None:
    assert together(by_sound, by_words, SURELY) == expected


def test_unsure_words_have_no_say() -> None:
    assert together(0.3, 0.99, HARDLY) == 0.3


def test_words_of_unknown_confidence_have_their_say() -> None:
    assert together(0.3, 0.95, Transcript("what time is it")) == together(0.3, 0.95, SURELY)


def test_sound_and_words_that_agree_are_surer_than_words_alone() -> None:
    assert (together(0.8, 0.9, SURELY) or 0.0) > 0.9
    assert (together(0.2, 0.1, SURELY) or 1.0) < 0.1


def test_an_unfinished_sentence_is_waited_for_although_it_sounds_whole() -> None:
    assert (together(0.9, 0.05, SURELY) or 1.0) < 0.2


def test_a_voice_that_never_seems_to_end_does_not_overrule_sure_words() -> None:
    assert (together(0.0, 0.92, SURELY) or 0.0) > 0.75
    assert together(0.0, 0.92, SURELY) == together(0.1, 0.92, SURELY)
