"""SAVEE (University of Surrey): `DC/a01.wav`, or `DC_a01.wav` in one folder; four speakers."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from train.corpora.files import CorpusFiles
from train.corpora.named_files import FOREIGN, Named, read_named
from train.data.manifest import Drops, Utterance

LABELS: dict[str, str | None] = {
    "n": "neutral",
    "h": "happy",
    "a": "angry",
    "sa": "sad",
    "su": "surprise",
    "d": None,
    "f": None,
}
SPEAKERS = ("DC", "JE", "JK", "KL")
NAME = re.compile(r"(?:(DC|JE|JK|KL)_)?(sa|su|[adfhn])(\d\d)")


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the clips with one of the five emotions; the sentences are not part of the names."""
    return read_named(files, drops, corpus="savee", labels=LABELS, parse=_parse)


def _parse(path: PurePosixPath) -> Named | str:
    match = NAME.fullmatch(path.stem)
    if match is None:
        return FOREIGN
    speaker = match[1] or path.parent.name
    return Named(speaker, match[2]) if speaker in SPEAKERS else FOREIGN
