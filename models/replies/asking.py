"""The question that an LLM of few parameters puts behind a statement for want of a better one.

"A swift's nest, that's a surprise! What's the swift's name?" Whatever word stood last is asked
about, and who hears it feels that nobody listened. Other questions ("Did it rain?", "How long did
you wait?", "What's the matter?") are seldom so and stay. Of 60 answers to what strangers said, 20
ended so.
"""

import re
from collections.abc import Iterable, Iterator

LEAST_WORDS = 3
"""Of what stands before: behind less, such as "Hello!", the question is the reply."""
_LEADS, _VERBS = ("", "and ", "so ", "but "), ("'s", "’s", " is", " was", " are", " were")
_OPENINGS = tuple(f"{lead}what{verb}" for lead in _LEADS for verb in _VERBS)
_FOR_A_THING = re.compile(
    rf"(?:{'|'.join(_OPENINGS)})\b"
    r"(?! (?:the matter|the trouble|wrong|happened|happening|going on|bothering|worrying|troubling"
    r"|hurting|on your mind|it like)\b)",
    re.IGNORECASE,
)
_ENDED = re.compile(r"[.!?…][\"'”’)]*$")
_NEXT = re.compile(r"[.!?…][\"'”’)]*(?=\s)")


class SentenceEnd(str):
    """An empty piece of a reply: a sentence ends here, and what comes next takes a while."""

    __slots__ = ()


class AskedOn:
    """Lets the text of a reply through as it comes, but for such a question at its end."""

    def __init__(self) -> None:
        self.passed = ""
        """What was let through."""
        self.is_over = False
        """Whether the reply ends here: what was held back is such a question."""
        self._held = ""

    def through(self, pieces: Iterable[str]) -> Iterator[str]:
        """Yields what of a reply may be said, as its `pieces` come.

        Where what comes next may be left out, a `SentenceEnd` says so once: a voice need not wait.
        """
        is_told = False
        for piece in pieces:
            if isinstance(piece, SentenceEnd):
                if not self._held.strip():
                    yield piece
                continue
            if said := self.push(piece):
                yield said
            if self.is_over:
                return
            if self.is_holding and not is_told:
                yield SentenceEnd()
            is_told = self.is_holding
        if rest := self.finish():
            yield rest

    def push(self, text: str) -> str:
        """Takes the next piece of text; returns what may be said of it now."""
        self._held += text
        said = ""
        while self._held and not self.is_over:
            if self._may_be_one():
                if not (end := _NEXT.search(self._held)):
                    break
                if self._held[end.start()] == "?":
                    self.is_over = True
                    break
            said += self._pass_sentence()
        return said

    @property
    def is_holding(self) -> bool:
        """Whether what comes may be such a question: what passed is whole sentences."""
        return bool(self._held.strip()) and not self.is_over and self._may_be_one()

    def finish(self) -> str:
        """Returns what was held back and is no such question; nothing comes after it."""
        if self._may_be_one(whole=True) and self._held.rstrip().endswith("?"):
            self.is_over = True
        return "" if self.is_over else self._pass_sentence(whole=True)

    def _pass_sentence(self, *, whole: bool = False) -> str:
        """Lets what is held through, as far as a sentence ends: what follows is looked at anew."""
        end = None if whole else _NEXT.search(self._held)
        length = end.end() if end else len(self._held)
        text, self._held = self._held[:length], self._held[length:]
        self.passed += text
        return text

    def _may_be_one(self, *, whole: bool = False) -> bool:
        if not _ENDED.search(self.passed) or len(self.passed.split()) < LEAST_WORDS:
            return False
        begun = self._held.lstrip().lower()
        if _FOR_A_THING.match(begun):
            return True
        return not whole and any(opening.startswith(begun) for opening in _OPENINGS)
