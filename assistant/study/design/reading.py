"""Reads the study in a folder, and makes sure that it can be run."""

from pathlib import Path

from pydantic import ValidationError

from assistant.empathy import load_policy
from assistant.errors import SettingsError
from assistant.study.design.assignment import cells
from assistant.study.design.conditions import Condition
from assistant.study.design.study import ConditionFault, Study
from assistant.study.design.study_file import STUDY_FILE, line_of, read_part, read_text, told


def read_study(folder: Path) -> Study:
    """Returns the study in a folder, its policies readable.

    Raises:
        SettingsError: The file is missing or holds what cannot be; names line and key.
    """
    path = folder / STUDY_FILE
    try:
        study = read_part(Study, path)
    except SettingsError as error:
        inner = _cause(error)
        if inner is None:
            raise
        first = inner.error.errors()[0]
        below = tuple(map(str, first["loc"]))
        keys = (*inner.place.split("."), *below)
        line = line_of(read_text(path), keys)
        message = told(Condition, first, below)
        raise SettingsError(f"{path}, line {line}: {inner.place}.{message}") from None
    for name in study.names():
        load_policy(study.condition(name).policy_source(folder))
    count = len(cells(study))
    if study.participants % count:
        below = study.participants // count * count
        choice = f"{below} or {below + count}" if below else str(count)
        line = line_of(read_text(path), ("participants",))
        raise SettingsError(
            f"{path}, line {line}: participants: {study.participants} cannot be shared equally "
            f"among {count} cells: take {choice}"
        )
    return study


def _cause(error: SettingsError) -> ConditionFault | None:
    cause = error.__cause__
    if not isinstance(cause, ValidationError):
        return None
    inner = cause.errors()[0].get("ctx", {}).get("error")
    return inner if isinstance(inner, ConditionFault) else None
