"""MSP-Podcast (UT Dallas): `Labels/labels_consensus.csv`, `Audios/`, `Transcripts/`."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Literal

from train.corpora.files import CorpusFiles, label_of
from train.data.manifest import Drops, Utterance

LABELS: dict[str, str | None] = {
    "N": "neutral",
    "H": "happy",
    "A": "angry",
    "S": "sad",
    "U": "surprise",
    "F": None,
    "D": None,
    "C": None,
    "O": None,
    "X": None,
}
"""Fear, disgust, contempt, other, and no agreement are left out."""

SPLITS: dict[str, Literal["train", "dev", "test"]] = {
    "Train": "train",
    "Development": "dev",
    "Validation": "dev",
    "Test1": "test",
}
"""Releases up to 1.8 say Validation. Test2 has other channels and Test3 no public labels: both are
left out."""


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the utterances of Train, Development and Test1.

    Raises:
        ValueError: The table of consensus labels is missing.
    """
    table = _table(files)
    audio = files.by_stem()
    words = {PurePosixPath(n).stem: n for n in files.names(".txt") if "ranscripts/" in n}
    for place, row in files.rows(table, "FileName", "EmoClass", "Split_Set"):
        name = row["FileName"].rsplit(".", 1)[0]
        if row["Split_Set"] not in SPLITS:
            drops.add(f"split {row['Split_Set']}", place)
            continue
        if name not in audio:
            drops.add("the audio file is missing", place)
            continue
        label = label_of(row["EmoClass"], LABELS, drops, place)
        if label is None:
            continue
        speaker = row.get("SpkrID", "")
        known = speaker and speaker != "Unknown"
        yield Utterance(
            id=name,
            audio=files.reference(audio[name]),
            text=files.text(words[name]).strip() if name in words else "",
            speaker=f"msp-podcast-{speaker if known else name}",
            emotion=label,
            label=row["EmoClass"],
            corpus="msp-podcast",
            split=SPLITS[row["Split_Set"]],
        )


def _table(files: CorpusFiles) -> str:
    """Returns the table of consensus labels; releases up to 1.8 spell it with a c."""
    try:
        return files.find("labels_concensus.csv")
    except ValueError:
        return files.find("labels_consensus.csv")
