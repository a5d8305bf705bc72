"""The claim that nothing was heard, with which an LLM now and then begins an answer.

Told in words how somebody sounds ("Give it back! (in an angry mood)"), an LLM that was taught to
write takes the voice for a thing it cannot know: "I'm sorry, I didn't hear that." It heard every
word: of 80 such answers by mini's LLM 5 were so, and of a hundred to typed words one.
"""

from collections.abc import Iterable, Iterator
from itertools import product

_LEADS = ("", "oh, ", "sorry, ", "i'm sorry, ", "i am sorry, ", "i'm sorry. ", "i'm afraid ")
_LINKS = ("", "but ")
_CLAIMS = (
    *("i can't hear", "i cannot hear", "i can not hear", "i couldn't hear", "i could not hear"),
    *("i didn't hear", "i did not hear", "i don't hear", "i didn't catch", "i did not catch"),
    *("i didn't get that", "i did not get that"),
    *(
        "i didn't quite catch",
        "i'm not able to hear",
        "i am not able to hear",
        "i'm unable to hear",
    ),
)
_OPENINGS = tuple("".join(parts) for parts in product(_LEADS, _LINKS, _CLAIMS))


class DeafReply:
    """Lets a reply through, but holds its beginning back while that may be the claim."""

    def __init__(self) -> None:
        self.is_deaf = False
        """Whether the reply claims it: nothing of it was let through."""

    def through(self, pieces: Iterable[str]) -> Iterator[str]:
        """Yields a reply as its pieces come; it ends where the claim is made."""
        held = ""
        is_open = True
        for piece in pieces:
            if not is_open:
                yield piece
                continue
            held += piece
            begun = " ".join(held.lower().replace("’", "'").split())
            if begun.startswith(_OPENINGS):
                self.is_deaf = True
                return
            if not any(opening.startswith(begun) for opening in _OPENINGS):
                is_open = False
                yield held
        if is_open and held:
            yield held
