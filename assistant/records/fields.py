"""Whether the fields of an event hold what their types say: a log may come from anywhere."""

import dataclasses
import math
import types
import typing
from enum import Enum
from functools import cache
from typing import Any

from assistant.engines.protocols import EmotionEstimate
from models.emotions import EMOTION_LABELS


def misfit(value: Any, kind: Any = None) -> str | None:
    """Returns the path of the first field that does not hold its type; None where all do.

    Args:
        value: An event, or a value in it.
        kind: What it must be; the type of `value` itself if not given.
    """
    if kind is None:
        kind = typing.cast(Any, type(value))
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _misfit_of_record(value, kind)
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        fits = any(misfit(value, one) is None for one in typing.get_args(kind))
        return None if fits else ""
    if origin is tuple:
        item = typing.get_args(kind)[0]
        fits = isinstance(value, tuple) and all(
            misfit(one, item) is None for one in typing.cast(tuple[Any, ...], value)
        )
        return None if fits else ""
    if origin is dict:
        return _misfit_of_dict(value, typing.get_args(kind)[1])
    return None if _fits(value, kind) else ""


@cache
def field_types(kind: type) -> dict[str, Any]:
    """Returns the types of the fields of a dataclass, by name."""
    return typing.get_type_hints(kind)


def _misfit_of_record(value: Any, kind: type) -> str | None:
    if not isinstance(value, kind):
        return ""
    for name, wanted in field_types(kind).items():
        path = misfit(getattr(value, name), wanted)
        if path is not None:
            return f"{name}.{path}" if path else name
    if isinstance(value, EmotionEstimate) and len(value.probabilities) != len(EMOTION_LABELS):
        return "probabilities"
    return None


def _misfit_of_dict(value: Any, kind: Any) -> str | None:
    if not isinstance(value, dict):
        return ""
    for name, item in typing.cast(dict[Any, Any], value).items():
        if not isinstance(name, str) or misfit(item, kind) is not None:
            return str(name)
    return None


def _fits(value: Any, kind: Any) -> bool:
    if kind is Any:
        return True
    if kind is float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and math.isfinite(value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return isinstance(value, kind)
    return isinstance(value, kind)
