"""Whether those who interrupt the assistant only say what it has just said: then it hears itself.

An echo canceller can lose its echo: a sound server that was held up plays and records out of step
for minutes. The assistant would interrupt itself, answer its own words, and interrupt that answer.
Its words give it away where its sound does not.
"""

import re
from collections import deque
from difflib import SequenceMatcher

OWN_SHARE = 0.7
"""Share of the words of a turn that must stand in the same order in what was said: remains of an
echo are misheard here and there."""
IN_A_ROW = 2
"""Turns over its own voice, in a row, that are its own words; people hardly ever do that twice."""
REMEMBERED_WORDS = 80
FIRST_ANSWERS, MOST_ANSWERS = 3, 48
"""Answers in which nobody is listened to, first and at most; twice as many each time."""

_WORD = re.compile(r"[a-z0-9']+")


class OwnVoice:
    """Follows one conversation."""

    def __init__(self) -> None:
        self._said: deque[str] = deque(maxlen=REMEMBERED_WORDS)
        self._in_a_row = 0
        self._answers_left = 0
        self._next_answers = FIRST_ANSWERS

    @property
    def is_heard(self) -> bool:
        """Whether the assistant hears itself, so that it should not listen while it speaks."""
        return self._answers_left > 0

    def says(self, text: str) -> None:
        """Takes what the assistant says."""
        self._said += _words(text)

    def hears(self, text: str) -> bool:
        """Takes the words of a turn that began while it spoke; returns whether it heard itself."""
        heard = _words(text)
        if not heard:
            return False
        self._in_a_row = self._in_a_row + 1 if self._are_own(heard) else 0
        if self._in_a_row < IN_A_ROW:
            return False
        self._in_a_row = 0
        self._answers_left = self._next_answers
        self._next_answers = min(2 * self._next_answers, MOST_ANSWERS)
        return True

    def answered(self) -> None:
        """An answer is over."""
        self._answers_left = max(0, self._answers_left - 1)

    def _are_own(self, heard: list[str]) -> bool:
        blocks = SequenceMatcher(None, list(self._said), heard, autojunk=False)
        own = sum(block.size for block in blocks.get_matching_blocks())
        return own >= OWN_SHARE * len(heard)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
