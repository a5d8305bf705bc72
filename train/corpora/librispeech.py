"""LibriSpeech (openslr.org/12, CC BY 4.0): `SUBSET/SPEAKER/CHAPTER/*.trans.txt` beside FLAC."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Literal

from train.corpora.files import CorpusFiles
from train.data.manifest import Drops, Utterance


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the utterances of all subsets; the words in lower case."""
    audio = files.by_stem()
    known: set[str] = set()
    for transcript in files.names(".trans.txt"):
        for place, line in files.lines(transcript):
            name, _, words = line.partition(" ")
            known.add(name)
            if name not in audio:
                drops.add("the audio file is missing", place)
                continue
            yield Utterance(
                id=name,
                audio=files.reference(audio[name]),
                text=words.strip().lower(),
                speaker=f"librispeech-{name.split('-')[0]}",
                corpus="librispeech",
                split=_split(f"{files.path.name}/{transcript}"),
            )
    for name in sorted(audio.keys() - known):
        drops.add("the transcript is missing", audio[name])


def _split(path: str) -> Literal["train", "dev", "test"]:
    for part in PurePosixPath(path).parts:
        if part.startswith("dev-"):
            return "dev"
        if part.startswith("test-"):
            return "test"
    return "train"
