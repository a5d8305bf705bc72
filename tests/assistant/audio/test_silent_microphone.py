"""A microphone that gives exact zeros is told of once, and once more when it is back."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from assistant import events
from assistant.audio.silent_microphone import BACK, SILENT
from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.conversation.live.loop import TalkLoop
from tests.assistant.audio.test_steady_frames import Halting
from tests.fakes import speech_like
from tests.talking import ends, talk


def zeros(seconds: float) -> Waveform:
    return np.zeros(round(seconds * SPEECH_RATE_HZ), dtype=np.float32)


def told(
    *sound: Waveform,
    on_event: Callable[[TalkLoop, events.Event], None] | None = None,
    is_file: bool = False,
    gaps_s: Sequence[float] = (),
) -> list[tuple[float, str]]:
    """Returns when the person was told what, to the second."""
    pieces = zip([*gaps_s, *[0.0] * len(sound)], sound, strict=False)
    devices = None if is_file else ends(Halting(*pieces))
    result = talk(np.concatenate(sound), devices=devices, on_event=on_event)
    return [(round(event.at_s), event.message) for event in result.of(events.Noticed)]


QUIET = speech_like(length_s=3.0)
SPOKEN = speech_like((0.5, 1.5), length_s=4.0)


def test_silence_is_told_once_and_that_sound_is_back() -> None:
    said = told(SPOKEN, zeros(40.0), SPOKEN, zeros(15.0))
    assert said == [(14, SILENT), (44, BACK), (58, SILENT)]


@pytest.mark.parametrize(
    "sound", [[QUIET] * 8, [zeros(9.0), QUIET, zeros(9.0)], [np.tile(zeros(1), 8) + 1e-4] * 3]
)
def test_a_quiet_room_is_no_silent_microphone(sound: list[Waveform]) -> None:
    assert told(*sound) == []


def test_neither_a_file_nor_frames_that_fail_to_come_nor_who_mutes_is_told() -> None:
    assert told(SPOKEN, zeros(30.0), is_file=True) == []
    assert told(QUIET, QUIET, gaps_s=(0.0, 25.0)) == []

    def mute(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.LevelMeasured) and event.at_s < 0.2:
            loop.mute(True)

    assert told(zeros(30.0), on_event=mute) == []
