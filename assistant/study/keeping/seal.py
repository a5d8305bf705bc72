"""Blinding: letters for conditions, and a key that nobody opens without leaving a trace."""

import json
import random
import secrets
import string
from dataclasses import asdict, dataclass
from typing import Any

from assistant.errors import InputError, SettingsError
from assistant.study.design import assignment
from assistant.study.design.study import Study
from assistant.study.keeping.store import StudyFolder, append, read_lines, stamped, write_private


@dataclass(frozen=True, slots=True)
class Key:
    """What the letters of a study stand for."""

    conditions: dict[str, str]
    """Names of conditions by their labels."""
    cells: dict[str, str]
    """Names of cells by those under which logs know them: with a cell's own name and the study file
    anybody could tell which conditions its participants get."""

    def label(self, condition: str) -> str:
        """Returns the label of a condition."""
        return next(label for label, name in self.conditions.items() if name == condition)

    def group(self, cell: str) -> str:
        """Returns the name under which logs know a cell."""
        return next(group for group, name in self.cells.items() if name == cell)


def make_key(folder: StudyFolder, study: Study) -> Key:
    """Returns what the letters stand for; made once, at the first participant.

    In a blinded study they are dealt by real chance: the seed, which experimenters know, must not
    give them away.
    """
    if folder.key.exists():
        return read_key(folder)
    names, cells = list(study.names()), [cell.name for cell in assignment.cells(study)]
    labels, groups = list(names), list(cells)
    if study.blinded:
        chance = random.Random(secrets.randbits(128))
        chance.shuffle(names)
        chance.shuffle(cells)
        labels = list(string.ascii_uppercase[: len(names)])
        groups = [f"g{number}" for number in range(1, len(cells) + 1)]
    key = Key(dict(zip(labels, names, strict=True)), dict(zip(groups, cells, strict=True)))
    write_private(folder.key, json.dumps(asdict(key), ensure_ascii=False) + "\n")
    return key


def read_key(folder: StudyFolder) -> Key:
    """Returns what the letters stand for, for the program's own use.

    Raises:
        SettingsError: The key is missing or damaged.
    """
    try:
        content: Any = json.loads(folder.key.read_text(encoding="utf-8"))
        return Key(dict(content["conditions"]), dict(content["cells"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"{folder.key} is missing or damaged: restore it, without it nobody can tell which "
            "letter stands for which condition"
        ) from error


def seals(folder: StudyFolder) -> list[dict[str, Any]]:
    """Returns who unsealed the key, and when."""
    return read_lines(folder.seals)


def is_sealed(folder: StudyFolder, study: Study) -> bool:
    """Whether exports must not name the conditions."""
    return study.blinded and not seals(folder)


def unseal(folder: StudyFolder, *, by: str, early: str, left: int) -> Key:
    """Opens the key for good and notes by whom; returns it.

    Args:
        folder: The study.
        by: Who does it.
        early: Why before the end; empty where the study is complete.
        left: How many participants are still to complete it.

    Raises:
        InputError: Nobody is named, or the study is not complete and no reason is given.
    """
    if not by.strip():
        raise InputError("unsealing leaves a trace: say who you are by --by NAME")
    if left and not early.strip():
        raise InputError(
            f"{left} participants are still to complete the study: wait for them, or say by "
            "--early REASON why the key is opened before"
        )
    key = read_key(folder)
    append(folder.seals, stamped("unsealed", {"by": by, "early": early, "left": left}))
    return key
