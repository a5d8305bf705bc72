"""MEAD (wywu.github.io/projects/MEAD): `M003/audio/angry/level_1/001.m4a`, converted to WAV.

libsndfile reads no M4A: convert the files first, in place.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath

from train.corpora.files import CorpusFiles, label_of
from train.data.manifest import Drops, Utterance

LABELS: dict[str, str | None] = {
    "neutral": "neutral",
    "happy": "happy",
    "angry": "angry",
    "sad": "sad",
    "surprised": "surprise",
    "contempt": None,
    "disgusted": None,
    "fear": None,
}


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the clips with one of the five emotions; the corpus brings no words."""
    audio = files.audio()
    converted = set(audio)
    for name in files.names(".m4a"):
        if name.rsplit(".", 1)[0] + ".wav" not in converted:
            drops.add("needs conversion: ffmpeg -i FILE.m4a -ac 1 -ar 16000 FILE.wav", name)
    for name in audio:
        parts = PurePosixPath(name).parts
        if len(parts) < 5 or parts[-4] != "audio":
            drops.add("the path is not of this corpus", name)
            continue
        speaker, native, level = parts[-5], parts[-3], parts[-2]
        label = label_of(native, LABELS, drops, name)
        if label is not None:
            yield Utterance(
                id=f"{speaker}-{native}-{level}-{PurePosixPath(name).stem}",
                audio=files.reference(name),
                speaker=f"mead-{speaker}",
                emotion=label,
                label=native,
                corpus="mead",
            )
