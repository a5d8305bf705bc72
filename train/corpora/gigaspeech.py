"""GigaSpeech (github.com/SpeechColab/GigaSpeech): `GigaSpeech.json` and long audio files.

Utterances are segments `file:start:frames` of the long files. Punctuation comes as tags.
"""

import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, Literal

from train.corpora.files import CorpusFiles
from train.data.manifest import Drops, Utterance

PUNCTUATION = {
    " <COMMA>": ",",
    " <PERIOD>": ".",
    " <QUESTIONMARK>": "?",
    " <EXCLAMATIONPOINT>": "!",
}
NO_SPEECH = ("<SIL>", "<MUSIC>", "<NOISE>", "<OTHER>")


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the segments of all audio files.

    Raises:
        ValueError: `GigaSpeech.json` is missing or damaged.
    """
    index = files.find("GigaSpeech.json")
    try:
        content: dict[str, Any] = json.loads(files.text(index))
    except json.JSONDecodeError as error:
        raise ValueError(f"{index} is broken JSON: {error}") from error
    known = {PurePosixPath(name).name: name for name in files.audio()}
    for entry in content["audios"]:
        name = known.get(PurePosixPath(entry["path"]).name)
        if name is None:
            drops.add("the audio file is missing", entry["path"])
            continue
        reference = files.reference(name)
        if "#" in reference or reference.rsplit(":", 2)[-1].isdigit():
            drops.add("segments of audio inside a shard: unpack the long files", name)
            continue
        rate = files.rate(name)
        if rate is None:
            drops.add("the audio cannot be read", name)
            continue
        for segment in entry["segments"]:
            yield from _segment(segment, entry, reference, rate, drops)


def _segment(
    segment: dict[str, Any], entry: dict[str, Any], reference: str, rate: int, drops: Drops
) -> Iterator[Utterance]:
    words = str(segment["text_tts"])
    if words in NO_SPEECH:
        drops.add("no speech", segment["sid"])
        return
    for tag, mark in PUNCTUATION.items():
        words = words.replace(tag, mark)
    start = round(segment["begin_time"] * rate)
    frames = round(segment["end_time"] * rate) - start
    yield Utterance(
        id=segment["sid"],
        audio=f"{reference}:{start}:{frames}",
        text=words.lower(),
        speaker=f"gigaspeech-{entry['aid']}",
        corpus="gigaspeech",
        split=_split(segment.get("subsets") or entry.get("subsets") or []),
    )


def _split(subsets: list[str]) -> Literal["train", "dev", "test"]:
    names = " ".join(subsets).upper()
    return "dev" if "DEV" in names else "test" if "TEST" in names else "train"
