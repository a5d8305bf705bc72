"""Instruments of a study: reading them, the order in which they are shown, checking an answer."""

import difflib
import math
import random
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from assistant.errors import InputError
from assistant.study.items import (
    NUMERIC,
    WHOLE,
    AnswerValue,
    AttentionCheck,
    Instrument,
    Item,
    MissingRule,
    Scale,
)
from assistant.study.scoring import Score, score

__all__ = [
    "AnswerValue",
    "AttentionCheck",
    "Instrument",
    "Item",
    "MissingRule",
    "Scale",
    "Score",
    "check_answer",
    "failed_checks",
    "instrument_names",
    "instrument_path",
    "read_instrument",
    "score",
    "shown_order",
]

SHIPPED = Path(__file__).with_name("instruments")
"""The folder of the instruments that come with Attune."""


def instrument_names(folders: Sequence[Path] = ()) -> list[str]:
    """Returns the names of all instruments in `folders` and of those that are shipped, sorted."""
    found = (path.stem for folder in (*folders, SHIPPED) for path in folder.glob("*.toml"))
    return sorted(set(found))


def instrument_path(name: str, folders: Sequence[Path] = ()) -> Path:
    """Returns the file of the instrument `name`: the first in `folders`, else the shipped one.

    Raises:
        InputError: no instrument has this name.
    """
    for folder in (*folders, SHIPPED):
        # A name is compared, never joined: "../other" names no file of the folder.
        for path in folder.glob("*.toml"):
            if path.stem == name:
                return path
    names = instrument_names(folders)
    close = difflib.get_close_matches(name, names, n=1)
    advice = f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(names)},"
    own = f" or write {name}.toml into the study's folder instruments" if not close else ""
    raise InputError(f"there is no instrument {name!r}: {advice}{own}")


def read_instrument(name: str, folders: Sequence[Path] = ()) -> Instrument:
    """Returns the instrument `name`; a study's own file goes before a shipped one of that name.

    Raises:
        InputError: it is unknown, not valid, or its items must be brought by the study.
    """
    path = instrument_path(name, folders)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        instrument = Instrument.model_validate({"name": path.stem, **content})
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or 'unreadable'}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid TOML: {error}") from error
    except ValidationError as error:
        # A key that nobody knows is most likely the misspelt one that is missing.
        errors = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        raise InputError(f"{path}: {_told(errors[0])}") from error
    if not instrument.items:
        raise InputError(
            f"the items of {instrument.title} may not be passed on: copy {path} into the study's "
            f"folder instruments and add them from the publication ({instrument.citation})"
        )
    return instrument


def _told(error: ErrorDetails) -> str:
    """Returns what is wrong with which key, and what to do."""
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "missing":
        return f"{key} is missing: add it"
    if error["type"] == "extra_forbidden":
        known = {*Instrument.model_fields, *Item.model_fields, *Scale.model_fields}
        close = difflib.get_close_matches(str(error["loc"][-1]), sorted(known), n=1)
        remedy = f"did you mean {close[0]!r}?" if close else "leave it out"
        return f"{key} is no setting of an instrument: {remedy}"
    reason = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{key}: {reason}" if key else reason


def shown_order(instrument: Instrument, seed: str) -> list[Item]:
    """Returns the items in the order in which one person sees them, attention checks among them.

    The same `seed` gives the same order on every machine and in every version of Python, so that
    a page that is loaded again looks as before.
    """
    chance = random.Random(f"{seed}|{instrument.name}")
    items = list(instrument.items)
    if instrument.shuffle:
        chance.shuffle(items)
    for check in instrument.attention:
        # Never first: a check before anything was asked tests nothing.
        items.insert(chance.randint(min(1, len(items)), len(items)), check.item)
    return items


def check_answer(item: Item, value: object) -> AnswerValue | None:
    """Returns `value` as an answer to `item`; None where it was left out and may be.

    Numbers may come as text, as they do from a form or a table; the point of a grid as "x,y" or
    as two numbers.

    Raises:
        InputError: it is missing and required, of another form, or outside the item's range.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        if item.required:
            raise InputError(f"{item.name} needs an answer")
        return None
    if item.form in NUMERIC:
        return _number(item, value)
    if item.form == "grid":
        return _point(item, value)
    if not isinstance(value, str):
        raise InputError(f"{item.name} takes words, not {value!r}")
    if item.form == "choice":
        if value not in item.labels:
            raise InputError(f"{item.name} is one of {', '.join(item.labels)}, not {value!r}")
        return value
    if not item.minimum <= len(value) <= item.maximum:
        raise InputError(
            f"{item.name} takes {item.minimum:g} to {item.maximum:g} characters, not {len(value)}"
        )
    return value


def _number(item: Item, value: object) -> int | float:
    try:
        # True is 1 to Python, and to nobody who fills in a questionnaire.
        number = math.nan if isinstance(value, bool) else float(str(value))
    except ValueError:
        number = math.nan
    bounds = f"{item.minimum:g} to {item.maximum:g}"
    if not item.minimum <= number <= item.maximum:
        raise InputError(f"{item.name} takes a number from {bounds}, not {value!r}")
    if item.form in WHOLE and not number.is_integer():
        raise InputError(f"{item.name} takes a whole number from {bounds}, not {value!r}")
    return int(number) if number.is_integer() else number


def _point(item: Item, value: object) -> str:
    parts: list[object]
    if isinstance(value, str):
        parts = list(value.split(","))
    else:
        parts = list(value) if isinstance(value, Sequence) else [value]  # pyright: ignore[reportUnknownArgumentType]
    if len(parts) != 2:
        raise InputError(f"{item.name} takes a point such as '5,5', not {value!r}")
    return ",".join(str(_number(item, part)) for part in parts)


def failed_checks(instrument: Instrument, answers: Mapping[str, AnswerValue | None]) -> list[str]:
    """Returns the names of the attention checks of `instrument` that `answers` do not pass.

    A check that was shown and left unanswered is failed.
    """
    return [
        check.item.name
        for check in instrument.attention
        if not _passes(check, answers.get(check.item.name))
    ]


def _passes(check: AttentionCheck, answer: AnswerValue | None) -> bool:
    if answer is None:
        return False
    if check.item.form in ("slider", "number"):
        bounds = [float(bound) for bound in check.passed]
        return min(bounds) <= float(answer) <= max(bounds)
    return str(answer) in {str(right) for right in check.passed}
