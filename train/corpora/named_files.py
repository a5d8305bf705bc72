"""Corpora whose file names say everything share this loop; their readers bring the tables."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from train.corpora.files import VIDEO, CorpusFiles, label_of
from train.manifest import Drops, Utterance


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
    parse: Callable[[PurePosixPath], Named | None],
) -> Iterator[Utterance]:
    """Yields an utterance for each audio file whose name can be parsed.

    Args:
        files: The corpus.
        drops: Receives names that say nothing and emotions outside the five.
        corpus: Its name.
        labels: Its table of labels.
        parse: Name → what it says; None where it is no recording of the corpus.
    """
    seen: set[str] = set()
    for name in files.audio():
        path = PurePosixPath(name)
        said = parse(path)
        if said is None:
            drops.add("the file name is not of this corpus", name)
            continue
        label = label_of(said.native, labels, drops, name)
        if label is None:
            continue
        identity = path.stem if path.stem not in seen else f"{path.parent.name}-{path.stem}"
        if identity in seen:
            drops.add("the file stands twice", name)
            continue
        seen.add(identity)
        yield Utterance(
            id=identity,
            audio=files.reference(name),
            text=said.text,
            speaker=f"{corpus}-{said.speaker}",
            emotion=label,
            label=said.native,
            corpus=corpus,
        )
    for name in files.names(*VIDEO):
        if PurePosixPath(name).stem not in seen:
            drops.add("needs conversion: ffmpeg -i FILE -ac 1 -ar 16000 FILE.wav", name)
