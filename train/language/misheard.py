"""Words as a recogniser mistakes them: another one that sounds alike stands where one was said.

What a person says reaches the LLM by way of a recogniser, which takes "tidy first" for "tie first"
and "wife's people" for "whites people". One that has only learnt from what was really said takes
every word at its face value.
"""

import re
from collections.abc import Iterable

import numpy as np

MORE_SHARE = 0.3
"""Of the sayings with one such word: a second one."""
LEAST_LETTERS = 3
"""Of a word that is mistaken, and of what it is mistaken for."""
LONGER = 2
"""So many letters longer or shorter it may be."""

_WORD = re.compile(r"[a-z']+", re.IGNORECASE)
_SOUNDS = {
    letter: str(group)
    for group, letters in enumerate(("bfpv", "cgjkqsxz", "dt", "l", "mn", "r"), start=1)
    for letter in letters
}


class Misheard:
    """Puts words into sayings that sound like others there.

    Args:
        sayings: The words come from these.
    """

    def __init__(self, sayings: Iterable[str]) -> None:
        words = {word.lower() for saying in sayings for word in _WORD.findall(saying)}
        self._alike: dict[str, list[str]] = {}
        for word in sorted(words):
            if len(word) >= LEAST_LETTERS:
                self._alike.setdefault(sound_code(word), []).append(word)

    def __call__(self, saying: str, generator: np.random.Generator) -> str:
        """Returns `saying` with a word or two that sound like those that were said."""
        places = [
            (found.start(), found[0], others)
            for found in _WORD.finditer(saying)
            if (others := self._others(found[0].lower()))
        ]
        count = min(len(places), 1 + int(generator.random() < MORE_SHARE))
        # From the last one on: what is put in may be longer or shorter than what was there.
        for place in sorted(generator.permutation(len(places))[:count].tolist(), reverse=True):
            start, said, others = places[place]
            word = others[int(generator.integers(len(others)))]
            word = word.capitalize() if said[0].isupper() else word
            saying = saying[:start] + word + saying[start + len(said) :]
        return saying

    def _others(self, word: str) -> list[str]:
        if len(word) < LEAST_LETTERS:
            return []
        return [
            other
            for other in self._alike.get(sound_code(word), ())
            if other != word and abs(len(other) - len(word)) <= LONGER
        ]


def sound_code(word: str) -> str:
    """Returns the first letter and the classes of the consonants after it, as Soundex has them."""
    code, before = word[0], _SOUNDS.get(word[0], "")
    for letter in word[1:]:
        sound = _SOUNDS.get(letter, "")
        if sound and sound != before:
            code += sound
        before = sound
    return code
