"""The strangers' sets: what is said, in which emotion, and what is to be remembered of it."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.emotions import Emotion, emotion_from_label

FOLDER = Path(__file__).parents[1] / "data" / "everyday"
SPOKEN_ONLY = "emotional"
"""The set whose words are the same in all emotions: typed, nothing tells them apart."""
SETS = ("sayings", "others", "newcomers", "passersby", SPOKEN_ONLY, "memory", "talks")
TUNING = "tuning"
"""What the way of answering is chosen with, so that the others stay strangers'."""


@dataclass(frozen=True, slots=True)
class ScriptedTurn:
    """What the person says, and how."""

    said: str
    emotion: Emotion = Emotion.NEUTRAL


@dataclass(frozen=True, slots=True)
class ScriptedTalk:
    """The turns of the person in one conversation."""

    turns: tuple[ScriptedTurn, ...]
    accepted: tuple[str, ...] = ()
    """Words of which the last reply needs one to have remembered; empty where nothing is asked."""
    wrong: tuple[str, ...] = ()
    """Words that it must not have, such as a day that was corrected later."""


def load_talks(name: str, folder: Path = FOLDER) -> list[ScriptedTalk]:
    """Returns the talks of a set; a saying is a talk of one turn."""
    content = tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))
    if name == SPOKEN_ONLY:
        return [
            ScriptedTalk((ScriptedTurn(sentence, emotion),))
            for sentence in content["sentences"]
            for emotion in Emotion
        ]
    if "sayings" in content:
        return [ScriptedTalk((_turn(entry),)) for entry in content["sayings"]]
    return [_talk(entry) for entry in content["talks"]]


def _talk(entry: dict[str, Any]) -> ScriptedTalk:
    return ScriptedTalk(
        tuple(_turn(turn) for turn in entry["turns"]),
        accepted=tuple(entry.get("accepted", ())),
        wrong=tuple(entry.get("wrong", ())),
    )


def _turn(entry: dict[str, str] | str) -> ScriptedTurn:
    if isinstance(entry, str):
        return ScriptedTurn(entry)
    return ScriptedTurn(entry["said"], emotion_from_label(entry["emotion"]))
