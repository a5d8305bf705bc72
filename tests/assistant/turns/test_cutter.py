import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.audio.waveform import Waveform
from assistant.turns.cutter import SpokenTurn, TurnCutter
from assistant.turns.endpointing_settings import EndpointingSettings
from tests.fakes import LevelDetector, speech_like

SETTINGS = EndpointingSettings(usual_share=0.5)


def cut(blocks: list[Waveform]) -> list[SpokenTurn]:
    return list(TurnCutter(LevelDetector(), SETTINGS).turns(blocks))


def test_each_stretch_of_speech_is_a_turn_where_it_was_spoken() -> None:
    waveform = speech_like((1.0, 2.5), (5.0, 6.0), length_s=9.0)
    turns = cut([waveform])
    assert len(turns) == 2
    for turn, (start_s, end_s) in zip(turns, [(1.0, 2.5), (5.0, 6.0)], strict=True):
        assert turn.start_s <= start_s <= turn.start_s + 0.4
        assert turn.end_s - 0.4 <= end_s <= turn.end_s
        first = round(turn.start_s * 16_000)
        assert np.array_equal(turn.waveform, waveform[first : first + len(turn.waveform)])


def test_a_short_pause_does_not_end_a_turn() -> None:
    assert len(cut([speech_like((0.5, 1.5), (1.9, 3.0), length_s=5.0)])) == 1


def test_speech_up_to_the_very_end_is_a_turn() -> None:
    (turn,) = cut([speech_like((0.5, 2.013), length_s=2.013)])
    assert turn.end_s == pytest.approx(2.013, abs=0.001)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 9_000), min_size=1, max_size=40))
def test_how_the_recording_is_read_changes_nothing(lengths: list[int]) -> None:
    waveform = speech_like((0.3, 1.2), (3.0, 4.4), length_s=5.5)
    edges = np.cumsum(lengths)
    blocks = np.split(waveform, edges[edges < len(waveform)])
    whole, pieces = cut([waveform]), cut(blocks)
    assert [(t.start_s, t.end_s) for t in whole] == [(t.start_s, t.end_s) for t in pieces]
    assert all(np.array_equal(a.waveform, b.waveform) for a, b in zip(whole, pieces, strict=True))


def test_silence_and_noise_are_no_turns_but_told_apart() -> None:
    silent = TurnCutter(LevelDetector(), SETTINGS)
    assert list(silent.turns([np.zeros(32_000, dtype=np.float32)])) == []
    assert silent.is_silent
    noisy = TurnCutter(LevelDetector(), SETTINGS)
    assert list(noisy.turns([speech_like(length_s=2.0) * 5])) == []
    assert not noisy.is_silent


def test_a_long_recording_is_not_kept_in_memory() -> None:
    cutter = TurnCutter(LevelDetector(), SETTINGS)
    block = speech_like(length_s=1.0)

    def blocks() -> list[Waveform]:
        return [block] * 120

    assert list(cutter.turns(blocks())) == []
    assert sum(len(frame) for frame in cutter._kept) < 8 * 16_000
