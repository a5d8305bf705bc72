"""The ear: a detector that has heard nothing for long is begun anew, one that hears goes on."""

import numpy as np

from assistant.audio.echo import EchoRemover
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


def test_who_speaks_before_echo_can_be_told_is_withheld_from_the_detector_and_said_to_be() -> None:
    voice = np.random.default_rng(0)
    ear = Ear(LevelDetector(), EchoRemover())

    def listen(frames: int, *, speaks: bool, played: bool) -> list[bool]:
        return [
            ear.listen(
                (0.1 * speaks * voice.standard_normal(512)).astype(np.float32),
                (0.1 * played * voice.standard_normal(512)).astype(np.float32),
            ).is_withheld
            for _ in range(frames)
        ]

    assert not any(listen(20, speaks=True, played=False)), "nothing is played"
    assert any(listen(6, speaks=True, played=True))
    listen(200, speaks=False, played=True)
    assert not any(listen(6, speaks=True, played=True)), "there is no echo here"
