"""Everyday sentences that synthetic voices say, kept in a folder."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile as sf

from train.language.domain import Domain, draw_values, fill, templates
from train.synthetic.voices import SAMPLE_RATE_HZ, Waveform, draw_voice, speak

if TYPE_CHECKING:
    from assistant.engines.voices.piper import Piper

logger = logging.getLogger(__name__)

ENGINES = ("flite", "espeak")
"""Voices of `train.synthetic.voices`; any other name is one of Piper's."""


def speak_sentences(
    domain: Domain, folder: Path, *, count: int, voices: tuple[str, ...], seed: int = 1
) -> None:
    """Writes `count` recordings NNNN.flac; those that are there already are kept.

    The sentences are wordings of the domain that are not held out.

    Args:
        domain: What is said.
        folder: Created where it is missing.
        count: How many.
        voices: Engines, in turn.
        seed: Of sentences and voices.

    Raises:
        ValueError: No voice is named.
        OSError: An engine is not installed.
        EngineUnavailable: A voice of Piper was not fetched.
    """
    if not voices:
        raise ValueError("name the voices that speak: --voices flite espeak joe")
    folder.mkdir(parents=True, exist_ok=True)
    sayings = list(templates(domain, "train"))
    pipers = _opened(voices)
    for number in range(count):
        path = folder / f"{number:04d}.flac"
        if path.exists():
            continue
        generator = np.random.default_rng([seed, number])
        intent, template = sayings[int(generator.integers(len(sayings)))]
        text = fill(template, draw_values(intent, template, generator))
        engine = voices[number % len(voices)]
        if engine in pipers:
            rate = float(generator.uniform(0.8, 1.25))
            waveform = piper_says(pipers[engine], text, rate=rate)
        else:
            waveform = speak(text, draw_voice(generator, engine=engine))
        part = path.with_suffix(".part")
        sf.write(part, waveform, SAMPLE_RATE_HZ, format="FLAC")
        part.replace(path)
    for piper in pipers.values():
        piper.close()
    logger.info("%d sentences are spoken in %s", count, folder)


def piper_says(piper: "Piper", text: str, *, rate: float = 1.0) -> Waveform:
    """Returns `text` in a voice of Piper, 16 kHz."""
    import soxr

    from assistant.engines.protocols import Cancel, SpeakingStyle

    clips = [c.samples for c in piper.synthesize(text, SpeakingStyle(rate=rate), Cancel())]
    spoken = np.concatenate(clips)
    return soxr.resample(spoken, piper.sample_rate, SAMPLE_RATE_HZ).astype(np.float32)


def _opened(voices: tuple[str, ...]) -> "dict[str, Piper]":
    from assistant.engines.voices.piper import Piper

    return {name: Piper(name) for name in voices if name not in ENGINES}
