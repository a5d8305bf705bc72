"""Sentences in which nano's word model counts words: the domain first, other talk beside it."""

from collections import Counter
from pathlib import Path

import numpy as np

from models.word_model import WordModel
from train.domain import Domain, draw_values, fill, slots_of, templates
from train.nano_speech import Script
from train.nano_text import spoken_form
from train.word_counts import word_model

DOMAIN_WEIGHT = 3
"""How often a sentence of the domain counts, against one of other talk, news or books."""
FILLINGS = 2
"""Times that a wording with slots is filled."""


def nano_word_model(domain: Domain, data: Path, *, seed: int = 1) -> WordModel:
    """Returns the word model of what nano is likely to hear; nothing held out is in it."""
    generator = np.random.default_rng(seed)
    script = Script(domain, data)
    counts: Counter[str] = Counter()
    for intent, template in templates(domain, "train"):
        for _ in range(FILLINGS if slots_of(template) else 1):
            text = fill(template, draw_values(intent, template, generator))
            counts[spoken_form(text)] += DOMAIN_WEIGHT
    for line in script.lines:
        counts[spoken_form(line.text)] += DOMAIN_WEIGHT
    for text in script.everyday + script.other:
        counts[spoken_form(text)] += 1
    return word_model(counts)
