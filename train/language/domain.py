"""The domain of everyday talk: what people say, what is answered, and how it is split."""

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from models.emotions import Emotion, emotion_from_label

DOMAIN_FOLDER = Path(__file__).parents[1] / "recipes" / "mini" / "domain"

HELD_OUT_INTENTS = frozenset({"wedding", "injury", "missed_train", "noisy_neighbours", "film"})
"""Never trained on: what people say about these is judged as a whole."""

TEST_SHARE = 10
"""One wording in so many is held out."""

Split = Literal["train", "wording", "intent"]
"""`train`; `wording`: a held-out wording of a trained intent; `intent`: a held-out intent."""

_SLOT = re.compile(r"\{(\w+)\}")
_WORDS = re.compile(r"[a-z']+")


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What a person may say next, and the answers to it."""

    person: tuple[str, ...]
    replies: Mapping[Emotion, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Intent:
    """One thing that people talk about, as templates with slots in braces."""

    name: str
    theme: str
    utterances: tuple[str, ...]
    replies: Mapping[Emotion, tuple[str, ...]]
    slots: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    follow_ups: tuple[FollowUp, ...] = ()

    def split(self, utterance: str) -> Split:
        """Returns where the wording `utterance` (a template) belongs."""
        if self.name in HELD_OUT_INTENTS:
            return "intent"
        return "wording" if _hash(f"{self.name}/{utterance}") % TEST_SHARE == 0 else "train"


@dataclass(frozen=True, slots=True)
class DomainDialogue:
    """A talk of several exchanges: what the person says and what is answered."""

    name: str
    emotions: tuple[Emotion, ...]
    """Of the person, one for each exchange."""
    turns: tuple[tuple[str, str], ...]
    cut: int | None = None
    """The exchange whose answer was interrupted after a few words."""


@dataclass(frozen=True, slots=True)
class Domain:
    """Everything in the domain folder."""

    intents: tuple[Intent, ...]
    dialogues: tuple[DomainDialogue, ...]
    questions: tuple[str, ...]
    """Warm questions back, for speech that was not understood."""


def read_domain(folder: Path = DOMAIN_FOLDER) -> Domain:
    """Returns the domain in `folder`.

    Raises:
        ValueError: A file is no valid TOML or lacks a part; the message names file and key.
    """
    questions = _read(folder / "not_understood.toml").get("questions", [])
    if not questions:
        raise ValueError(f"{folder / 'not_understood.toml'} has no questions")
    return Domain(
        tuple(_intent(path) for path in sorted((folder / "intents").glob("*.toml"))),
        tuple(d for p in sorted((folder / "dialogues").glob("*.toml")) for d in _dialogues(p)),
        tuple(questions),
    )


def fill(template: str, values: Mapping[str, str]) -> str:
    """Returns `template` with `values` in its slots, its first letter a capital.

    Raises:
        ValueError: A slot has no value.
    """
    missing = slots_of(template) - values.keys()
    if missing:
        raise ValueError(f"no value for {sorted(missing)} in {template!r}")
    text = _SLOT.sub(lambda match: values[match[1]], template)
    return text[:1].upper() + text[1:]


def slots_of(template: str) -> set[str]:
    """Returns the names of the slots in `template`."""
    return set(_SLOT.findall(template))


def spoken_form(text: str) -> str:
    """Returns the words of `text` as a recogniser writes them: lower case, no punctuation."""
    return " ".join(_WORDS.findall(text.lower().replace("’", "'")))


def draw_values(intent: Intent, template: str, generator: np.random.Generator) -> dict[str, str]:
    """Returns one value for each slot of `template`."""
    return {
        name: intent.slots[name][int(generator.integers(len(intent.slots[name])))]
        for name in sorted(slots_of(template))
    }


def fitting(replies: tuple[str, ...], values: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the replies whose slots `values` can fill, filled."""
    return tuple(fill(r, values) for r in replies if slots_of(r) <= values.keys())


def cut_reply(reply: str, generator: np.random.Generator) -> str:
    """Returns the beginning of `reply`, as history keeps it after an interruption."""
    words = reply.split()
    keep = int(generator.integers(1, max(2, min(len(words), 7))))
    return " ".join(words[:keep])


def templates(domain: Domain, split: Split) -> Iterator[tuple[Intent, str]]:
    """Yields every wording of `split` with its intent.

    What somebody says in a dialogue or as a follow-up, too, is not held out as a wording.
    """
    said = {person for d in domain.dialogues for person, _ in d.turns}
    said |= {p for i in domain.intents for f in i.follow_ups for p in f.person}
    for intent in domain.intents:
        for template in intent.utterances:
            where = intent.split(template)
            if where == "wording" and template in said:
                where = "train"
            if where == split:
                yield intent, template


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no valid TOML: {error}") from error
    except FileNotFoundError as error:
        raise ValueError(f"{path} does not exist: the domain folder is incomplete") from error


def _replies(table: Mapping[str, list[str]], where: str) -> dict[Emotion, tuple[str, ...]]:
    replies = {emotion_from_label(label): tuple(texts) for label, texts in table.items()}
    if not replies.get(Emotion.NEUTRAL):
        raise ValueError(f"{where} has no neutral reply")
    return replies


def _intent(path: Path) -> Intent:
    """Reads one intent file."""
    table = _read(path)
    try:
        intent = Intent(
            name=path.stem,
            theme=table["theme"],
            utterances=tuple(table["utterances"]),
            replies=_replies(table["replies"], f"{path}: replies"),
            slots={name: tuple(values) for name, values in table.get("slots", {}).items()},
            follow_ups=tuple(
                FollowUp(tuple(f["person"]), _replies(f["replies"], f"{path}: follow_ups"))
                for f in table.get("follow_ups", [])
            ),
        )
    except KeyError as error:
        raise ValueError(f"{path} lacks {error.args[0]}") from error
    used = {slot for utterance in intent.utterances for slot in slots_of(utterance)}
    if used - intent.slots.keys():
        raise ValueError(f"{path} uses slots without values: {sorted(used - intent.slots.keys())}")
    return intent


def _dialogues(path: Path) -> Iterator[DomainDialogue]:
    """Reads the dialogues of one file."""
    for number, table in enumerate(_read(path).get("dialogue", [])):
        where = f"{path}: dialogue {number + 1}"
        turns = cast(list[list[str]], table.get("turns", []))
        if not turns or any(len(turn) != 2 for turn in turns):
            raise ValueError(f"{where} needs turns of two texts each")
        labels = table.get("emotion", "neutral")
        labels = [labels] * len(turns) if isinstance(labels, str) else labels
        if len(labels) != len(turns):
            raise ValueError(f"{where} has {len(labels)} emotions for {len(turns)} turns")
        yield DomainDialogue(
            name=f"{path.stem}-{number}",
            emotions=tuple(emotion_from_label(label) for label in labels),
            turns=tuple((person, answer) for person, answer in turns),
            cut=table.get("cut"),
        )
