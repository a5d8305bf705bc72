"""Sounds without words: what takes the way of a talk, and how brief words are compared."""

import shutil
from typing import cast

import numpy as np
import pytest

from assistant.audio.waveform import Waveform
from benchmarks.wordless import SOUNDS, is_same, silence, taken
from models.listening.listener import HeardWords, Listener
from models.words.written import Words
from train.synthetic.voices import SyntheticVoice, speak


class Counted:
    """Ears that say how much they were given."""

    def hear(self, waveform: Waveform) -> HeardWords:
        return HeardWords(Words(str(len(waveform)), 1.0, "decoder"), True, (), False)


def test_only_what_the_detector_takes_for_speech_reaches_the_ears_as_a_turn() -> None:
    ears = cast(Listener, Counted())
    quiet = silence(np.random.default_rng(0))
    assert taken(quiet, ears).turns == ()
    assert taken(quiet, ears).directly.text == str(len(quiet))
    if not shutil.which("flite"):
        pytest.skip("flite speaks the other half")
    said = speak("I went to the market this morning.", SyntheticVoice("flite", "slt"))
    found = taken(np.concatenate([quiet[:8_000], said]), ears)
    assert len(found.turns) == 1
    assert 0.5 * len(said) < int(found.turns[0].text) < len(said) + 24_000


def test_sounds_are_the_same_for_each_number_and_never_too_loud() -> None:
    for sound in SOUNDS.values():
        first, again, other = (sound(np.random.default_rng(n)) for n in (1, 1, 2))
        assert np.array_equal(first, again) and not np.array_equal(first, other)
        assert first.dtype == np.float32 and float(np.abs(first).max()) <= 1.0


@pytest.mark.parametrize(
    ("word", "text", "same"),
    [("mhm", "Mm-hmm.", True), ("okay", "OK!", True), ("no", "Know.", False), ("yes", "", False)],
)
def test_brief_words_are_compared_without_marks(word: str, text: str, same: bool) -> None:
    assert is_same(word, text) == same
