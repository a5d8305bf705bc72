"""Common Voice (commonvoice.mozilla.org, CC0): `train.tsv`, `dev.tsv`, `test.tsv` and `clips/`."""

from collections.abc import Iterator
from typing import Literal

from train.corpora.files import CorpusFiles
from train.data.manifest import Drops, Utterance

SPLITS: dict[str, Literal["train", "dev", "test"]] = {
    "train.tsv": "train",
    "dev.tsv": "dev",
    "test.tsv": "test",
}

COLUMNS = ("client_id", "path", "sentence")


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the utterances of the three splits.

    Raises:
        ValueError: `train.tsv` is missing, or it lacks a column.
    """
    files.find("train.tsv")
    audio = files.by_stem()
    for file, split in SPLITS.items():
        for table in (name for name in files.names() if name.split("/")[-1] == file):
            rows = files.rows(table, *COLUMNS, delimiter="\t", quoted=False)
            for place, row in rows:
                if not row["path"] or not row["sentence"].strip():
                    drops.add("broken line", place)
                    continue
                stem = row["path"].rsplit(".", 1)[0]
                if stem not in audio:
                    drops.add("the audio file is missing", place)
                    continue
                yield Utterance(
                    id=stem,
                    audio=files.reference(audio[stem]),
                    text=row["sentence"].strip(),
                    speaker=f"common-voice-{row['client_id'][:16]}",
                    corpus="common-voice",
                    split=split,
                )
