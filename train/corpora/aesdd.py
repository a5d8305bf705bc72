"""AESDD, acted Greek (Aristotle University of Thessaloniki): `anger/a01 (1).wav`.

The folder names the emotion and the name its initial, then the sentence and, in brackets, the
speaker. There is no neutral and no surprised speech in it.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from train.corpora.files import CorpusFiles
from train.corpora.named_files import FOREIGN, Named, read_named
from train.data.manifest import Drops, Utterance

LABELS: dict[str, str | None] = {
    "h": "happy",
    "a": "angry",
    "s": "sad",
    "f": None,
    "d": None,
}
NAME = re.compile(r"([adfhs])\d+ ?\((\d+)\)b?")
FOLDERS = {"a": "anger", "d": "disgust", "f": "fear", "h": "happiness", "s": "sadness"}


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the happy, angry and sad clips; the sentences are not part of the names."""
    return read_named(files, drops, corpus="aesdd", labels=LABELS, parse=_parse)


def _parse(path: PurePosixPath) -> Named | str:
    match = NAME.fullmatch(path.stem)
    if match is None:
        return FOREIGN
    if path.parent.name.lower() != FOLDERS[match[1]]:
        return "the folder names another emotion than the file"
    return Named(match[2], match[1])
