"""Common Voice (commonvoice.mozilla.org, CC0): `train.tsv`, `dev.tsv`, `test.tsv` and `clips/`."""

import csv
from collections.abc import Iterator
from typing import Literal

from train.corpora.files import CorpusFiles
from train.manifest import Drops, Utterance

SPLITS: dict[str, Literal["train", "dev", "test"]] = {
    "train.tsv": "train",
    "dev.tsv": "dev",
    "test.tsv": "test",
}


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the utterances of the three splits.

    Raises:
        ValueError: `train.tsv` is missing, or it lacks a column.
    """
    files.find("train.tsv")
    audio = files.by_stem()
    for file, split in SPLITS.items():
        for table in (name for name in files.names() if name.split("/")[-1] == file):
            rows = csv.DictReader(
                files.text(table).splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE
            )
            for number, row in enumerate(rows, start=2):
                if row.get("path") is None or row.get("sentence") is None:
                    raise ValueError(f"{table}:{number} lacks a column: path, sentence, client_id")
                stem = row["path"].rsplit(".", 1)[0]
                if stem not in audio:
                    drops.add("the audio file is missing", f"{table}:{number}")
                    continue
                yield Utterance(
                    id=stem,
                    audio=files.reference(audio[stem]),
                    text=row["sentence"].strip(),
                    speaker=f"common-voice-{(row.get('client_id') or '')[:16]}",
                    corpus="common-voice",
                    split=split,
                )
