"""Manifests: one utterance a line in JSONL, validated; what is dropped is counted by reason."""

import json
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from models.emotions import EMOTION_LABELS
from train.data.audio_files import audio_duration_s

logger = logging.getLogger(__name__)

LONGEST_S = 30.0
SHORTEST_S = 0.1
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""First bytes of a file that an editor saved as UTF-16."""
SHOWN_DROPS = 5
"""Dropped lines that are named for each reason; all are counted."""


class Utterance(BaseModel):
    """One utterance of one person; a line of a manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1)
    audio: str = Field(min_length=1)
    """Reference as in `train.data.audio_files`, relative to the manifest's folder."""
    text: str = ""
    heard: str = ""
    """What a decoder makes of it; written by `hear`. Three dots: nothing was understood."""
    speaker: str = ""
    emotion: str | None = None
    """One of the five labels; None where it is not known."""
    label: str = ""
    """What the corpus itself calls it."""
    votes: tuple[str, ...] = ()
    """What single annotators called it, where the corpus says so; in its own words."""
    corpus: str = ""
    split: Literal["train", "dev", "test"] = "train"
    duration_s: float = Field(default=0.0, ge=0)
    """0: not measured yet."""
    history: tuple[tuple[str, str], ...] = ()
    """Earlier turns of the talk: what the person said and what was answered."""
    history_audio: tuple[str, ...] = ()
    """References of the person's earlier turns; empty, or one for each turn ("" where none)."""
    continuation: str = ""
    """What the LLM is to say; written by `continue`."""
    ended: bool = True
    """False: the continuation was cut off and must not teach the end of a reply."""

    @field_validator("emotion")
    @classmethod
    def _known_emotion(cls, value: str | None) -> str | None:
        if value is not None and value not in EMOTION_LABELS:
            raise ValueError(f"unknown emotion {value!r}: use one of {', '.join(EMOTION_LABELS)}")
        return value

    @field_validator("history_audio")
    @classmethod
    def _as_many_turns(cls, value: tuple[str, ...], info: object) -> tuple[str, ...]:
        turns = getattr(info, "data", {}).get("history", ())
        if value and len(value) != len(turns):
            raise ValueError(f"{len(value)} history_audio for {len(turns)} turns of history")
        return value


@dataclass
class Drops:
    """What was left out, by reason."""

    counts: Counter[str] = field(default_factory=Counter[str])
    shown: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def add(self, reason: str, where: str) -> None:
        """Counts one item that was left out, with where it stood."""
        self.counts[reason] += 1
        places = self.shown.setdefault(reason, [])
        if len(places) < SHOWN_DROPS:
            places.append(where)

    def lines(self) -> list[str]:
        """Returns one line for each reason, with the first places."""
        return [
            f"{count} dropped: {reason} ({'; '.join(self.shown[reason])}"
            + (" …)" if count > SHOWN_DROPS else ")")
            for reason, count in self.counts.most_common()
        ]


@dataclass(frozen=True)
class Manifest:
    """The valid utterances of a manifest file, and what was dropped."""

    path: Path
    utterances: tuple[Utterance, ...]
    drops: Drops

    @property
    def root(self) -> Path:
        """The folder that audio references are relative to."""
        return self.path.parent


def read_manifest(
    path: Path, *, check_audio: bool = True, longest_s: float = LONGEST_S
) -> Manifest:
    """Returns the valid lines of a manifest; the rest is counted by reason and logged.

    Args:
        path: A JSONL file.
        check_audio: Open the header of every file: missing files, files that are not audio and
            wrong durations are found before hours are spent.
        longest_s: Longer utterances are dropped.

    Raises:
        ValueError: There is no such file, or no line is valid.
    """
    if not path.is_file():
        raise ValueError(f"there is no manifest {path}: write one with `python -m train prepare`")
    drops = Drops()
    kept: dict[str, Utterance] = {}
    with path.open("rb") as file:
        if file.read(2) in UTF_16:
            raise ValueError(f"{path} is UTF-16: iconv -f UTF-16 -t UTF-8 {path} > NEW.jsonl")
        file.seek(0)
        for number, raw in enumerate(file, start=1):
            if not raw.strip():
                continue
            try:
                utterance = parse_line(raw)
                if utterance.id in kept:
                    raise ValueError("id stands twice")
                kept[utterance.id] = checked(
                    utterance, path.parent, check_audio=check_audio, longest_s=longest_s
                )
            except ValueError as error:
                drops.add(reason_of(error), f"line {number}")
    for line in drops.lines():
        logger.warning("%s: %s", path, line)
    if not kept:
        raise ValueError(f"{path} holds no valid utterance: {'; '.join(drops.lines()) or 'empty'}")
    return Manifest(path, tuple(kept.values()), drops)


def parse_line(raw: bytes) -> Utterance:
    """Returns the utterance in one line of a manifest.

    Raises:
        ValueError: It is not UTF-8, not JSON, or not an utterance.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("not UTF-8: save the manifest as UTF-8") from None
    try:
        content = json.loads(text)
    except json.JSONDecodeError:
        raise ValueError("broken JSON") from None
    try:
        if not isinstance(content, dict):
            raise ValueError("not a JSON object")
        return Utterance.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"{place or 'line'}: {message}") from None


def checked(
    utterance: Utterance, root: Path, *, check_audio: bool = True, longest_s: float = LONGEST_S
) -> Utterance:
    """Returns the utterance with its duration measured.

    Raises:
        ValueError: The audio cannot be read, is too short or too long, or lasts otherwise than
            the manifest says.
    """
    if check_audio:
        duration_s = audio_duration_s(utterance.audio, root)
        if utterance.duration_s and abs(duration_s - utterance.duration_s) > 0.5:
            raise ValueError("the audio does not last as long as the manifest says")
        utterance = utterance.model_copy(update={"duration_s": round(duration_s, 3)})
    if utterance.duration_s > longest_s:
        raise ValueError(f"longer than {longest_s:g} s")
    if (check_audio or utterance.duration_s) and utterance.duration_s < SHORTEST_S:
        raise ValueError(f"shorter than {SHORTEST_S:g} s")
    return utterance


def write_manifest(path: Path, utterances: Iterable[Utterance]) -> int:
    """Writes a manifest so that a kill leaves the old one or the new one; returns its lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    count = 0
    with part.open("w", encoding="utf-8") as file:
        for utterance in utterances:
            file.write(to_line(utterance))
            count += 1
    part.replace(path)
    return count


def to_line(utterance: Utterance) -> str:
    """Returns an utterance as a line of a manifest, without what is at its default."""
    return utterance.model_dump_json(exclude_defaults=True) + "\n"


def split_by_speaker(
    utterances: Sequence[Utterance], share: float, *, seed: int = 1
) -> tuple[list[Utterance], list[Utterance]]:
    """Returns (training, validation) without a common speaker.

    Speakers are taken in an order drawn from `seed` until `share` of the utterances is reached.

    Raises:
        ValueError: There are fewer than two speakers, or some have no name.
    """
    counts = Counter(utterance.speaker for utterance in utterances)
    if "" in counts or len(counts) < 2:
        raise ValueError(
            "a speaker-disjoint validation set needs utterances of two or more named speakers: "
            "name them in the manifest, or give a validation manifest (--valid FILE.jsonl); where "
            "all is of one speaker, leave the name out and hold some utterances back for --valid"
        )

    def drawn(speaker: str) -> bytes:
        return blake2b(f"{seed}/{speaker}".encode(), digest_size=8).digest()

    held: set[str] = set()
    taken = 0
    for speaker in sorted(counts, key=drawn)[:-1]:
        if taken >= share * len(utterances):
            break
        held.add(speaker)
        taken += counts[speaker]
    training = [u for u in utterances if u.speaker not in held]
    return training, [u for u in utterances if u.speaker in held]


def reason_of(error: ValueError) -> str:
    """Returns the message without the name of the file: equal reasons are counted together."""
    message = str(error)
    if message.startswith("there is no file"):
        return "the audio file is missing"
    for ending in ("lies beyond the file's end", "is not audio that can be read", "is empty"):
        if ending in message:
            return f"the audio {ending}"
    return message
