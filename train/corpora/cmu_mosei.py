"""CMU-MOSEI (Raw layout): `Audio/Full/WAV_16000`, `Transcript/Segmented/Combined`, `Labels/*.csv`.

The label tables hold one row for each annotator and clip, with `Input.VIDEO_ID`, `Input.CLIP` and
`Answer.<emotion>` from 0 to 3. A line of a transcript is `video___clip___start___end___words`, in
seconds of the full recording `video.wav`. A clip takes the emotion with the highest mean intensity;
a clip without any is neutral.

Several public programs that read the raw data confirm folders, columns, transcripts and that
the recordings are named after the video (s3prl fetches it as CMU_MOSEI.zip with one folder `Raw`).
The archive itself was not seen. Assumed: a clip without a row of labels is of no use (dropped and
counted). The official split, a list of videos in the CMU-MultimodalSDK, is not applied: hold
speakers back with `--test-speakers`.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from train.corpora.files import CorpusFiles, label_of
from train.data.manifest import Drops, Utterance

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

Intensities = dict[tuple[str, int], list[dict[str, float]]]


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the clips with one of the five emotions as segments of the full recordings.

    Raises:
        ValueError: Labels or transcripts are missing.
    """
    votes = _votes(files, drops)
    transcripts = [n for n in files.names(".txt") if "/Segmented/" in f"/{n}"]
    if not votes or not transcripts:
        raise ValueError(f"{files.path} lacks Raw/Labels or Raw/Transcript/Segmented")
    audio = files.by_stem()
    rates: dict[str, int | None] = {}
    for transcript in transcripts:
        video = PurePosixPath(transcript).stem
        for place, line in files.lines(transcript):
            segment = _segment(line)
            if segment is None or (video, segment.clip) not in votes:
                drops.add("broken line" if segment is None else "no label", place)
                continue
            if video not in audio:
                drops.add("the audio file is missing", place)
                continue
            native = strongest(votes[video, segment.clip])
            label = label_of(native, LABELS, drops, place)
            if label is None:
                continue
            reference = files.reference(audio[video])
            if video not in rates:
                rates[video] = files.rate(audio[video])
            rate = rates[video]
            if rate is None:
                drops.add("the recording cannot be read: it must not lie in a shard", place)
                continue
            start = round(segment.start_s * rate)
            yield Utterance(
                id=f"{video}-{segment.clip}",
                audio=f"{reference}:{start}:{round(segment.end_s * rate) - start}",
                text=segment.words,
                speaker=f"cmu-mosei-{video}",
                emotion=label,
                label=native,
                corpus="cmu-mosei",
            )


class _Segment(NamedTuple):
    clip: int
    start_s: float
    end_s: float
    words: str


def _segment(line: str) -> _Segment | None:
    """Returns a line of a transcript; None where it is broken."""
    parts = line.split("___", maxsplit=4)
    try:
        return _Segment(int(parts[1]), float(parts[2]), float(parts[3]), parts[4].strip())
    except (IndexError, ValueError):
        return None


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
        for place, row in files.rows(table):
            try:
                vote = {name: float(row[f"Answer.{name}"] or 0) for name in EMOTIONS}
                votes[row["Input.VIDEO_ID"].strip(), int(row["Input.CLIP"])].append(vote)
            except (KeyError, ValueError, TypeError):
                drops.add("broken row of labels", place)
    return votes
