"""Events as lines of a log: plain JSON values, and back."""

import dataclasses
import types
import typing
from enum import Enum
from functools import cache
from typing import Any

from assistant import events
from models.emotions import Emotion


def to_record(event: events.Event) -> dict[str, Any]:
    """Returns `event` as plain JSON values, its name under ``"event"``."""
    return {"event": type(event).__name__, **_plain(event)}


def from_record(record: dict[str, Any]) -> events.Event:
    """Returns the event that `to_record` wrote.

    Raises:
        ValueError: The name is unknown, or a field is missing or not as expected.
    """
    fields = dict(record)
    name = fields.pop("event", None)
    kind = events.EVENTS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"unknown event {name!r}")
    try:
        return typing.cast(events.Event, _rebuilt(fields, kind))
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"event {name} cannot be read: {error}") from error


def _plain(value: Any) -> Any:
    # Before other enumerations: its values are places in a checkpoint's output, which no log should
    # depend on.
    if isinstance(value, Emotion):
        return value.label
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, tuple):
        return [_plain(item) for item in typing.cast(tuple[Any, ...], value)]
    return value


# A log of a long talk has thousands of events of a few kinds.
@cache
def _field_types(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _rebuilt(value: Any, kind: Any) -> Any:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = _field_types(kind)
        return kind(**{name: _rebuilt(item, hints[name]) for name, item in value.items()})
    if kind is Emotion:
        return Emotion[value.upper()]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    origin = typing.get_origin(kind)
    if origin is tuple:
        return tuple(value)
    if origin in (types.UnionType, typing.Union):
        # No event has a union but "something or None".
        inner = [part for part in typing.get_args(kind) if part is not type(None)]
        return None if value is None else _rebuilt(value, inner[0])
    return value
