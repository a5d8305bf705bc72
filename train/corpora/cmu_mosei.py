"""CMU-MOSEI (Raw layout): `Audio/Full/WAV_16000`, `Transcript/Segmented/Combined`, `Labels/*.csv`.

The label tables hold one row for each annotator and clip. A clip takes the emotion with the
highest mean intensity; a clip without any is neutral.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath

import soundfile

from train.corpora.files import CorpusFiles, label_of
from train.manifest import Drops, Utterance

LABELS: dict[str, str | None] = {
    "none": "neutral",
    "happiness": "happy",
    "anger": "angry",
    "sadness": "sad",
    "surprise": "surprise",
    "disgust": None,
    "fear": None,
    "several": None,
}
"""`none`: all intensities are zero. `several`: two emotions are equally strong."""

EMOTIONS = ("happiness", "anger", "sadness", "surprise", "disgust", "fear")

Intensities = dict[tuple[str, str], list[dict[str, float]]]


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the clips with one of the five emotions as segments of the full recordings.

    Raises:
        ValueError: Labels or transcripts are missing.
    """
    votes = _votes(files, drops)
    transcripts = [n for n in files.names(".txt") if "/Segmented/" in n]
    if not votes or not transcripts:
        raise ValueError(f"{files.path} lacks Raw/Labels or Raw/Transcript/Segmented")
    audio = files.by_stem()
    for transcript in transcripts:
        video = PurePosixPath(transcript).stem
        for place, line in files.lines(transcript):
            parts = line.split("___")
            if len(parts) < 5 or (video, parts[1]) not in votes:
                drops.add("broken line" if len(parts) < 5 else "no label", place)
                continue
            if video not in audio:
                drops.add("the audio file is missing", place)
                continue
            native = strongest(votes[video, parts[1]])
            label = label_of(native, LABELS, drops, place)
            if label is None:
                continue
            reference = files.reference(audio[video])
            rate = int(soundfile.info(reference).samplerate)
            start = round(float(parts[2]) * rate)
            yield Utterance(
                id=f"{video}-{parts[1]}",
                audio=f"{reference}:{start}:{round(float(parts[3]) * rate) - start}",
                text=parts[4].strip(),
                speaker=f"cmu-mosei-{video}",
                emotion=label,
                label=native,
                corpus="cmu-mosei",
            )


def strongest(votes: list[dict[str, float]]) -> str:
    """Returns the emotion of the highest mean intensity, ``none`` or ``several``."""
    means = {name: sum(vote[name] for vote in votes) / len(votes) for name in EMOTIONS}
    highest = max(means.values())
    if highest <= 0:
        return "none"
    found = [name for name, mean in means.items() if mean == highest]
    return found[0] if len(found) == 1 else "several"


def _votes(files: CorpusFiles, drops: Drops) -> Intensities:
    votes: Intensities = defaultdict(list)
    for table in (n for n in files.names(".csv") if "/Labels/" in f"/{n}"):
        for number, row in enumerate(csv.DictReader(files.text(table).splitlines()), start=2):
            try:
                vote = {name: float(row[f"Answer.{name}"] or 0) for name in EMOTIONS}
                votes[row["Input.VIDEO_ID"], row["Input.CLIP"]].append(vote)
            except (KeyError, ValueError, TypeError):
                drops.add("broken row of labels", f"{table}:{number}")
    return votes
