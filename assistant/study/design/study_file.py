"""Reads a TOML file of a study into settings; what is wrong is named with its line and key."""

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from assistant.errors import SettingsError

STUDY_FILE = "study.toml"
PartT = TypeVar("PartT", bound=BaseModel)
_TABLE = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-\"'.]+)\s*=")
LIMITS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}


def read_text(path: Path) -> str:
    """Returns the content of a file.

    Raises:
        SettingsError: It is missing, or no text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SettingsError(
            f"there is no {path}: name the folder of a study, or make one by "
            "`app.py study new FOLDER`"
        ) from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is no UTF-8 text: save it as UTF-8") from error


def read_part(kind: type[PartT], path: Path) -> PartT:
    """Returns the settings in a TOML file.

    Raises:
        SettingsError: It is missing, no TOML, or holds what cannot be; names line and key.
    """
    text = read_text(path)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is no valid TOML: {error}") from error
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        keys = tuple(map(str, first["loc"]))
        # What is wrong between several keys is told of the first that is named.
        line = line_of(text, keys or _first_key(first["msg"]))
        where = f"{path}, line {line}: " if line else f"{path}: "
        raise SettingsError(where + told(kind, first, keys)) from error


def _first_key(message: str) -> tuple[str, ...]:
    words = message.removeprefix("Value error, ").split()
    return tuple(words[0].rstrip(":").split("."))


def line_of(text: str, keys: tuple[str, ...]) -> int | None:
    """Returns the number of the line, from 1, on which the setting at `keys` stands.

    The deepest of its parts that stands in the file counts: a missing key is shown at its table.
    """
    best, depth = None, 0
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if found := _TABLE.match(line):
            table = _names(found[1])
            here = table
        elif found := _KEY.match(line):
            here = (*table, *_names(found[1]))
        else:
            continue
        shared = _shared(here, keys)
        if shared == len(here) and shared > depth:
            best, depth = number, shared
    return best


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(name.strip().strip("\"'") for name in dotted.split("."))


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def told(kind: type[BaseModel], error: ErrorDetails, keys: tuple[str, ...]) -> str:
    """Returns what is wrong, in words that begin with the key."""
    name, details = ".".join(keys), error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            siblings = list(_part_at(kind, keys[:-1]).model_fields)
            near = difflib.get_close_matches(keys[-1].replace("-", "_"), siblings, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(siblings)}"
            return f"{name} is no setting: {hint}"
        case "missing":
            return f"{name} is missing: add it"
        case "literal_error":
            wanted = str(details.get("expected", "")).replace("'", "")
            options = re.split(r", | or ", wanted)
            near = difflib.get_close_matches(str(error["input"]), options, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            return f"{name} must be {wanted}, not {error['input']!r}{hint}"
        case "value_error":
            message = error["msg"].removeprefix("Value error, ")
            return f"{name} {message}" if name else message
        case limit if limit in LIMITS:
            key, words = LIMITS[limit]
            return f"{name} must be {words} {details[key]}, not {error['input']}"
        case _:
            message = error["msg"]
            return f"{name}: {message[0].lower()}{message[1:]}, not {error['input']!r}"


def _part_at(kind: type[BaseModel], keys: tuple[str, ...]) -> type[BaseModel]:
    """Returns the settings that lie at `keys`, through tables of any names too."""
    for key in keys:
        field = kind.model_fields.get(key)
        if field is None:
            continue  # a name of the study's own, such as a condition's
        inner = _inner(field.annotation)
        if inner is not None:
            kind = inner
    return kind


def _inner(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _inner(arg))), None)
