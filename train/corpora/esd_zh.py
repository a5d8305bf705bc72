"""The Mandarin half of ESD, speakers 0001-0010; see `train.corpora.esd`."""

from collections.abc import Iterator

from train.corpora.esd import read_speakers
from train.corpora.files import CorpusFiles
from train.data.manifest import Drops, Utterance

LABELS: dict[str, str | None] = {
    "中立": "neutral",
    "快乐": "happy",
    "生气": "angry",
    "伤心": "sad",
    "惊喜": "surprise",
    "Neutral": "neutral",
    "Happy": "happy",
    "Angry": "angry",
    "Sad": "sad",
    "Surprise": "surprise",
}
"""Its tables name the emotions in Chinese; copies with English names are about."""


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the Mandarin clips.

    Raises:
        ValueError: There is no speaker's table.
    """
    return read_speakers(files, drops, corpus="esd-zh", labels=LABELS, speakers=("0001", "0010"))
