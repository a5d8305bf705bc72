"""CaFE, Canadian French (zenodo.org/records/1478765, CC BY-NC-SA 4.0): `Colère/Fort/01-C-2-1.wav`.

The parts of a name: speaker, emotion by its French initial, intensity (which neutral clips lack),
sentence. The archives come as `CaFE_192k_1.zip` and `CaFE_48k.zip`, in WAV and AIFF.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from train.corpora.files import CorpusFiles
from train.corpora.named_files import FOREIGN, Named, read_named
from train.data.manifest import Drops, Utterance

LABELS: dict[str, str | None] = {
    "N": "neutral",
    "J": "happy",
    "C": "angry",
    "T": "sad",
    "S": "surprise",
    "P": None,
    "D": None,
}
"""Neutre, Joie, Colère, Tristesse, Surprise; Peur and Dégoût are none of the five."""

NAME = re.compile(r"(\d\d)-([CDJNPST])(?:-[12])?-\d")


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the clips with one of the five emotions; the sentences are not part of the names."""
    return read_named(files, drops, corpus="cafe", labels=LABELS, parse=_parse)


def _parse(path: PurePosixPath) -> Named | str:
    match = NAME.fullmatch(path.stem)
    return Named(match[1], match[2]) if match else FOREIGN
