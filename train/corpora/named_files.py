"""Corpora whose file names say everything share this loop; their readers bring the tables."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from train.corpora.files import VIDEO, CorpusFiles, label_of
from train.data.manifest import Drops, Utterance

FOREIGN = "the file name is not of this corpus"


@dataclass(frozen=True, slots=True)
class Named:
    """What a file name says."""

    speaker: str
    native: str
    """The corpus's own label."""
    text: str = ""


def read_named(
    files: CorpusFiles,
    drops: Drops,
    *,
    corpus: str,
    labels: dict[str, str | None],
    parse: Callable[[PurePosixPath], Named | str],
) -> Iterator[Utterance]:
    """Yields an utterance for each audio file whose name can be parsed.

    A recording that stands twice counts once, as WAV where it is MP3, too: CREMA-D comes as both,
    and some copies of RAVDESS and TESS hold everything again in a second folder.

    Args:
        files: The corpus.
        drops: Receives names that say nothing and emotions outside the five.
        corpus: Its name.
        labels: Its table of labels.
        parse: Name → what it says, or why the recording is none of those that are read.
    """
    seen: set[tuple[str, str]] = set()
    stems: set[str] = set()
    for name in sorted(files.audio(), key=lambda name: name.lower().endswith(".mp3")):
        path = PurePosixPath(name)
        said = parse(path)
        if isinstance(said, str):
            drops.add(said, name)
            continue
        if (said.speaker, path.stem) in seen:
            drops.add("the recording stands twice", name)
            continue
        seen.add((said.speaker, path.stem))
        label = label_of(said.native, labels, drops, name)
        if label is None:
            continue
        identity = path.stem if path.stem not in stems else f"{said.speaker}-{path.stem}"
        stems.add(path.stem)
        yield Utterance(
            id=identity,
            audio=files.reference(name),
            text=said.text,
            speaker=f"{corpus}-{said.speaker}",
            emotion=label,
            label=said.native,
            corpus=corpus,
        )
    known = {stem for _, stem in seen}
    for name in files.names(*VIDEO):
        if PurePosixPath(name).stem not in known:
            drops.add("needs conversion: ffmpeg -i FILE -ac 1 -ar 16000 FILE.wav", name)
