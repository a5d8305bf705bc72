"""Whether the fields of an event hold what their types say: a log may come from anywhere."""

import dataclasses
import math
import types
import typing
from collections.abc import Callable
from functools import cache
from typing import Any

from assistant.engines.protocols import EmotionEstimate
from models.emotions import EMOTION_LABELS

FieldCheck = Callable[[Any], str | None]
"""Returns the path of the first field that does not hold its type; None where all do."""


def misfit(event: Any) -> str | None:
    """Returns the path of the first field of `event` that does not hold its type, or None."""
    return _check(typing.cast(Any, type(event)))(event)


@cache
def field_types(kind: type) -> dict[str, Any]:
    """Returns the types of the fields of a dataclass, by name."""
    return typing.get_type_hints(kind)


# A log has hundreds of events of a few kinds: what a kind demands is worked out once.
@cache
def _check(kind: Any) -> FieldCheck:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _check_of_record(kind)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        checks = [_check(one) for one in arguments]
        return lambda value: None if any(check(value) is None for check in checks) else ""
    if origin is tuple:
        return _check_of_tuple(_check(arguments[0]))
    if origin is dict:
        return _check_of_dict(_check(arguments[1]))
    return _check_of_plain(kind)


def _check_of_record(kind: type) -> FieldCheck:
    fields = [(name, _check(wanted)) for name, wanted in field_types(kind).items()]

    def check(value: Any) -> str | None:
        if not isinstance(value, kind):
            return ""
        for name, of_field in fields:
            path = of_field(getattr(value, name))
            if path is not None:
                return f"{name}.{path}" if path else name
        if isinstance(value, EmotionEstimate) and len(value.probabilities) != len(EMOTION_LABELS):
            return "probabilities"
        return None

    return check


def _check_of_tuple(of_item: FieldCheck) -> FieldCheck:
    def check(value: Any) -> str | None:
        if not isinstance(value, tuple):
            return ""
        items = typing.cast(tuple[Any, ...], value)
        return None if all(of_item(item) is None for item in items) else ""

    return check


def _check_of_dict(of_item: FieldCheck) -> FieldCheck:
    def check(value: Any) -> str | None:
        if not isinstance(value, dict):
            return ""
        for name, item in typing.cast(dict[Any, Any], value).items():
            if not isinstance(name, str) or of_item(item) is not None:
                return str(name)
        return None

    return check


def _check_of_plain(kind: Any) -> FieldCheck:
    if kind is Any:
        return lambda value: None
    if kind is float:
        return lambda value: None if _is_number(value) else ""
    if kind is int:
        return lambda value: None if type(value) is int else ""
    return lambda value: None if isinstance(value, kind) else ""


def _is_number(value: Any) -> bool:
    """Whether `value` is a finite number; a truth value is none."""
    return type(value) is int or (type(value) is float and math.isfinite(value))
