"""What a person is told of settings that cannot work: one sentence that names the setting."""

import math
from collections.abc import Sequence
from typing import Any, cast

from pydantic_core import ErrorDetails

from command_line.options import Option, choices, near


class UsageError(ValueError):
    """Settings that cannot work; the message is one sentence."""


LIMITS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}
WANTED = {
    "int": "a whole number, without a unit",
    "float": "a number, without a unit",
    "bool": "true or false",
    "string": "text in quotes",
    "path": "a path in quotes",
    "tuple": "a list of values",
    "model": "a table of settings",
    "dict": "a table of settings",
}


def odd_value(option: Option, value: Any) -> str | None:
    """Returns what is wrong with a value that its type alone would let pass, or None."""
    items = cast(Sequence[Any], value if isinstance(value, list | tuple) else (value,))
    for item in items:
        is_blank = isinstance(item, str) and not item.strip()
        if is_blank and option.default != "" and not option.may_be_empty:
            return "is empty: give a value, or leave it out"
        if isinstance(item, str) and "\0" in item:
            return "holds a zero byte: leave it out"
        if isinstance(item, bool) and option.kind in (int, float):
            return f"must be {WANTED[option.kind.__name__]}, not {str(item).lower()}"
        if option.kind is float and not _is_finite(item):
            return f"must be a number, not {item}"
    return None


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError, OverflowError):
        return True  # it is no number at all, which its type will say


def told(error: ErrorDetails, option: Option | None, siblings: list[str]) -> str:
    """Returns what is wrong, to stand behind the name of the setting.

    Args:
        error: What pydantic found.
        option: The setting, where it is a known one.
        siblings: The names that may stand in its place.
    """
    kind, details = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        name = str(error["loc"][-1])
        meant = near(name.replace("-", "_"), siblings)
        hint = f"did you mean {meant}?" if meant else f"known are {', '.join(siblings)}"
        return f"is no setting: {hint}"
    if kind in LIMITS:
        key, words = LIMITS[kind]
        return f"must be {words} {details[key]}, not {error['input']}"
    allowed = choices(option.kind) if option else ()
    if kind == "literal_error" and allowed:
        meant = near(str(error["input"]), list(allowed))
        hint = f" (did you mean {meant}?)" if meant else ""
        return f"must be one of {', '.join(allowed)}, not {error['input']}{hint}"
    if kind == "value_error":
        return error["msg"].removeprefix("Value error, ")
    wanted = WANTED.get(kind.split("_")[0])
    return f"must be {wanted}, not {error['input']!r}" if wanted else error["msg"]
