"""speechocean762 (openslr.org/101, free use): Kaldi folders `train`, `test`, audio by speaker."""

from collections.abc import Iterator
from typing import Literal

from train.corpora.files import CorpusFiles
from train.data.manifest import Drops, Utterance


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the utterances of both splits; the words in lower case."""
    audio = files.by_stem()
    known: set[str] = set()
    splits: tuple[Literal["train", "test"], ...] = ("train", "test")
    for split in splits:
        transcript = files.find(f"{split}/text")
        for place, line in files.lines(transcript):
            parts = line.split(maxsplit=1)
            known.add(parts[0])
            if len(parts) < 2 or parts[0] not in audio:
                drops.add("no words" if len(parts) < 2 else "the audio file is missing", place)
                continue
            speaker = audio[parts[0]].split("/")[-2].removeprefix("SPEAKER")
            yield Utterance(
                id=parts[0],
                audio=files.reference(audio[parts[0]]),
                text=parts[1].strip().lower(),
                speaker=f"speechocean762-{speaker}",
                corpus="speechocean762",
                split=split,
            )
    for name in sorted(audio.keys() - known):
        drops.add("the transcript is missing", audio[name])
