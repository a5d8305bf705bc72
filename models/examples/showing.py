"""The written exchanges that an LLM is shown before it answers something like them."""

import numpy as np

from models.config import ExamplesConfig
from models.examples.sayings import OTHER_EMOTION, SAME_EMOTION, SaidNow, WrittenSayings, most_alike
from models.examples.written import Example

SAME_SAYING = 0.85
"""Likeness from which on two examples show the same: one of them is enough."""


class Showing:
    """Chooses what is shown of `sayings`."""

    def __init__(self, sayings: WrittenSayings) -> None:
        self._sayings = sayings
        self._lengths = np.array([len(e.said) + len(e.reply) for e in sayings.examples])
        self._may_be_shown = np.array([example.is_shown for example in sayings.examples], bool)

    def like(self, said: SaidNow, config: ExamplesConfig) -> list[Example]:
        """Returns what is shown for what was said, the most similar one last.

        `config` says how many at most, and which ones are similar enough.
        """
        sayings, scores = self._sayings, said.scores.copy()
        # Before the voice counts: it decides between like sayings, and makes none alike.
        is_shown = (scores >= config.least) & (self._lengths <= config.longest) & self._may_be_shown
        if said.emotion is not None:
            other = np.where(sayings.in_any_voice, OTHER_EMOTION, 0.0)
            scores += np.where(sayings.in_voice(said.emotion), SAME_EMOTION, other)
        found: list[int] = []
        for place in most_alike(np.where(is_shown, scores, -1.0)):
            if len(found) == config.count or not is_shown[place]:
                break
            if all(sayings.index.likeness(place, other) < SAME_SAYING for other in found):
                found.append(int(place))
        return [sayings.examples[place] for place in reversed(found)]
