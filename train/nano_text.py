"""Text for nano beside its domain: everyday talk to widen it, other sentences to ask back about."""

import csv
import io
import json
import lzma
import re
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

_WORDS = re.compile(r"[a-z']+")
_SPACED = (
    (re.compile(r"\s+([.,!?;:])"), r"\1"),
    (re.compile(r"\s*[’']\s*(s|t|re|ve|ll|d|m)\b"), r"'\1"),
    (re.compile(r"\s+"), " "),
)


def spoken_form(text: str) -> str:
    """Returns the words of `text` as a recogniser writes them: lower case, no punctuation."""
    return " ".join(_WORDS.findall(text.lower().replace("’", "'")))


def everyday_dialogues(data: Path) -> list[tuple[str, ...]]:
    """Returns dialogues of DailyDialog (RECCON), DailyDialog++ and MELD, a turn each.

    Raises:
        ValueError: The archive is not in `data`.
    """
    path = data / "text" / "dialogue.tar.xz"
    if not path.exists():
        raise ValueError(f"{path} does not exist: name the data folder with --data")
    found: list[tuple[str, ...]] = []
    with tarfile.open(path) as archive:
        for member in archive:
            name = member.name
            if name.endswith("original_annotation/dailydialog_train.json"):
                found += _reccon(json.loads(_text(archive, member)))
            elif name.endswith("dailydialogpp/dataset/data_positives.json"):
                found += _plus_plus(_text(archive, member).splitlines())
            elif name.endswith("data/MELD/train_sent_emo.csv"):
                found += _meld(_text(archive, member))
    return [turns for turns in found if len(turns) > 1]


def unrelated_sentences(data: Path) -> list[str]:
    """Returns sentences of news and books (VCTK, LJSpeech), which are no everyday talk."""
    text = data / "text"
    sentences = [
        line.strip().strip('"')
        for line in (text / "vctk-sentences.txt").read_text(encoding="utf-8").splitlines()
    ]
    with lzma.open(text / "ljspeech-sentences.csv.xz", "rt", encoding="utf-8") as lines:
        sentences += [line.rstrip("\n").split("|")[-1] for line in lines]
    return [s for s in sentences if speakable(s, most_words=14)]


def speakable(text: str, *, most_words: int = 16) -> bool:
    """Whether `text` has two to `most_words` plain words and nothing that is read out otherwise."""
    words = text.split()
    return 2 <= len(words) <= most_words and not re.search(r"[^A-Za-z' .,!?;-]", text)


def _text(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    file = cast(io.BufferedReader, archive.extractfile(member))
    return file.read().decode("utf-8", errors="replace")


def _joined(text: str) -> str:
    text = text.replace("’", "'").replace("‘", "'").strip()
    for pattern, replacement in _SPACED:
        text = pattern.sub(replacement, text)
    return text


def _reccon(table: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for parts in table.values():
        yield tuple(_joined(turn["utterance"]) for turn in parts[0])


def _plus_plus(lines: Iterable[str]) -> Iterator[tuple[str, ...]]:
    for line in lines:
        if line.strip():
            record = json.loads(line)
            context = tuple(_joined(turn) for turn in record["context"])
            for answer in record["positive_responses"][:2]:
                yield (*context[-3:], _joined(answer))


def _meld(text: str) -> Iterator[tuple[str, ...]]:
    turns: list[str] = []
    current = ""
    for row in csv.DictReader(io.StringIO(text)):
        if row["Dialogue_ID"] != current and turns:
            yield tuple(turns)
            turns = []
        current = row["Dialogue_ID"]
        turns.append(_joined(row["Utterance"]))
    yield tuple(turns)
