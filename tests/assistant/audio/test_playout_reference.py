"""The reference of the echo canceller stays in step although callbacks come late or are lost."""

import numpy as np

from assistant.audio.playout import PlayedReference
from assistant.audio.waveform import Waveform

FRAME = 512


def counted(start: int, samples: int) -> Waveform:
    """Returns samples that can be recognised; none is zero."""
    return np.arange(1 + start, 1 + start + samples, dtype=np.float32)


class Line:
    """A loudspeaker and a microphone that take turns, frame by frame."""

    def __init__(self, lead_s: float = 0.0) -> None:
        self.reference = PlayedReference(16_000)
        self.reference.lead_s = lead_s
        self.played = 0
        self.heard = 0

    def play(self, samples: int = FRAME) -> None:
        self.reference.push(counted(self.played, samples))
        self.played += samples

    def hear(self, frames: int = 1, *, plays: int = FRAME) -> int:
        """Returns how old the last sample of the reference is, in samples of the loudspeaker."""
        last = 0.0
        for _ in range(frames):
            self.play(plays)
            self.heard += FRAME
            last = self.reference.take(FRAME)[-1]
        return self.played - round(float(last))


def test_what_was_rendered_before_the_first_frame_is_cut_to_the_lead() -> None:
    line = Line(lead_s=0.05)
    line.play(8_000)
    assert line.hear() == 800


def test_a_first_frame_without_anything_played_keeps_the_lead_too() -> None:
    line = Line(lead_s=0.05)
    assert line.hear(3) == 800


def test_late_callbacks_change_nothing() -> None:
    line = Line(lead_s=0.05)
    assert line.hear(10) == 800
    line.hear(plays=0)
    line.play(FRAME)
    assert line.hear(100) == 800
    assert line.reference.corrections == 0


def test_lost_sound_of_the_microphone_is_made_up_for_within_two_seconds() -> None:
    line = Line(lead_s=0.05)
    line.hear(40)
    line.play(1_000)
    assert line.hear(64) == 800
    assert line.reference.corrections == 1


def test_a_loudspeaker_that_paused_is_made_up_for_too() -> None:
    line = Line(lead_s=0.05)
    line.hear(40)
    line.hear(plays=0)
    assert line.hear(64) == 800
