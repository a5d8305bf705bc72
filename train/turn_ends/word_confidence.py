"""How sure heard words are: fitted on sentences that a voice says which was never trained on.

A recogniser trained with label smoothing gives right words low probabilities, and a small decoder
gives high ones to what it knows by heart. A logistic map makes of them the share of the words that
is right.
"""

from dataclasses import dataclass

import numpy as np

from models.blsp_emo import BlspEmo
from models.config import WordConfidenceConfig
from models.transcription import transcribe
from models.words.written import WordScores
from train.language.domain import Domain, draw_values, fill, templates
from train.metrics import Floats, spoken_words, word_errors
from train.synthetic.surroundings import with_noise
from train.synthetic.voices import HELD_OUT_ESPEAK_VARIANTS, SyntheticVoice, speak
from train.turn_ends.logistic import fitted_logistic

FEWEST = 20
"""Sentences below which a fit would be a guess."""
NOISE_DB = (5.0, 25.0)
"""Every other sentence is in white noise that lies this far below it."""
JUDGED = 4
"""One sentence of so many is kept to judge the fit."""


@dataclass(frozen=True, slots=True)
class Read:
    """Sentences as the model wrote them down."""

    scores: tuple[WordScores, ...]
    right: tuple[float, ...]
    """Share of the words that is right, in [0, 1]: errors are taken from 1."""


def fitted_word_confidence(
    model: BlspEmo, domain: Domain, *, sentences: int
) -> WordConfidenceConfig | None:
    """Returns the map from scores to the share of right words, and prints how well it holds.

    Returns None where the model has no decoder to be sure or unsure, or nothing is to be spoken.

    Raises:
        ValueError: The sentences are too few.
        OSError: espeak-ng, which speaks them, is not installed.
    """
    if model.decoder is None or not sentences:
        return None
    read = read_aloud(model, domain, sentences=sentences)
    inputs = np.array([[scores.decoder] for scores in read.scores])
    right = np.array(read.right)
    is_judged = np.arange(len(right)) % JUDGED == 0
    fitted = _fitted(inputs[~is_judged], right[~is_judged])
    judged = [scores for scores, held in zip(read.scores, is_judged, strict=True) if held]
    told = np.array([scores.confidence(fitted) for scores in judged])
    plain = np.array([scores.confidence(None) for scores in judged])
    truth = right[is_judged]
    print(
        f"words: {100 * truth.mean():.0f} % right, {100 * told.mean():.0f} % by their confidence "
        f"({100 * plain.mean():.0f} % unfitted); mean gap {np.abs(told - truth).mean():.2f} "
        f"({np.abs(plain - truth).mean():.2f} unfitted; {len(truth)} held out)"
    )
    return _fitted(inputs, right)


def read_aloud(model: BlspEmo, domain: Domain, *, sentences: int) -> Read:
    """Lets held-out voices say held-out wordings and the model write them down.

    Raises:
        ValueError: The domain has too few.
        OSError: espeak-ng is not installed.
    """
    generator = np.random.default_rng(0)
    wordings = list(templates(domain, "wording"))
    if min(sentences, len(wordings)) < FEWEST:
        raise ValueError(
            f"{min(sentences, len(wordings))} sentences are too few to fit how sure words are: "
            f"speak at least {FEWEST}"
        )
    scores: list[WordScores] = []
    right: list[float] = []
    for number, index in enumerate(generator.permutation(len(wordings))[:sentences]):
        intent, template = wordings[index]
        text = fill(template, draw_values(intent, template, generator))
        variant = HELD_OUT_ESPEAK_VARIANTS[number % len(HELD_OUT_ESPEAK_VARIANTS)]
        waveform = speak(text, SyntheticVoice("espeak", f"en-us+{variant}"))
        if number % 2:
            noise = generator.standard_normal(waveform.size).astype(np.float32)
            waveform = with_noise(waveform, noise, generator.uniform(*NOISE_DB), generator)
        words = transcribe(model, model.hear(waveform))
        if words.scores is not None:
            missed, count = word_errors(spoken_words(text), spoken_words(words.text))
            scores.append(words.scores)
            right.append(max(0.0, 1.0 - missed / max(1, count)))
    return Read(tuple(scores), tuple(right))


def _fitted(inputs: Floats, right: Floats) -> WordConfidenceConfig:
    decoder, offset = fitted_logistic(inputs, right).tolist()
    return WordConfidenceConfig(decoder=decoder, offset=offset)
