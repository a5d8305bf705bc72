"""IEMOCAP (sail.usc.edu/iemocap): five sessions of acted dialogues; session 5 is the test set."""

import re
from collections.abc import Iterator

from train.corpora.files import CorpusFiles, label_of
from train.data.manifest import Drops, Utterance

LABELS: dict[str, str | None] = {
    "neu": "neutral",
    "hap": "happy",
    "exc": "happy",
    "ang": "angry",
    "sad": "sad",
    "sur": "surprise",
    "fru": None,
    "fea": None,
    "dis": None,
    "oth": None,
    "xxx": None,
}
"""`exc` counts as happy, as usual with this corpus; `xxx`: the annotators did not agree."""

JUDGED = re.compile(r"^\[[\d.]+ - [\d.]+\]\t(\S+)\t(\w+)\t")
SAID = re.compile(r"^(Ses\d\d\w+) \[[^\]]*\]: (.*)$")


def read(files: CorpusFiles, drops: Drops) -> Iterator[Utterance]:
    """Yields the utterances with one of the five emotions.

    Raises:
        ValueError: The evaluations are missing.
    """
    tables = [n for n in files.names(".txt") if "/EmoEvaluation/Ses" in n]
    if not tables:
        raise ValueError(f"{files.path} lacks Session*/dialog/EmoEvaluation: it is incomplete")
    audio = {name.split("/")[-1].rsplit(".", 1)[0]: name for name in files.audio()}
    words = _words(files)
    for table in tables:
        for place, line in files.lines(table):
            match = JUDGED.match(line)
            if match is None:
                continue
            name, native = match.groups()
            if name not in audio:
                drops.add("the audio file is missing", place)
                continue
            label = label_of(native, LABELS, drops, place)
            if label is None:
                continue
            session = name[3:5]
            yield Utterance(
                id=name,
                audio=files.reference(audio[name]),
                text=words.get(name, ""),
                speaker=f"iemocap-{session}{name[-4]}",
                emotion=label,
                label=native,
                corpus="iemocap",
                split="test" if session == "05" else "train",
            )


def _words(files: CorpusFiles) -> dict[str, str]:
    found: dict[str, str] = {}
    for table in (n for n in files.names(".txt") if "/transcriptions/" in n):
        for _, line in files.lines(table):
            match = SAID.match(line)
            if match:
                found[match[1]] = re.sub(r"\[[A-Z]+\]", "", match[2]).strip()
    return found
