"""The JSON Schema of a line of an event log, made from the classes of the events.

`docs/event-log.schema.json` is what this returns; a test keeps them the same.
"""

import ast
import dataclasses
import inspect
import itertools
import textwrap
import types
import typing
from enum import Enum
from functools import cache
from typing import Any

from assistant.events import EVENTS, LevelMeasured
from assistant.records.fields import field_types
from assistant.records.recording import FORMAT, VERSION, LogHead
from models.emotions import Emotion

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    types.NoneType: {"type": "null"},
    Any: {},
}


def log_schema() -> Schema:
    """Returns the schema of one line: the head of a log, or an event."""
    events = {name: _event(kind) for name, kind in EVENTS.items() if kind is not LevelMeasured}
    head = LogHead.model_json_schema()
    consent = head.pop("$defs")["Consent"]
    head["properties"]["consent"] = consent
    head["properties"]["format"]["const"] = FORMAT
    head["properties"]["version"] |= {"minimum": 1, "maximum": VERSION}
    head["required"] = list(head["properties"])
    return {
        "$schema": DIALECT,
        "title": "A line of events.jsonl",
        "description": "The first line is the head; each further one is an event.",
        "oneOf": [
            {"$ref": "#/$defs/LogHead"},
            *({"$ref": f"#/$defs/{name}"} for name in events),
        ],
        "$defs": {"LogHead": head, **events},
    }


def _event(kind: type) -> Schema:
    schema = _record(kind)
    wall = {"type": "string", "description": "When the line was written, UTC, ISO 8601."}
    properties = {"event": {"const": kind.__name__}, **schema["properties"], "wall_utc": wall}
    return {
        **schema,
        "properties": properties,
        "required": ["event", *schema["required"], "wall_utc"],
    }


def _record(kind: type) -> Schema:
    """Returns the schema of a dataclass; its docstrings are the descriptions."""
    told = {name: text for base in reversed(kind.__mro__) for name, text in _told(base).items()}
    properties: Schema = {}
    for name, wanted in field_types(kind).items():
        properties[name] = {**_schema(wanted)}
        if name in told:
            properties[name]["description"] = told[name]
    # A log of an earlier version lacks the fields that have a default.
    required = [field.name for field in dataclasses.fields(kind) if _is_required(field)]
    return {
        "type": "object",
        "description": _one_line(kind.__doc__ or ""),
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def _schema(kind: Any) -> Schema:
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind is Emotion:
        return {"enum": [emotion.label for emotion in Emotion]}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [member.value for member in kind]}
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _record(kind)
    arguments = typing.get_args(kind)
    origin = typing.get_origin(kind)
    if origin is tuple:
        return {"type": "array", "items": _schema(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1])}
    if origin in (types.UnionType, typing.Union):
        return {"anyOf": [_schema(one) for one in arguments]}
    raise TypeError(f"an event cannot hold {kind}: events hold plain JSON values")


@cache
def _told(kind: type) -> dict[str, str]:
    """Returns the docstrings under the fields of a class, by field."""
    if not dataclasses.is_dataclass(kind):
        return {}
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    body = typing.cast(ast.ClassDef, tree.body[0]).body
    found: dict[str, str] = {}
    for field, text in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            found[ast.unparse(field.target)] = _one_line(ast.literal_eval(text.value))
    return found


def _one_line(text: str) -> str:
    return " ".join(text.split())
