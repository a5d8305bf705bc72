"""What a recogniser makes of words: some are others that sound like them, missing or too many."""

from collections.abc import Sequence

import numpy as np

from train.nano_sound_alikes import SoundAlikes

MISHEARD_SHARE = 0.4
"""Of what is said: some words of it are misheard."""
WORD_ERRORS = 0.2
"""Of the words of what is misheard."""
REPLACED_SHARE, LOST_SHARE = 0.75, 0.16
"""Of the word errors: another word stands there, or none; the rest has a further word beside it.
So it was in 481 errors of a nano on 400 held-out sentences."""
ALIKE_SHARE = 0.85
"""Of the words that stand in place of another: sound like it."""


class Mishearing:
    """Mishears sentences in their spoken form.

    Args:
        words: Any of them may be heard.
        alikes: Words that sound like others; without them any word stands in place of another.
    """

    def __init__(self, words: Sequence[str], alikes: SoundAlikes | None = None) -> None:
        self._words = words
        self._alikes = alikes

    def heard(self, spoken: str, generator: np.random.Generator) -> str:
        """Returns `spoken` as it may be heard, mostly as it is."""
        if generator.random() >= MISHEARD_SHARE:
            return spoken
        words: list[str] = []
        for word in spoken.split():
            if generator.random() >= WORD_ERRORS:
                words.append(word)
                continue
            kind = generator.random()
            if kind < REPLACED_SHARE:
                words.append(self._instead_of(word, generator))
            elif kind >= REPLACED_SHARE + LOST_SHARE:
                words += [word, self._any(generator)]
        return " ".join(words) or spoken

    def _instead_of(self, word: str, generator: np.random.Generator) -> str:
        alike = None
        if self._alikes is not None and generator.random() < ALIKE_SHARE:
            alike = self._alikes.draw(word, generator)
        return alike or self._any(generator)

    def _any(self, generator: np.random.Generator) -> str:
        return self._words[int(generator.integers(len(self._words)))]
