"""A feeling that was heard in a voice is said as what was heard, not as what is.

An LLM that is told in words how somebody sounds says it back as a fact: "There's a meeting at nine,
and you're angry." Who is not feels accused, and who is did not say so. "You sound angry" is what is
known.
"""

import re
from collections.abc import Iterable, Iterator

from models.emotions import Emotion

_MOODS = "|".join(one.adjective for one in Emotion if one is not Emotion.NEUTRAL)
# Where a clause begins: "if you're happy" and "I'm glad you're happy" claim nothing.
_CLAIM = re.compile(
    rf"(?:^|[.!?…]\s+|,\s+(?:(?:and|so|but)\s+)?)(you)((?:['’]re|\s+are)(?=\s+(?:{_MOODS})\b))",
    re.IGNORECASE,
)
_MAY_BECOME_ONE = re.compile(
    r"\by(?:o(?:u(?:['’](?:r(?:e(?:\s+\w*)?)?)?|\s+(?:a(?:r(?:e(?:\s+\w*)?)?)?)?)?)?)?$",
    re.IGNORECASE,
)


class SoundingReply:
    """Lets a reply through as it comes, with "you sound" for "you're" before a feeling."""

    def __init__(self) -> None:
        self.passed = ""
        """What was let through."""
        self.is_changed = False
        """Whether it differs from what the LLM said."""
        self._held = ""

    def through(self, pieces: Iterable[str]) -> Iterator[str]:
        """Yields a reply as its pieces come; what may become a claim waits for its next word."""
        for piece in pieces:
            self._held += piece
            begun = _MAY_BECOME_ONE.search(self._held)
            if said := self._pass(begun.start() if begun else len(self._held)):
                yield said
        if rest := self._pass(len(self._held)):
            yield rest

    def _pass(self, length: int) -> str:
        """Lets so much of what is held through; returns how it is said."""
        # With what passed before it, which says where a clause begins.
        whole = self.passed + self._held[:length]
        said = _CLAIM.sub(self._heard, whole)[len(self.passed) :]
        self.passed, self._held = self.passed + said, self._held[length:]
        return said

    def _heard(self, claim: re.Match[str]) -> str:
        self.is_changed = True
        return claim[0].removesuffix(claim[2]) + " sound"
