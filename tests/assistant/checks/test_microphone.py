"""What the microphone test says of sounds, and of a microphone that is not there."""

from collections.abc import AsyncIterator

import numpy as np
import pytest

from assistant.audio.devices import DeviceSettings
from assistant.audio.waveform import AudioFrame, Waveform
from assistant.checks import microphone
from assistant.checks.machine import Check, State
from assistant.errors import DeviceError
from tests.fakes import LevelDetector, speech_like


def finding(wave: Waveform, dropped: int = 0) -> Check:
    frames = list(wave[: len(wave) // 512 * 512].reshape(-1, 512))
    return microphone.judge(microphone.measure(frames, LevelDetector(), dropped))


GOOD = speech_like((1.0, 3.0), length_s=5.0)


def test_a_clear_voice_is_well_heard() -> None:
    check = finding(GOOD)
    assert (check.state, check.remedy) == (State.WORKS, "")
    assert "speech -14 dB" in check.found


@pytest.mark.parametrize(
    ("wave", "remedy"),
    [
        (0.0 * GOOD, "silent"),
        (speech_like(length_s=5.0), "no speech"),
        (np.clip(20.0 * GOOD, -1.0, 1.0), "overdriven"),
        (GOOD + 0.09 * np.random.default_rng(1).standard_normal(len(GOOD)), "noisy"),
    ],
)
def test_what_is_wrong_has_a_remedy(wave: Waveform, remedy: str) -> None:
    check = finding(wave.astype(np.float32))
    assert check.state is not State.WORKS
    assert remedy in check.remedy


def test_lost_sound_is_said() -> None:
    check = finding(GOOD, dropped=3)
    assert check.state is State.OPTIONAL
    assert "3 pieces lost" in check.found


async def test_it_listens_no_longer_than_it_is_asked_to() -> None:
    async def endless() -> AsyncIterator[AudioFrame]:
        while True:
            yield AudioFrame(np.zeros(512, dtype=np.float32), 0)

    frames = await microphone.taken(endless(), 1.0)
    assert len(frames) == 32


def test_a_missing_microphone_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_given: object, **_named: object) -> None:
        raise DeviceError("there is no microphone: connect one")

    monkeypatch.setattr(microphone, "SoundCard", missing)
    check = microphone.examine(DeviceSettings(), LevelDetector())
    assert (check.state, check.remedy) == (State.MISSING, "there is no microphone: connect one")
