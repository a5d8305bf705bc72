"""The ear: a detector that has heard nothing for long is begun anew, one that hears goes on."""

import numpy as np

from assistant.audio.waveform import Waveform
from assistant.turns.ear import STALE_FRAMES, Ear
from tests.fakes import LevelDetector

QUIET: Waveform = np.zeros(512, dtype=np.float32)
SPEECH: Waveform = np.full(512, 0.1, dtype=np.float32)


def resets_after(*frames: Waveform) -> int:
    detector = LevelDetector()
    ear = Ear(detector)
    for frame in frames:
        ear.listen(frame, QUIET)
    return detector.resets


def test_a_long_quiet_is_forgotten_again_and_again() -> None:
    assert resets_after(*[QUIET] * (STALE_FRAMES - 1)) == 0
    assert resets_after(*[QUIET] * STALE_FRAMES) == 1
    assert resets_after(*[QUIET] * (10 * STALE_FRAMES)) == 10


def test_nothing_is_forgotten_while_somebody_speaks_or_pauses_for_breath() -> None:
    breath = [QUIET] * (STALE_FRAMES - 1)
    assert resets_after(*[SPEECH, *breath] * 8, *[SPEECH] * 100) == 0
