"""Turns as a talk would cut them out of a recording."""

import shutil

import numpy as np
import pytest

from assistant.audio.waveform import SPEECH_RATE_HZ
from benchmarks.cut_turns import cut_turns
from train.synthetic.voices import SyntheticVoice, speak


def test_turns_hold_the_speech_and_little_of_the_silence_around_it() -> None:
    quiet = np.zeros(2 * SPEECH_RATE_HZ, np.float32)
    assert cut_turns(quiet) == []
    if not shutil.which("flite"):
        pytest.skip("flite speaks the other half")
    said = speak("I went to the market this morning.", SyntheticVoice("flite", "slt"))
    turns = cut_turns(np.concatenate([quiet, said, quiet, said]))
    assert len(turns) == 2
    for turn in turns:
        assert 0.5 * len(said) < len(turn) < len(said) + SPEECH_RATE_HZ
        assert np.abs(turn).max() == pytest.approx(np.abs(said).max(), rel=0.01)
