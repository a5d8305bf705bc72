"""TED-LIUM (openslr.org/51, CC BY-NC-ND 3.0) and alike: `*.stm` beside long audio files.

A line of an STM file: file, channel, speaker, start, end, <labels>, words.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Literal

from train.corpora.files import CorpusFiles
from train.data.manifest import Drops, Utterance

IGNORED = "ignore_time_segment_in_scoring"


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the segments of all talks.

    Raises:
        ValueError: There is no STM file.
    """
    tables = files.names(".stm")
    if not tables:
        raise ValueError(f"{files.path} holds no *.stm file: it is no TED-LIUM-style corpus")
    audio = files.by_stem()
    rates: dict[str, int | None] = {}
    for table in tables:
        for place, line in files.lines(table):
            if line.startswith(";;"):
                continue
            parts = line.split(maxsplit=6)
            words = parts[6] if len(parts) == 7 else ""
            if not words or words == IGNORED:
                drops.add("no words", place)
                continue
            name = audio.get(parts[0])
            if name is None:
                drops.add("the audio file is missing", place)
                continue
            reference = files.reference(name)
            if "#" in reference or reference.rsplit(":", 2)[-1].isdigit():
                drops.add("segments of audio inside a shard: unpack the long files", place)
                continue
            if name not in rates:
                rates[name] = files.rate(name)
            rate, times = rates[name], _times(parts[3], parts[4])
            if rate is None or times is None:
                drops.add("the audio cannot be read" if rate is None else "broken line", place)
                continue
            start = round(times[0] * rate)
            frames = round(times[1] * rate) - start
            yield Utterance(
                id=f"{parts[0]}-{start}",
                audio=f"{reference}:{start}:{frames}",
                text=_plain(words),
                speaker=f"tedlium-{parts[2]}",
                corpus="tedlium",
                split=_split(f"{files.path.name}/{table}"),
            )


def _times(start: str, end: str) -> tuple[float, float] | None:
    """Returns the times of a segment in seconds; None where the line is broken."""
    try:
        times = float(start), float(end)
    except ValueError:
        return None
    return times if 0 <= times[0] < times[1] else None


def _plain(words: str) -> str:
    """Words without fillers' tags; TED-LIUM splits contractions (``it 's``)."""
    kept = (word for word in words.split() if not word.startswith("<"))
    return " ".join(kept).replace(" '", "'").lower()


def _split(table: str) -> Literal["train", "dev", "test"]:
    parts = PurePosixPath(table).parts
    return "dev" if "dev" in parts else "test" if "test" in parts else "train"
