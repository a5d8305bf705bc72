"""MELD (affective-meld.github.io, GPL-3.0): three CSV tables; audio as `dia0_utt0.wav` or FLAC.

The clips come as MP4. Extract their sound first, beside them:
``ffmpeg -i dia0_utt0.mp4 -ac 1 -ar 16000 dia0_utt0.wav``.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from train.corpora.files import VIDEO, CorpusFiles, label_of
from train.data.manifest import Drops, Utterance

LABELS: dict[str, str | None] = {
    "neutral": "neutral",
    "joy": "happy",
    "anger": "angry",
    "sadness": "sad",
    "surprise": "surprise",
    "disgust": None,
    "fear": None,
}

COLUMNS = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID")

FOLDERS: dict[Literal["train", "dev", "test"], tuple[str, str]] = {
    "train": ("train_sent_emo.csv", "train"),
    "dev": ("dev_sent_emo.csv", "dev"),
    "test": ("test_sent_emo.csv", "test"),
}
"""Table of each split, and what the folder of its clips holds in its name."""


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the utterances with one of the five emotions; a missing table is counted.

    Raises:
        ValueError: All tables are missing.
    """
    for clip in _clips(files, drops):
        label = label_of(clip.native, LABELS, drops, clip.place)
        if label is not None:
            yield Utterance(
                id=f"{clip.split}-{clip.name}",
                audio=files.reference(clip.audio),
                text=clip.words,
                speaker=f"meld-{clip.speaker}",
                emotion=label,
                label=clip.native,
                corpus="meld",
                split=clip.split,
            )


def count_labels(path: Path, split: str) -> Counter[str]:
    """Returns how many utterances of a split carry each label, those outside the five, too.

    Raises:
        ValueError: There is no such corpus.
    """
    clips = _clips(CorpusFiles(path), Drops())
    return Counter(clip.native for clip in clips if split in ("", clip.split))


class _Clip(NamedTuple):
    split: Literal["train", "dev", "test"]
    name: str
    audio: str
    words: str
    speaker: str
    native: str
    place: str


def _clips(files: CorpusFiles, drops: Drops) -> Iterator[_Clip]:
    videos = {PurePosixPath(name).stem for name in files.names(*VIDEO)}
    tables = {s: _table(files, file) for s, (file, _) in FOLDERS.items()}
    if not any(tables.values()):
        raise ValueError(f"{files.path} lacks test_sent_emo.csv and the other tables")
    for split, (file, folder) in FOLDERS.items():
        table = tables[split]
        if not table:
            drops.add(f"the table {file} is missing", str(files.path))
            continue
        audio = {
            PurePosixPath(name).stem.removeprefix("final_videos_test"): name
            for name in files.audio()
            if folder in _folders(name) or (split == "test" and "output_repeated" in name)
        }
        for place, row in files.rows(table, *COLUMNS):
            name = f"dia{row['Dialogue_ID']}_utt{row['Utterance_ID']}"
            if name not in audio:
                video = "only video: extract its sound with ffmpeg"
                drops.add(video if name in videos else "the audio file is missing", place)
                continue
            words, speaker = row["Utterance"].strip(), row["Speaker"].strip()
            native = row["Emotion"].strip().lower()
            yield _Clip(split, name, audio[name], words, speaker, native, place)


def _table(files: CorpusFiles, file: str) -> str:
    """Returns the name of a table; empty where there is none."""
    try:
        return files.find(file)
    except ValueError:
        return ""


def _folders(name: str) -> str:
    return "/".join(name.split("/")[:-1]).lower()
