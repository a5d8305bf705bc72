"""What an LLM of few parameters wishes or feels behind an answer, for want of more to say.

"Fourteen hours on this ward, and only one banana. I hope you get one soon." "You're eighty-one and
still learning, well done! I'm glad you're home." Such a sentence adds nothing, and is wrong where
the one before it was right; so is "I'm sorry." to somebody who sounds glad. Of 60 answers by mini's
LLM that lost theirs two judges found 26 and 25 to fit, and 17 and 19 with it.
"""

import re
from collections.abc import Iterable, Iterator

from models.emotions import Emotion
from models.replies.asking import SentenceEnd

LEAST_WORDS = 2
"""Of what stands before: behind less, such as "Hello!", the wish is the reply."""
_WISHES = ("i hope", "i'm glad", "i'm so glad", "i am glad", "i am so glad")
_SORRY = ("i'm sorry", "i'm so sorry", "i'm very sorry", "oh, i'm sorry")
_ENDS = ".!…"
_END = re.compile(r"[.!?…][\"'”’)]*(?=\s)")
_ENDED = re.compile(r"[.!?…][\"'”’)]*$")


class WishlessReply:
    """Lets a reply through as it comes, but for wishes behind its first sentence.

    Args:
        felt: In which voice the answered words were said; None where that is not known, and then
            somebody is told "I'm sorry." as the LLM has it.
    """

    def __init__(self, felt: Emotion | None) -> None:
        self.passed = ""
        """What was let through."""
        self._is_told_sorry = felt in (None, Emotion.SAD, Emotion.ANGRY)
        self._held = ""
        self._passes: bool | None = True
        """Whether the sentence that `_held` goes on with passes; None where one begins."""
        self._taken = ""
        """What went before `_held`, passed or left out."""

    def through(self, pieces: Iterable[str]) -> Iterator[str]:
        """Yields a reply as its pieces come; what may become a wish waits for its next words.

        Where it waits a `SentenceEnd` says so once: a voice need not wait.
        """
        is_told = False
        for piece in pieces:
            self._held += piece
            if said := self._advance(whole=False):
                yield said
            is_waiting = bool(self._held.strip())
            if is_waiting and not is_told:
                yield SentenceEnd()
            is_told = is_waiting
        if said := self._advance(whole=True):
            yield said

    def _advance(self, *, whole: bool) -> str:
        """Returns what of `_held` may be said by now."""
        said = ""
        while self._held:
            if self._passes is None or (self._held[0].isspace() and _ENDED.search(self._taken)):
                self._passes = self._judged(whole=whole)
                if self._passes is None:
                    break
            end = _END.search(self._held)
            length = end.end() if end else len(self._held)
            taken, self._held = self._held[:length], self._held[length:]
            self._taken += taken
            if self._passes:
                said += taken
                self.passed += taken
            if end:
                self._passes = None
        return said

    def _judged(self, *, whole: bool) -> bool | None:
        """Returns whether the sentence that begins passes; None: its next words will tell."""
        begun = self._held.strip().lower().replace("’", "'")
        is_quoted = self._taken.count('"') % 2 == 1  # what somebody could say is no wish
        if is_quoted or len(self.passed.split()) < LEAST_WORDS:
            return True
        sorry = () if self._is_told_sorry else _SORRY
        if not whole and any(opening.startswith(begun) for opening in (*_WISHES, *sorry)):
            return None
        for opening in _WISHES:
            if begun.startswith(opening) and not begun[len(opening) :][:1].isalpha():
                return False
        return not any(begun.startswith(f"{opening}{end}") for opening in sorry for end in _ENDS)
