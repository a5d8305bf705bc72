"""The exchanges that fit what was just said, in the voice in which it was said."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.config import ExamplesConfig
from models.emotions import Emotion
from models.examples.search import SayingIndex, likeness, words_of
from models.examples.written import Example, read_examples

SAME_EMOTION, OTHER_EMOTION = 1.5, 0.6
"""What an example counts whose voice had the emotion that was heard, or another one."""
ASKING = frozenset("what what's whats who who's where where's when which how why did do".split())
OF_THE_PERSON = frozenset("i i'm my me mine we our us".split())
OF_THE_TALK = frozenset("again earlier remember recall told said mentioned name called".split())
CONSIDERED = 60
"""Of the most similar ones; what comes later has hardly a word in common."""
SAME_SAYING = 0.75
"""Likeness from which on two examples show the same: one of them is enough."""


class ExampleBook:
    """Written exchanges, found by what was said.

    Args:
        examples: In an order that decides between those that are equally alike.
    """

    def __init__(self, examples: Sequence[Example]) -> None:
        self._examples = tuple(examples)
        self._index = SayingIndex([example.said for example in examples])
        self._lengths = np.array([len(e.said) + len(e.reply) for e in examples])
        voices = [int(e.emotion) if e.emotion is not None else -1 for e in examples]
        self._voices = np.array(voices, np.int8)

    @classmethod
    def read(cls, path: Path) -> "ExampleBook":
        """Reads the file of a checkpoint.

        Raises:
            CheckpointError: It is damaged.
        """
        return cls(read_examples(path))

    def __len__(self) -> int:
        return len(self._examples)

    def like(self, said: str, emotion: Emotion | None, config: ExamplesConfig) -> list[Example]:
        """Returns the examples for a reply, the most similar one last.

        Args:
            said: What the person said.
            emotion: In which voice; None where that is not known.
            config: How many at most, and which ones are similar enough.
        """
        scores = self._index.scores(said)
        # Before the voice counts: it decides between like words, and makes none alike.
        scores[(scores < config.least) | (self._lengths > config.longest)] = 0.0
        if emotion is not None:
            alike = self._voices == int(emotion)
            scores *= np.where(alike, SAME_EMOTION, np.where(self._voices < 0, 1.0, OTHER_EMOTION))
        found: list[Example] = []
        # A stable order: the same saying must get the same examples on every machine.
        for place in np.argsort(-scores, kind="stable")[:CONSIDERED]:
            example = self._examples[place]
            if len(found) == config.count or scores[place] <= 0.0:
                break
            if all(_differ(example, other) for other in found):
                found.append(example)
        return found[::-1]


def asks_what_was_told(said: str) -> bool:
    """Whether the answer to `said` may lie in what the person told before in the same talk.

    Others told something else, and an example would say so: "What's my name?" would be answered
    with theirs, or with "You haven't told me."
    """
    words = set(said.lower().replace("’", "'").replace("?", " ").split())
    is_question = "?" in said or bool(words & ASKING)
    return (is_question and bool(words & OF_THE_PERSON)) or bool(words & OF_THE_TALK)


def _differ(one: Example, other: Example) -> bool:
    return likeness(words_of(one.said), words_of(other.said)) < SAME_SAYING
