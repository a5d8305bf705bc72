"""RESD, acted Russian dialogues (hub: Aniemore/resd, MIT): `train.csv`, `test.csv` and their sound.

The tables hold `name`, `path` and `emotion`, in the annotated edition `text`, too. The sound lies
where `path` says, or anywhere under the same file name. Speakers are not named.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Literal

from train.corpora.files import CorpusFiles, label_of
from train.data.manifest import Drops, Utterance

LABELS: dict[str, str | None] = {
    "neutral": "neutral",
    "happiness": "happy",
    "anger": "angry",
    "sadness": "sad",
    "enthusiasm": None,
    "fear": None,
    "disgust": None,
}
SPLITS: tuple[Literal["train", "test"], ...] = ("train", "test")


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the clips with one of the five emotions.

    Raises:
        ValueError: There is no table.
    """
    tables = {PurePosixPath(name).stem: name for name in files.names(".csv")}
    if not any(tables.get(split) for split in SPLITS):
        raise ValueError(f"{files.path} lacks test.csv and train.csv: it is incomplete")
    audio = files.by_stem()
    for split in SPLITS:
        table = tables.get(split)
        for place, row in files.rows(table, "path", "emotion") if table else ():
            stem = PurePosixPath(row["path"]).stem
            if stem not in audio:
                drops.add("the audio file is missing", place)
                continue
            label = label_of(row["emotion"].strip(), LABELS, drops, place)
            if label is not None:
                yield Utterance(
                    id=stem,
                    audio=files.reference(audio[stem]),
                    text=row.get("text", ""),
                    speaker=f"resd-{stem}",
                    emotion=label,
                    label=row["emotion"].strip(),
                    corpus="resd",
                    split=split,
                )
