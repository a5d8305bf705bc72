"""An earlier talk that is gone on with: what was said then, as the model and the screen need it."""

from collections.abc import Sequence
from dataclasses import dataclass

from assistant.engines.protocols import Dialogue
from assistant.history import Turn

MOST_WORDS = 400
"""Words of both sides that the model is told. They are computed before the first answer: on two
cores so many take `mini` about as long as its greeting is worth waiting for."""
MOST_TURNS = 24
"""Turns that it is told, and that are shown."""
NOT_ANSWERED = "…"
"""Stands for an answer of which nothing was heard: a dialogue takes questions with answers only."""

Past = tuple[tuple[str, str], ...]
"""What the person said and what they heard in answer, in its order."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A talk that is gone on with."""

    record: str
    """Its id among the recorded talks; empty where it was not recorded."""
    started_utc: str
    """When it began, ISO 8601; empty where that is not known."""
    turns: tuple[Turn, ...]
    """The newest of it, and of those that it went on from itself."""

    @property
    def past(self) -> Past:
        """What the model is told: of the newest turns as many as fit."""
        said = [(_words(turn), turn.heard or turn.generated.strip()) for turn in self.turns]
        return newest(tuple((words, answer) for words, answer in said if words))


def newest(past: Past, most_words: int = MOST_WORDS) -> Past:
    """Returns the newest turns of `past` that have together at most so many words."""
    kept: list[tuple[str, str]] = []
    words = 0
    for said, answer in reversed(past[-MOST_TURNS:]):
        words += len(said.split()) + len(answer.split())
        if kept and words > most_words:
            break
        kept.append((said, answer or NOT_ANSWERED))
    return tuple(reversed(kept))


def tell(dialogue: Dialogue, past: Sequence[tuple[str, str]]) -> None:
    """Tells a dialogue that has just begun what was said before; runs on the model's worker.

    A model that computes what it reads with its next answer only does it now: the person would
    have to wait for it otherwise.
    """
    for said, answer in past:
        dialogue.read(said)
        dialogue.replace_reply(answer)
    compute = getattr(dialogue, "compute", None)
    if past and compute is not None:
        compute()


def _words(turn: Turn) -> str:
    return "" if turn.transcript is None else turn.transcript.text.strip()
