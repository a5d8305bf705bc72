"""The command `examples`: written talks → the exchanges that a checkpoint shows its LLM."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from pydantic import Field

from models.checkpoints.checkpoint import read_config
from models.config import ExamplesConfig
from models.examples.written import EXAMPLES, Example, write_examples
from models.weights import read_json, write_json
from train.language.material import read_talks
from train.settings import Frozen

logger = logging.getLogger(__name__)


class ExamplesSettings(Frozen):
    """Puts written exchanges into a checkpoint, which its talks then show the LLM.

    Of each talk the first exchange is taken, since it needs nothing that was said before.
    """

    model: Path = Path()
    """Folder of the checkpoint; its config.json and examples.tsv.xz are written."""
    material: tuple[Path, ...] = (
        Path("train/recipes/talks/plain"),
        Path("train/recipes/talks/rich"),
        Path("train/recipes/mini/talks/wide"),
        Path("train/recipes/mini/talks/plain"),
    )
    """Folders or files of written talks. Of two that are equally alike, the earlier is shown."""
    answering: tuple[Path, ...] = ()
    """The same, whose replies are only answers themselves: an LLM of few parameters that is shown
    replies full of insight imitates them without it."""
    count: int = Field(default=4, ge=0, le=8)
    """Most of them that a reply is made with."""
    longest: int = Field(default=120, ge=20)
    """Characters of one, both sides together."""
    longest_answer: int = Field(default=190, ge=20)
    """The same of one of `answering`."""
    least: float = Field(default=0.4, ge=0, le=1)
    """How alike what was said in one must be, as the cosine of the vectors of the two."""
    answers_from: float | None = Field(default=None, ge=0, le=1)
    """How alike it must be for its reply to be the answer itself; empty: the LLM always answers."""
    sentences: str = "minilm"
    """Sentence encoder of the catalogue that finds them."""


def write_example_file(settings: ExamplesSettings) -> None:
    """Writes the file and says how many it holds.

    Raises:
        ValueError: There is no material.
        CheckpointError: `model` is no checkpoint of ours.
    """
    path = settings.model / "config.json"
    read_config(settings.model)
    examples = list(first_exchanges(settings.material, settings.longest))
    known = {(one.said.casefold(), one.reply.casefold()) for one in examples}
    if settings.answering:
        # In front: of two that are equally alike, the earlier answers.
        examples[:0] = [
            replace(one, is_shown=False)
            for one in first_exchanges(settings.answering, settings.longest_answer)
            if (one.said.casefold(), one.reply.casefold()) not in known
        ]
    write_examples(settings.model / EXAMPLES, examples)
    mapping = read_json(path)
    chosen = ExamplesConfig(settings.count, settings.longest, settings.least, settings.answers_from)
    mapping["examples"] = asdict(chosen)
    mapping["parts"] = (mapping.get("parts") or {}) | {"sentences": settings.sentences}
    write_json(path, mapping)
    size = (settings.model / EXAMPLES).stat().st_size
    logger.info("%d exchanges, %.1f MB in %s", len(examples), size / 1e6, settings.model)


def first_exchanges(material: Sequence[Path], longest: int) -> Iterator[Example]:
    """Yields the first exchange of each talk, each once, where it has `longest` characters at most.

    Raises:
        ValueError: There is no material.
    """
    seen: set[tuple[str, str]] = set()
    for source in material:
        for talk in read_talks([source]):
            first = talk.exchanges[0]
            key = (first.said.casefold(), first.reply.casefold())
            if len(first.said) + len(first.reply) <= longest and key not in seen:
                seen.add(key)
                yield Example(first.said, first.reply, first.emotion)
