"""MSP-Podcast (UT Dallas): `Labels/labels_consensus.csv`, `Audios/`, `Transcripts/`.

Where `Labels/labels_detailed.csv` is there, `votes` holds what each annotator chose, as an initial.
It comes with a column `EmoClass_Major`, or with one `EmoDetail` that begins `WORKER0001; Sad; …`.
"""

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

VOTES = {
    "neutral": "N",
    "happy": "H",
    "angry": "A",
    "sad": "S",
    "surprise": "U",
    "fear": "F",
    "disgust": "D",
    "contempt": "C",
}
"""Words of the annotators; all others are `O`, other."""

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
    votes = _votes(files, drops)
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
            votes=tuple(votes.get(name, ())),
            corpus="msp-podcast",
            split=SPLITS[row["Split_Set"]],
        )


def _table(files: CorpusFiles) -> str:
    """Returns the table of consensus labels; releases up to 1.8 spell it with a c."""
    try:
        return files.find("labels_concensus.csv")
    except ValueError:
        return files.find("labels_consensus.csv")


def _votes(files: CorpusFiles, drops: Drops) -> dict[str, list[str]]:
    """Returns the initials that the annotators of each clip chose; empty without their table."""
    found: dict[str, list[str]] = {}
    for table in (n for n in files.names("labels_detailed.csv")):
        for place, row in files.rows(table, "FileName"):
            chosen = row.get("EmoClass_Major", "")
            parts = row.get("EmoDetail", "").split(";")
            if not chosen and len(parts) > 1:
                chosen = parts[1]
            if not chosen.strip():
                drops.add("broken row of an annotator", place)
                continue
            word = chosen.strip().lower()
            vote = word.upper() if word.upper() in LABELS else VOTES.get(word, "O")
            found.setdefault(row["FileName"].rsplit(".", 1)[0], []).append(vote)
    return found
