"""CREMA-D (github.com/CheyneyComputerScience/CREMA-D, ODbL): `1001_DFA_ANG_XX.wav`."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from train.corpora.files import CorpusFiles
from train.corpora.named_files import FOREIGN, Named, read_named
from train.data.manifest import Drops, Utterance

LABELS: dict[str, str | None] = {
    "NEU": "neutral",
    "HAP": "happy",
    "ANG": "angry",
    "SAD": "sad",
    "DIS": None,
    "FEA": None,
}
"""The corpus has no surprise."""

SENTENCES = {
    "IEO": "It's eleven o'clock.",
    "TIE": "That is exactly what happened.",
    "IOM": "I'm on my way to the meeting.",
    "IWW": "I wonder what this is about.",
    "TAI": "The airplane is almost full.",
    "MTI": "Maybe tomorrow it will be cold.",
    "IWL": "I would like a new alarm clock.",
    "ITH": "I think I have a doctor's appointment.",
    "DFA": "Don't forget a jacket.",
    "ITS": "I think I've seen this before.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the clips with one of the five emotions."""
    return read_named(files, drops, corpus="crema-d", labels=LABELS, parse=_parse)


def _parse(path: PurePosixPath) -> Named | str:
    parts = path.stem.split("_")
    if len(parts) != 4 or parts[1] not in SENTENCES:
        return FOREIGN
    return Named(parts[0], parts[2], SENTENCES[parts[1]])
