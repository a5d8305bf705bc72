"""Spoken questions: sets that are a folder of sound with a `metadata.jsonl` beside it.

That is how the hub's `datasets` writes a set with sound to a folder: each line has `file_name`, and
here the words (`prompt`, `instruction`, `text` or `transcript`), where there is one the expected
answer (`reference`, `answer` or `output`) and the voice's `emotion` and `speaker`. Each folder with
such a table is a subset of its name.
"""

import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, Literal

from models.emotions import EMOTION_LABELS
from train.corpora.files import CorpusFiles, label_of
from train.data.manifest import Drops, Utterance

TABLE = "metadata.jsonl"
WORDS = ("prompt", "instruction", "text", "transcript")
ANSWERS = ("reference", "answer", "output")
LABELS: dict[str, str | None] = {
    **{label: label for label in EMOTION_LABELS},
    "joy": "happy",
    "happiness": "happy",
    "anger": "angry",
    "sadness": "sad",
    "surprised": "surprise",
    "fear": None,
    "disgust": None,
}
"""The five by their own names, and the noun or adjective that others use."""


def read_questions(files: CorpusFiles, drops: Drops, corpus: str) -> Iterator[Utterance]:
    """Yields a test utterance for each line; its continuation is the expected answer.

    Raises:
        ValueError: There is no table.
    """
    tables = [n for n in files.names(".jsonl") if PurePosixPath(n).name == TABLE]
    if not tables:
        raise ValueError(f"{files.path} lacks {TABLE}: save each subset as a folder with one")
    names = set(files.audio())
    for table in tables:
        folder = PurePosixPath(table).parent
        for place, line in files.lines(table):
            try:
                row: dict[str, Any] = json.loads(line)
                name = (folder / str(row["file_name"])).as_posix()
            except (json.JSONDecodeError, KeyError, TypeError):
                drops.add("broken line", place)
                continue
            if name not in names:
                drops.add("the audio file is missing", place)
                continue
            yield from _question(row, files.reference(name), corpus, folder.name, drops, place)


def _question(
    row: dict[str, Any], audio: str, corpus: str, subset: str, drops: Drops, place: str
) -> Iterator[Utterance]:
    stem = PurePosixPath(str(row["file_name"])).stem
    native = str(row.get("emotion") or "").strip().lower()
    label = label_of(native, LABELS, drops, place) if native else None
    if native and label is None:
        return
    split: Literal["test"] = "test"
    yield Utterance(
        id=f"{subset}-{stem}",
        audio=audio,
        text=_first(row, WORDS),
        speaker=f"{corpus}-{row.get('speaker') or stem}",
        emotion=label,
        label=native or subset,
        corpus=corpus,
        split=split,
        continuation=_first(row, ANSWERS),
    )


def _first(row: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((str(row[name]).strip() for name in names if row.get(name)), "")
