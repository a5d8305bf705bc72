"""Where sound is lost, the assistant does not take its own echo for a person."""

from collections.abc import AsyncIterator

import pytest

from assistant import events
from assistant.audio.file_devices import FileMicrophone
from assistant.audio.protocols import EchoState
from assistant.audio.waveform import AudioFrame, Waveform
from assistant.conversation.live.loop import TalkLoop
from tests.fakes import speech_like
from tests.talking import Talk, ends, talk

LONG = " ".join(f"word{index}" for index in range(60)) + "."


class LossyMicrophone(FileMicrophone):
    """Loses a frame once, at a given time."""

    def __init__(self, waveform: Waveform, lost_at_s: float) -> None:
        super().__init__([waveform])
        self._lost_at_s = lost_at_s

    async def frames(self) -> AsyncIterator[AudioFrame]:
        async for frame in super().frames():
            if frame.start_samples / 16_000 >= self._lost_at_s:
                self.dropped_frames = 1
            yield frame


class NoCanceller:
    """Leaves every frame as it is."""

    margin_db = 100.0
    state = EchoState.REMOVED

    def cancel(self, frame: Waveform, played: Waveform) -> Waveform:
        assert len(frame) == len(played)
        return frame


def interrupted_after_loss(*, has_echo: bool, lost_at_s: float) -> Talk:
    wave = speech_like((0.5, 1.5), (3.2, 4.4), length_s=9.0)
    return talk(
        wave,
        replies=[LONG, "Yes."],
        devices=ends(LossyMicrophone(wave, lost_at_s), NoCanceller() if has_echo else None),
    )


def test_after_lost_sound_echo_does_not_interrupt() -> None:
    result = interrupted_after_loss(has_echo=True, lost_at_s=2.8)
    assert result.of(events.FramesDropped)[0].total == 1
    assert result.of(events.Interrupted) == []
    assert result.of(events.ReplyFinished)[0].heard == LONG


def test_after_the_loudspeaker_lost_step_echo_does_not_interrupt() -> None:
    wave = speech_like((0.5, 1.5), (3.2, 4.4), length_s=9.0)
    devices = ends(FileMicrophone([wave]), NoCanceller())

    def slip(_loop: TalkLoop, event: events.Event) -> None:
        if event.at_s >= 3.3:
            devices.speaker.slips = 1

    result = talk(wave, replies=[LONG, "Yes."], devices=devices, on_event=slip)
    assert result.of(events.Interrupted) == []
    assert result.of(events.ReplyFinished)[0].heard == LONG


@pytest.mark.parametrize(("has_echo", "lost_at_s"), [(False, 2.8), (True, 0.05)])
def test_without_echo_or_long_after_the_loss_people_can_interrupt(
    has_echo: bool, lost_at_s: float
) -> None:
    result = interrupted_after_loss(has_echo=has_echo, lost_at_s=lost_at_s)
    assert len(result.of(events.Interrupted)) == 1
