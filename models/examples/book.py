"""The exchanges that fit what was just said, in the voice in which it was said."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.config import ExamplesConfig
from models.emotions import Emotion
from models.examples.answering import answers, is_question, speaks_of_voice
from models.examples.meaning import MeaningIndex, SentenceEncoder
from models.examples.vectors import kept_vectors
from models.examples.written import Example, read_examples

SAME_EMOTION, OTHER_EMOTION = 0.06, -0.06
"""What is added to the likeness of an example whose voice had the emotion that was heard, or
another one. Sayings that mean nearly the same differ by less, and those about something else by
more: the voice decides between like ones."""
ASKING = frozenset("what what's whats who who's where where's when which how why did do".split())
OF_THE_PERSON = frozenset("i i'm my me mine we our us".split())
OF_THE_TALK = frozenset("again earlier remember recall told said mentioned name called".split())
CONSIDERED = 60
"""Of the most similar ones; what comes later has hardly a word in common."""
SAME_SAYING = 0.85
"""Likeness from which on two examples show the same: one of them is enough."""
AMID_A_TALK = 0.08
"""So much more alike a saying must be amid a talk for its reply to be the answer: much that is said
there hangs on what was said before."""
LESS_FOR_THE_SAD = 0.14
"""By so much less alike a sad saying may be whose reply comforts somebody sad: what an LLM of few
parameters says of a loss hurts more than what it says of a cake."""
NEIGHBOURS, NEARER, MOSTLY = 24, 8, 0.5
"""So many of the most similar sayings tell whether one is sad, the nearer the more, by this power
of their likeness; it is where a larger share of them was said in a sad voice."""
BESIDE_THE_BEST = 0.1
"""By so much an answering saying may be less alike than the one that is most so."""
LEAST_WORDS = 3
"""Fewer words say nothing by themselves amid a talk."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a book has for something that was said."""

    shown: Sequence[Example] = ()
    """What the LLM reads before it answers, the most similar one last."""
    answer: str = ""
    """The written reply that is the answer itself; empty where the LLM is to answer."""


class SayingIndex(Protocol):
    """Tells which of the sayings of a book are like one."""

    def scores(self, saying: str) -> NDArray[np.float64]:
        """Returns how alike each of them is, in [0, 1]."""
        ...

    def likeness(self, one: int, other: int) -> float:
        """Returns how alike those at two places are, in [0, 1]."""
        ...


class ExampleBook:
    """Written exchanges, found by what was said.

    Args:
        examples: In an order that decides between those that are equally alike.
        index: Of what was said in them, in the same order.
    """

    def __init__(self, examples: Sequence[Example], index: SayingIndex) -> None:
        self._examples, self._index = tuple(examples), index
        self._lengths = np.array([len(e.said) + len(e.reply) for e in examples])
        self._may_be_shown = np.array([example.is_shown for example in examples], bool)
        voices = [int(e.emotion) if e.emotion is not None else -1 for e in examples]
        self._voices = np.array(voices, np.int8)

    @classmethod
    def read(cls, path: Path, encoder: SentenceEncoder, kept: Path) -> "ExampleBook":
        """Reads the file of a checkpoint.

        Args:
            path: The file.
            encoder: Reads what was said in the examples, and what is said to the model.
            kept: Folder in which what it made of the examples is kept for the next time.

        Raises:
            CheckpointError: The file is damaged.
        """
        examples = read_examples(path)
        vectors = kept_vectors([example.said for example in examples], encoder, kept)
        return cls(examples, MeaningIndex(vectors, encoder))

    def __len__(self) -> int:
        return len(self._examples)

    def find(
        self,
        said: str,
        emotion: Emotion | None,
        config: ExamplesConfig,
        *,
        amid_talk: bool = False,
        used: Collection[str] = (),
    ) -> Found:
        """Returns what there is for a reply.

        Args:
            said: What the person said.
            emotion: In which voice; None where that is not known.
            config: How many at most, and which ones are similar enough.
            amid_talk: Whether something was said before.
            used: Written replies that were given in this talk.
        """
        scores = self._index.scores(said)
        for example in self._answering(said, emotion, config, scores, amid_talk):
            is_other_voice = emotion is None or example.emotion != emotion
            if example.reply in used or (is_other_voice and speaks_of_voice(example.reply)):
                continue
            return Found(answer=example.reply)
        return Found(self._like(emotion, config, scores))

    def like(self, said: str, emotion: Emotion | None, config: ExamplesConfig) -> list[Example]:
        """Returns the examples for a reply alone, the most similar one last; see `find`."""
        return self._like(emotion, config, self._index.scores(said))

    def _answering(
        self,
        said: str,
        emotion: Emotion | None,
        config: ExamplesConfig,
        scores: NDArray[np.float64],
        amid_talk: bool,
    ) -> Iterator[Example]:
        """Yields the examples whose replies answer what was said, the most similar one first."""
        if config.answers_from is None or not config.count:
            return
        if amid_talk and len(said.split()) < LEAST_WORDS:
            return
        least = config.answers_from + (AMID_A_TALK if amid_talk else 0.0)
        # Not what is far less alike than another saying, whose voice or particulars do not suit:
        # "I lost my job" has a better one than "I got my job back".
        least = max(least, float(scores.max(initial=0.0)) - BESIDE_THE_BEST)
        near = scores if emotion is None else scores + SAME_EMOTION * (self._voices == int(emotion))
        order = np.argsort(-near, kind="stable")[:CONSIDERED]
        if self._is_sad(said, emotion, scores):
            for place in order:
                example = self._examples[place]
                is_near = scores[place] >= least - LESS_FOR_THE_SAD
                if is_near and example.emotion == Emotion.SAD and answers(example, said):
                    yield example
        alike = [self._examples[place] for place in order if scores[place] >= least]
        voices = _voices(said, emotion, alike)
        yield from (one for one in alike if one.emotion in voices and answers(one, said))

    def _is_sad(self, said: str, emotion: Emotion | None, scores: NDArray[np.float64]) -> bool:
        """Whether somebody tells of something sad, by the voice or by those who said the like."""
        if is_question(said):
            return False
        if emotion not in (None, Emotion.NEUTRAL):
            return emotion == Emotion.SAD
        near = np.argsort(-scores, kind="stable")[:NEIGHBOURS]
        weights = scores[near] ** NEARER
        sad = float(weights @ (self._voices[near] == int(Emotion.SAD)))
        return sad > MOSTLY * float(weights.sum())

    def _like(
        self, emotion: Emotion | None, config: ExamplesConfig, scores: NDArray[np.float64]
    ) -> list[Example]:
        scores = scores.copy()
        # Before the voice counts: it decides between like sayings, and makes none alike.
        is_shown = (scores >= config.least) & (self._lengths <= config.longest) & self._may_be_shown
        if emotion is not None:
            alike = self._voices == int(emotion)
            scores += np.where(alike, SAME_EMOTION, np.where(self._voices < 0, 0.0, OTHER_EMOTION))
        found: list[int] = []
        # A stable order: the same saying must get the same examples on every machine.
        for place in np.argsort(-np.where(is_shown, scores, -1.0), kind="stable")[:CONSIDERED]:
            if len(found) == config.count or not is_shown[place]:
                break
            if all(self._index.likeness(place, other) < SAME_SAYING for other in found):
                found.append(int(place))
        return [self._examples[place] for place in reversed(found)]


def _voices(said: str, emotion: Emotion | None, alike: Sequence[Example]) -> set[Emotion | None]:
    """Returns the voices of which an example may be whose reply is the answer."""
    if emotion not in (None, Emotion.NEUTRAL):
        # Of one who sounds sad even a birthday is not what it is for others.
        return {None, Emotion.NEUTRAL, emotion} if is_question(said) else {emotion}
    told = {example.emotion for example in alike} - {None, Emotion.NEUTRAL}
    # Typed, or in a voice that tells nothing, words that are said in one voice alone tell of it;
    # what is asked tells nothing.
    is_told = len(told) == 1 and not is_question(said)
    return {None, Emotion.NEUTRAL, *(told if is_told else ())}


def asks_what_was_told(said: str) -> bool:
    """Whether the answer to `said` may lie in what the person told before in the same talk.

    Others told something else, and an example would say so: "What's my name?" would be answered
    with theirs, or with "You haven't told me."
    """
    words = set(said.lower().replace("’", "'").replace("?", " ").split())
    is_question = "?" in said or bool(words & ASKING)
    return (is_question and bool(words & OF_THE_PERSON)) or bool(words & OF_THE_TALK)
