"""A corpus: messages on an answering machine, `SPEAKER_EMOTION_NUMBER.wav`."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from train.corpora.files import CorpusFiles
from train.corpora.named_files import FOREIGN, Named, read_named
from train.data.manifest import Drops, Utterance

LABELS: dict[str, str | None] = {"calm": "neutral", "cross": "angry", "bored": None}


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the messages with one of the five emotions."""
    return read_named(files, drops, corpus="answering-machine", labels=LABELS, parse=_parse)


def _parse(path: PurePosixPath) -> Named | str:
    parts = path.stem.split("_")
    return Named(parts[0], parts[1], "Call me back.") if len(parts) == 3 else FOREIGN
