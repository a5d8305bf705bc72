"""The file of written exchanges that a checkpoint may bring."""

import lzma
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from models.emotions import Emotion, emotion_from_label
from models.weights import CheckpointError

EXAMPLES = "examples.tsv.xz"
"""Its name in the folder of a checkpoint. A line holds emotion, what was said, and the reply; a
fourth cell, `ANSWERS`, stands behind those that are not shown."""
ANSWERS = "answers"


@dataclass(frozen=True, slots=True)
class Example:
    """What somebody said, and a good answer to it that needs nothing said before."""

    said: str
    reply: str
    emotion: Emotion | None = None
    """Of the voice; None where it told nothing."""
    is_shown: bool = True
    """Whether an LLM that is to answer something like it may be shown it; else its reply is only
    an answer itself."""


def read_examples(path: Path) -> tuple[Example, ...]:
    """Returns the exchanges in `path`.

    Raises:
        CheckpointError: It is damaged; the message names the line.
    """
    try:
        lines = lzma.decompress(path.read_bytes()).decode("utf-8").splitlines()
    except (OSError, lzma.LZMAError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged: {error}; copy the checkpoint again") from error
    return tuple(_example(line, f"{path}, line {n}") for n, line in enumerate(lines, start=1))


def write_examples(path: Path, examples: Iterable[Example]) -> None:
    """Writes `examples`; the same ones give the same bytes."""
    lines = ["\t".join(_cells(example)) + "\n" for example in examples]
    path.write_bytes(lzma.compress("".join(lines).encode(), preset=9 | lzma.PRESET_EXTREME))


def _cells(example: Example) -> list[str]:
    ending = [] if example.is_shown else [ANSWERS]
    return [_voice(example), example.said, example.reply, *ending]


def _voice(example: Example) -> str:
    return "" if example.emotion is None else example.emotion.label


def _example(line: str, where: str) -> Example:
    cells = line.split("\t")
    is_shown = len(cells) == 3
    if not (is_shown or cells[3:] == [ANSWERS]) or not cells[1] or not cells[2]:
        raise CheckpointError(f"{where} is no exchange: copy the checkpoint again")
    try:
        emotion = emotion_from_label(cells[0]) if cells[0] else None
    except ValueError as error:
        raise CheckpointError(f"{where}: {error}; copy the checkpoint again") from error
    return Example(cells[1], cells[2], emotion, is_shown)
