import numpy as np
import pytest

from train.language.misheard import Misheard, sound_code

SAYINGS = ("I should tidy first.", "They tied the boat.", "My wife left.", "A weave of wool.")


@pytest.mark.parametrize(
    ("one", "other"), [("tidy", "tied"), ("wife", "weave"), ("knee", "know"), ("better", "butter")]
)
def test_words_that_sound_alike_have_one_code(one: str, other: str) -> None:
    assert sound_code(one) == sound_code(other)


@pytest.mark.parametrize(("one", "other"), [("tidy", "dirty"), ("wife", "wine"), ("cat", "dog")])
def test_words_that_sound_otherwise_have_two(one: str, other: str) -> None:
    assert sound_code(one) != sound_code(other)


def test_a_word_is_mistaken_for_one_that_sounds_alike() -> None:
    misheard = Misheard(SAYINGS)
    heard = {misheard("My wife left.", np.random.default_rng(seed)) for seed in range(20)}
    assert heard == {"My weave left."}
    assert misheard("Tidy it!", np.random.default_rng(1)) == "Tied it!"
    heard = {misheard("My wife tied it.", np.random.default_rng(seed)) for seed in range(40)}
    assert heard == {"My weave tied it.", "My wife tidy it.", "My weave tidy it."}


def test_what_sounds_like_nothing_else_stays() -> None:
    assert Misheard(SAYINGS)("Hm, no.", np.random.default_rng(1)) == "Hm, no."
