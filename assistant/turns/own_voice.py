"""Whether those who interrupt the assistant only say what it has just said: then it hears itself.

An echo canceller can lose its echo: a sound server that was held up plays and records out of step
for minutes, or seconds late. The assistant would answer its own words, hear that answer, and so on.
Its words give it away where its sound does not.
"""

import re
from difflib import SequenceMatcher

OWN_SHARE, LATE_SHARE, LATE_WORDS = 0.7, 0.9, 2
"""Share of the words of a turn that must stand in the same order in what was said: remains of an
echo are misheard here and there. An echo that comes when the answer is over is whole; there must be
so many words of it."""
IN_A_ROW, LATE_IN_A_ROW = 2, 4
"""Turns in a row that are its own words: over its own voice, which people hardly ever do twice; and
after it, where they may be asked to repeat what it says."""
REMEMBERED_CHARACTERS = 500
FIRST_ANSWERS, MOST_ANSWERS = 3, 48
"""Answers in which nobody is listened to, first and at most; twice as many each time."""

_WORD = re.compile(r"[a-z0-9']+")


class OwnVoice:
    """Follows one conversation."""

    def __init__(self) -> None:
        self._said = ""
        self._in_a_row = 0
        self._answers_left = 0
        self._next_answers = FIRST_ANSWERS

    @property
    def is_heard(self) -> bool:
        """Whether the assistant hears itself, so that it should not listen while it speaks."""
        return self._answers_left > 0

    def says(self, text: str) -> None:
        """Takes the next piece of what the assistant says, cut anywhere."""
        self._said = (self._said + text)[-REMEMBERED_CHARACTERS:]

    def hears(self, text: str, *, over_answer: bool) -> bool:
        """Takes the words of a turn; returns whether it is the assistant's own voice.

        Args:
            text: What was understood.
            over_answer: Whether the turn began while the assistant spoke.
        """
        heard = _words(text)
        if not heard:
            return False
        self._in_a_row = self._in_a_row + 1 if self._are_own(heard, over_answer) else 0
        if self._in_a_row and self.is_heard:
            return True
        if self._in_a_row < (IN_A_ROW if over_answer else LATE_IN_A_ROW):
            return False
        self._in_a_row = 0
        self._answers_left = self._next_answers
        self._next_answers = min(2 * self._next_answers, MOST_ANSWERS)
        return True

    def answered(self) -> None:
        """An answer was heard to its end."""
        self._answers_left = max(0, self._answers_left - 1)

    def _are_own(self, heard: list[str], over_answer: bool) -> bool:
        if not over_answer and len(heard) < LATE_WORDS:
            return False
        blocks = SequenceMatcher(None, _words(self._said), heard, autojunk=False)
        own = sum(block.size for block in blocks.get_matching_blocks())
        return own >= (OWN_SHARE if over_answer else LATE_SHARE) * len(heard)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
