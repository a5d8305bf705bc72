"""MELD (affective-meld.github.io, GPL-3.0): three CSV tables; audio as `dia0_utt0.wav` or FLAC.

The clips come as MP4. Extract their sound first, beside them:
``ffmpeg -i dia0_utt0.mp4 -ac 1 -ar 16000 dia0_utt0.wav``.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Literal

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
    """Yields the utterances with one of the five emotions.

    Raises:
        ValueError: A table is missing.
    """
    videos = {PurePosixPath(name).stem for name in files.names(*VIDEO)}
    for split, (file, folder) in FOLDERS.items():
        table = files.find(file)
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
            native = row["Emotion"].strip().lower()
            label = label_of(native, LABELS, drops, place)
            if label is not None:
                yield Utterance(
                    id=f"{split}-{name}",
                    audio=files.reference(audio[name]),
                    text=row["Utterance"].strip(),
                    speaker=f"meld-{row['Speaker'].strip()}",
                    emotion=label,
                    label=native,
                    corpus="meld",
                    split=split,
                )


def _folders(name: str) -> str:
    return "/".join(name.split("/")[:-1]).lower()
