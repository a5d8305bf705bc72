"""Sentences as a recogniser may hear them."""

import numpy as np

from train.nano_mishearing import MISHEARD_SHARE, Mishearing
from train.nano_sound_alikes import SoundAlikes

LEXICON = {
    "cat": ("k", "ae", "t"),
    "cap": ("k", "ae", "p"),
    "dog": ("d", "ao", "g"),
    "the": ("dh", "ax"),
}
SAID = "the cat saw the dog"


def heard(mishearing: Mishearing, count: int = 400) -> list[str]:
    generator = np.random.default_rng(3)
    return [mishearing.heard(SAID, generator) for _ in range(count)]


def test_most_sentences_stay_as_they_are_and_most_words_of_the_others() -> None:
    found = heard(Mishearing(sorted(LEXICON)))
    wrong = [text for text in found if text != SAID]
    assert 0.5 * MISHEARD_SHARE < len(wrong) / len(found) < MISHEARD_SHARE
    kept = [len(set(SAID.split()) & set(text.split())) for text in wrong]
    assert np.mean(kept) > 0.6 * len(set(SAID.split()))


def test_words_that_sound_alike_stand_for_each_other() -> None:
    def caps(mishearing: Mishearing) -> int:
        return sum("the cap saw" in text for text in heard(mishearing))

    words = sorted(LEXICON)
    assert caps(Mishearing(words, SoundAlikes(LEXICON))) > 1.5 * caps(Mishearing(words))


def test_something_is_always_heard() -> None:
    generator = np.random.default_rng(5)
    mishearing = Mishearing(["a"])
    assert all(mishearing.heard("no", generator) for _ in range(300))
