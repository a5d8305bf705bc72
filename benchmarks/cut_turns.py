"""A recording as a talk hears it: the turns that detector and endpointer cut out of it."""

import numpy as np

from assistant.audio.playout import level_db
from assistant.audio.waveform import SPEECH_RATE_HZ, Framer, Waveform
from assistant.engines.silero import Silero
from assistant.turns.ear import Ear
from assistant.turns.endpointing import Endpointer
from assistant.turns.marks import Boundary
from assistant.turns.settings import TalkSettings

AFTER_S = 2.0
"""Of silence, so that what was taken for a turn ends."""


def cut_turns(waveform: Waveform) -> list[Waveform]:
    """Returns the turns in a 16 kHz recording with silence behind it; none where nobody speaks."""
    tail = np.zeros(round(AFTER_S * SPEECH_RATE_HZ), np.float32)
    whole = np.concatenate([waveform, tail])
    ear, endpointer = Ear(Silero()), Endpointer(TalkSettings().endpointing)
    turns: list[Waveform] = []
    for frame in Framer(ear.frame_samples).push(whole):
        heard = ear.listen(frame.samples, np.zeros_like(frame.samples))
        for mark in endpointer.feed(heard.probability, level_db=level_db(frame.samples)):
            if mark.boundary is Boundary.ENDED:
                turns.append(whole[mark.start_samples : mark.end_samples])
    return turns
