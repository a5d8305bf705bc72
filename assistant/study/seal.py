"""Blinding: letters for conditions, and a key that nobody opens without leaving a trace."""

import json
import random
import secrets
import string
from typing import Any, cast

from assistant.errors import InputError, SettingsError
from assistant.study.design import Study
from assistant.study.store import StudyFolder, append, read_lines, stamped, write_private


def make_key(folder: StudyFolder, study: Study) -> dict[str, str]:
    """Returns which label stands for which condition; made once, at the first participant.

    Of a blinded study the labels are letters dealt by real chance: the seed, which experimenters
    know, must not give them away.
    """
    if folder.key.exists():
        return read_key(folder)
    names = list(study.names())
    if study.blinded:
        random.Random(secrets.randbits(128)).shuffle(names)
        labels = dict(zip(string.ascii_uppercase, names, strict=False))
    else:
        labels = {name: name for name in names}
    write_private(folder.key, json.dumps({"conditions": labels}, ensure_ascii=False) + "\n")
    return labels


def read_key(folder: StudyFolder) -> dict[str, str]:
    """Returns which label stands for which condition, for the program's own use.

    Raises:
        SettingsError: The key is missing or damaged.
    """
    try:
        content: Any = json.loads(folder.key.read_text(encoding="utf-8"))
        return {str(k): str(v) for k, v in cast(dict[Any, Any], content["conditions"]).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(
            f"{folder.key} is missing or damaged: restore it, without it nobody can tell which "
            "letter stands for which condition"
        ) from error


def label_of(key: dict[str, str], condition: str) -> str:
    """Returns the label of a condition."""
    return next(label for label, name in key.items() if name == condition)


def seals(folder: StudyFolder) -> list[dict[str, Any]]:
    """Returns who unsealed the key, and when."""
    return read_lines(folder.seals)


def is_sealed(folder: StudyFolder, study: Study) -> bool:
    """Whether exports must not name the conditions."""
    return study.blinded and not seals(folder)


def unseal(folder: StudyFolder, *, by: str, early: str, left: int) -> dict[str, str]:
    """Opens the key for good and notes by whom; returns what each label stands for.

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
