"""Everyday sentences that synthetic voices say, kept in a folder with a manifest of their words."""

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile as sf
import soxr

from assistant.audio.waveform import AudioClip
from assistant.engines.parts import KOKORO, kokoro_voices
from assistant.engines.protocols import Cancel, SpeakingStyle
from models.pretrained.catalogue import find_part
from train.data.manifest import Utterance
from train.language.domain import draw_values, fill, read_domain, templates
from train.language.material import read_talks
from train.synthetic.voices import SAMPLE_RATE_HZ, Waveform, draw_voice, speak

logger = logging.getLogger(__name__)

ENGINES = ("flite", "espeak")
"""Voices of `train.synthetic.voices`; any other name is one of the catalogue's."""
SPOKEN = "spoken.jsonl"
LONGEST_SAYING = 160
"""Letters; more takes longer than a turn."""
RATES = (0.8, 1.25)
"""Of the voices of the catalogue, against their own."""

Saying = Callable[[np.random.Generator], str]
"""Draws what is said."""


def domain_saying() -> Saying:
    """Returns what draws wordings of the domain that are not held out."""
    wordings = list(templates(read_domain(), "train"))

    def drawn(generator: np.random.Generator) -> str:
        intent, template = wordings[int(generator.integers(len(wordings)))]
        return fill(template, draw_values(intent, template, generator))

    return drawn


def talked_saying(sources: Sequence[Path]) -> Saying:
    """Returns what draws from all that people say in written talks.

    Raises:
        ValueError: `sources` hold no talks.
    """
    exchanges = (each for talk in read_talks(sources) for each in talk.exchanges)
    said = sorted({e.said for e in exchanges if len(e.said) <= LONGEST_SAYING})
    return lambda generator: said[int(generator.integers(len(said)))]


def speak_sentences(
    saying: Saying, folder: Path, *, count: int, voices: tuple[str, ...], seed: int = 1
) -> None:
    """Writes `count` recordings NNNN.flac and the manifest of their words, `SPOKEN`.

    Recordings that are there already are kept.

    Args:
        saying: What is said.
        folder: Created where it is missing.
        count: How many.
        voices: In turn.
        seed: Of sentences and voices.

    Raises:
        ValueError: No voice is named.
        OSError: An engine is not installed.
        EngineUnavailable: A voice of the catalogue was not fetched.
    """
    if not voices:
        raise ValueError("name the voices that speak: --voices flite espeak joe")
    folder.mkdir(parents=True, exist_ok=True)
    opened = {name: open_voice(name) for name in voices if name not in ENGINES}
    lines: list[str] = []
    for number in range(count):
        path = folder / f"{number:04d}.flac"
        generator = np.random.default_rng([seed, number])
        text, name = saying(generator), voices[number % len(voices)]
        words = Utterance(id=path.stem, audio=path.name, text=text, speaker=name)
        lines.append(words.model_dump_json(exclude_defaults=True))
        if path.exists():
            continue
        if name in opened:
            rate = float(generator.uniform(*RATES))
            waveform = voice_says(opened[name], text, rate=rate)
        else:
            waveform = speak(text, draw_voice(generator, engine=name))
        part = path.with_suffix(".part")
        sf.write(part, waveform, SAMPLE_RATE_HZ, format="FLAC")
        part.replace(path)
    for voice in opened.values():
        voice.close()
    (folder / SPOKEN).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    logger.info("%d sentences are spoken in %s", count, folder)


class CatalogueVoice(Protocol):
    """A voice of Piper or Kokoro."""

    sample_rate: int

    def synthesize(self, text: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        """Yields the sound of `text`."""
        ...

    def close(self) -> None:
        """Gives back what it holds."""
        ...


def voice_says(voice: CatalogueVoice, text: str, *, rate: float = 1.0) -> Waveform:
    """Returns `text` in a voice of the catalogue, 16 kHz."""
    clips = [c.samples for c in voice.synthesize(text, SpeakingStyle(rate=rate), Cancel())]
    spoken = np.concatenate(clips)
    return soxr.resample(spoken, voice.sample_rate, SAMPLE_RATE_HZ).astype(np.float32)


def open_voice(name: str) -> CatalogueVoice:
    """Returns a voice of the catalogue: one of Kokoro's, or of Piper.

    Raises:
        EngineUnavailable: It was not fetched.
    """
    if name in kokoro_voices(find_part(KOKORO)):
        from assistant.engines.voices.kokoro import Kokoro

        return Kokoro(name)
    from assistant.engines.voices.piper import Piper

    return Piper(name)
