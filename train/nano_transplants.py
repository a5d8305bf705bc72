"""Held-out wordings with the prosody of held-out actors in held-out voices: for judging only."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.emotions import Emotion
from train.domain import Domain
from train.nano_speech import Line, acted_prosodies
from train.synthesis import draw_voice, speak, with_prosody

logger = logging.getLogger(__name__)


def transplanted(
    domain: Domain, lines: Sequence[Line], data: Path, *, seed: int = 7
) -> Iterator[tuple[NDArray[np.float32], Emotion]]:
    """Yields `lines` as 16 kHz speech, each in an emotion for which its intent has replies.

    Pitch, its range, rate, level and tilt are those of a recording of RAVDESS actors 17 to 20
    beside the same actor's neutral ones; what else makes a voice sound moved is not carried over.
    """
    generator = np.random.default_rng(seed)
    prosodies = acted_prosodies(data, held_out=True)
    replies = {intent.name: intent.replies for intent in domain.intents}
    for line in lines:
        fitting = [e for e in Emotion if replies.get(line.intent, {}).get(e) and prosodies[e]]
        if not fitting:
            continue
        emotion = fitting[int(generator.integers(len(fitting)))]
        choices = prosodies[emotion]
        voice = draw_voice(generator, held_out=True)
        voice = with_prosody(voice, choices[int(generator.integers(len(choices)))])
        try:
            yield speak(line.text, voice).waveform, emotion
        except OSError as error:
            logger.warning("left out: %s", error)
