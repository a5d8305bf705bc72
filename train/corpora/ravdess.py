"""RAVDESS (zenodo.org/records/1188976, CC BY-NC-SA 4.0): `Actor_01/03-01-05-02-01-01-01.wav`.

The parts of a name: modality, channel, emotion, intensity, statement, repetition, actor. Calm
counts as neutral; fearful and disgust are left out.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath

from train.corpora.files import CorpusFiles
from train.corpora.named_files import FOREIGN, Named, read_named
from train.data.manifest import Drops, Utterance

LABELS: dict[str, str | None] = {
    "01": "neutral",
    "02": "neutral",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": None,
    "07": None,
    "08": "surprise",
}
STATEMENTS = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the spoken clips with one of the five emotions; sung ones are left out."""
    return read_named(files, drops, corpus="ravdess", labels=LABELS, parse=_parse)


def _parse(path: PurePosixPath) -> Named | str:
    parts = path.stem.split("-")
    if len(parts) != 7 or parts[4] not in STATEMENTS:
        return FOREIGN
    if parts[1] != "01":
        return "song"
    return Named(parts[6], parts[2], STATEMENTS[parts[4]])
