"""The written exchanges of a checkpoint: those its LLM is shown, and those that answer for it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.config import ExamplesConfig
from models.emotions import Emotion
from models.examples.meaning import MeaningIndex, SentenceEncoder
from models.examples.replying import WrittenReplies
from models.examples.sayings import SayingIndex, WrittenSayings
from models.examples.showing import Showing
from models.examples.vectors import kept_vectors
from models.examples.written import Example, read_examples


@dataclass(frozen=True, slots=True)
class Fitting:
    """What a book has for something that was said."""

    shown: Sequence[Example] = ()
    """What the LLM reads before it answers, the most similar one last."""
    answer: str = ""
    """The written reply that is the answer itself; empty where the LLM is to answer."""


class ExampleBook:
    """Written exchanges, found by what is said.

    Args:
        examples: In an order that decides between those that are equally alike.
        index: Of what was said in them, in the same order.
    """

    def __init__(self, examples: Sequence[Example], index: SayingIndex) -> None:
        self._sayings = WrittenSayings(examples, index)
        self._showing, self._replies = Showing(self._sayings), WrittenReplies(self._sayings)

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
        return len(self._sayings.examples)

    def find(
        self,
        said: str,
        emotion: Emotion | None,
        config: ExamplesConfig,
        *,
        amid_talk: bool = False,
        used: Collection[str] = (),
    ) -> Fitting:
        """Returns what there is for a reply.

        Args:
            said: What the person said.
            emotion: In which voice; None where that is not known.
            config: How many at most, and which ones are similar enough.
            amid_talk: Whether something was said before.
            used: Written replies that were given in this talk.
        """
        now = self._sayings.compared(said, emotion)
        answer = self._replies.answer(now, config, amid_talk=amid_talk, used=used)
        if answer:
            return Fitting(answer=answer)
        return Fitting(self._showing.like(now, config))

    def like(self, said: str, emotion: Emotion | None, config: ExamplesConfig) -> list[Example]:
        """Returns what is shown for a reply, the most similar one last; see `find`."""
        return self._showing.like(self._sayings.compared(said, emotion), config)
