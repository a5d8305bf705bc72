"""TESS (University of Toronto, CC BY-NC-ND 4.0): `OAF_back_angry.wav`; "Say the word back".

Its licence forbids derivatives: a model trained on it must not be passed on.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath

from train.corpora.files import CorpusFiles
from train.corpora.named_files import FOREIGN, Named, read_named
from train.data.manifest import Drops, Utterance

LABELS: dict[str, str | None] = {
    "neutral": "neutral",
    "happy": "happy",
    "angry": "angry",
    "sad": "sad",
    "ps": "surprise",
    "disgust": None,
    "fear": None,
}


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the clips with one of the five emotions."""
    return read_named(files, drops, corpus="tess", labels=LABELS, parse=_parse)


def _parse(path: PurePosixPath) -> Named | str:
    parts = path.stem.split("_")
    if len(parts) != 3 or parts[0] not in ("OAF", "YAF", "OA"):
        return FOREIGN
    speaker = "OAF" if parts[0].startswith("OA") else "YAF"
    return Named(speaker, parts[2].lower(), f"Say the word {parts[1].lower()}.")
