"""A client's changes laid over the settings of a session, field by field.

What has no meaning here is left out and named; what is impossible is refused alone, with a
sentence that says what would do. Names of the beta are understood.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, cast, get_args, get_origin

from pydantic import ValidationError

from ui.realtime.protocol.config import (
    BETA_FORMATS,
    AudioFormat,
    ConfigPart,
    NoEffect,
    SessionConfig,
)
from ui.realtime.protocol.formats import G711_RATE_HZ
from ui.realtime.protocol.messages import Json, ProtocolError

BETA = {
    "modalities": ("output_modalities",),
    "voice": ("audio", "output", "voice"),
    "speed": ("audio", "output", "speed"),
    "input_audio_format": ("audio", "input", "format"),
    "output_audio_format": ("audio", "output", "format"),
    "input_audio_transcription": ("audio", "input", "transcription"),
    "input_audio_noise_reduction": ("audio", "input", "noise_reduction"),
    "turn_detection": ("audio", "input", "turn_detection"),
    "max_response_output_tokens": ("max_output_tokens",),
}
"""Where the beta's names for fields of a session or response belong."""
FROM_THE_SERVER = frozenset(
    {"session.id", "session.object", "session.expires_at", "session.attune.choices"}
)
"""What the server tells of a session and a client may send back: it changes nothing."""
OF_ANSWERS = frozenset(
    {
        "session.instructions",
        "session.output_modalities",
        "session.tools",
        "session.tool_choice",
        "session.max_output_tokens",
        "session.audio.output",
        "session.audio.input.turn_detection.create_response",
        "session.audio.input.turn_detection.interrupt_response",
        "session.audio.input.turn_detection.idle_timeout_ms",
    }
)
"""What means nothing in a session of transcription."""
REPLACED_WHOLE = frozenset({"turn_detection", "format"})
"""Parts of which a new one begins with its defaults, not with what was there."""
NO_DETECTION = (False, "none", {"type": "none"})
"""What other servers of the protocol take for the null that leaves the cutting to the client."""
MOST_NAMED = 32
"""Fields that are named in one answer."""


@dataclass
class Changes:
    """What became of a client's changes."""

    config: SessionConfig
    ignored: list[str] = field(default_factory=list[str])
    """Paths of fields that mean nothing here."""
    refused: list[ProtocolError] = field(default_factory=list[ProtocolError])
    """One for each field that cannot be as it was asked for."""
    only_listens: bool = False
    """Whether it is a session of transcription that changes."""
    applied: int = 0
    """Fields that were taken over, whether or not they were the same before."""

    def refuse(self, message: str, *, param: str, code: str = "invalid_value") -> None:
        """Refuses one field."""
        if len(self.refused) < MOST_NAMED:
            self.refused.append(ProtocolError(message, code=code, param=param))

    def ignore(self, path: str) -> None:
        """Leaves one field out."""
        if len(self.ignored) < MOST_NAMED:
            self.ignored.append(path[:200])


def changed(config: SessionConfig, change: object, path: str = "session") -> Changes:
    """Returns the settings with `change`, an object of the protocol that stands at `path`.

    Raises:
        ProtocolError: It is no object at all.
    """
    if not isinstance(change, dict):
        raise ProtocolError(f"{path} must be an object", param=path)
    fields = {
        key: value for key, value in cast(Json, change).items() if (key, value) != ("type", None)
    }
    kind = fields.get("type", config.type)
    changes = Changes(config, only_listens=kind == "transcription")
    result = _laid(config, _ordered(_renamed(fields)), path, changes)
    changes.config = cast(SessionConfig, result)
    return changes


def _renamed(change: Json) -> Json:
    """Returns `change` with the beta's names where they belong; newer names count first."""
    renamed = {key: value for key, value in change.items() if key not in BETA}
    for key in BETA.keys() & change.keys():
        *folders, name = BETA[key]
        place = renamed
        for folder in folders:
            inner = place.get(folder)
            place[folder] = dict(cast(Json, inner)) if isinstance(inner, dict) else {}
            place = place[folder]
        place.setdefault(name, change[key])
    return renamed


def _laid(part: ConfigPart, change: Json, path: str, changes: Changes) -> ConfigPart:
    for key, value in change.items():
        here = f"{path}.{key}"
        if here in FROM_THE_SERVER:
            continue
        if changes.only_listens and here in OF_ANSWERS and value is None:
            continue
        if key not in type(part).model_fields or (changes.only_listens and here in OF_ANSWERS):
            changes.ignore(here)
        else:
            part = _with_field(part, key, value, here, changes)
    return part


def _with_field(
    part: ConfigPart, key: str, value: object, path: str, changes: Changes
) -> ConfigPart:
    """Returns `part` with one field changed, or as it was."""
    info = type(part).model_fields[key]
    if info.metadata == list(get_args(NoEffect)[1:]):
        if value not in (None, "auto", "disabled", [], {}):
            changes.ignore(path)
        changes.applied += 1
        return part
    if key == "format" and isinstance(value, str):
        value = BETA_FORMATS.get(value, {"type": value})
    if key == "turn_detection" and value in NO_DETECTION:
        value = None
    if _is_no_telephone_rate(part, key, value):
        changes.refuse(f"{path} cannot be {value!r:.80}: use {G711_RATE_HZ}", param=path)
        return part
    kind = _part_type(info.annotation)
    if kind is not None and isinstance(value, dict):
        return _with_part(part, key, cast(Json, value), path, changes)
    if value is None and not _may_be_null(info.annotation):
        value = info.get_default(call_default_factory=True)
    try:
        fields = part.model_dump() | {key: value}
        new = type(part).model_validate(fields)
    except ValidationError:
        changes.refuse(_sentence(part, key, value, path), param=path)
        return part
    changes.applied += path != "session.type" or new != part
    # What was not asked for stays unset: a key brings along only what was.
    return part.model_copy(
        update={
            name: getattr(new, name)
            for name in type(part).model_fields
            if name == key or getattr(new, name) != getattr(part, name)
        }
    )


def _is_no_telephone_rate(part: ConfigPart, key: str, value: object) -> bool:
    is_telephone = isinstance(part, AudioFormat) and part.type != "audio/pcm"
    return is_telephone and key == "rate" and value not in (None, G711_RATE_HZ)


def _with_part(part: ConfigPart, key: str, change: Json, path: str, changes: Changes) -> ConfigPart:
    """Returns `part` with one part of it changed."""
    kind = _part_type(type(part).model_fields[key].annotation)
    assert kind is not None
    before, refused = getattr(part, key), len(changes.refused)
    base = kind() if key in REPLACED_WHOLE or before is None else before
    inner = _laid(base, _ordered(change), path, changes)
    if key == "format" and len(changes.refused) > refused:
        return part
    return part.model_copy(update={key: inner})


def _ordered(change: Json) -> Json:
    """Returns `change` with `type` first: what else is possible hangs on it."""
    return {key: change[key] for key in sorted(change, key=lambda key: key != "type")}


def _part_type(annotation: Any) -> type[ConfigPart] | None:
    """Returns the part that a field holds, if it holds one."""
    kinds = (annotation, *get_args(annotation))
    return next(
        (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, ConfigPart)), None
    )


def _may_be_null(annotation: Any) -> bool:
    kind = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    return type(None) in get_args(kind)


def _sentence(part: ConfigPart, key: str, value: object, path: str) -> str:
    """Returns what is wrong with a field, and what it may be."""
    schema = type(part).model_json_schema()["properties"][key]
    shown = repr(value)
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    return f"{path} cannot be {shown}: use {_possible(key, schema)}"


def _possible(key: str, schema: Json) -> str:
    """Returns the values that a field may have, in words."""
    if key == "tools":
        return "a list of at most 128 functions, or [] where the model calls none"
    if "anyOf" in schema:
        kinds = [_possible(key, kind) for kind in schema["anyOf"]]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in schema or "const" in schema:
        values = [repr(value) for value in schema.get("enum", [schema.get("const")])]
        return values[0] if len(values) == 1 else f"one of {', '.join(values)}"
    match schema.get("type"):
        case "number" | "integer":
            least = schema.get("minimum", schema.get("exclusiveMinimum"))
            most = schema.get("maximum", schema.get("exclusiveMaximum"))
            kind = "a whole number" if schema["type"] == "integer" else "a number"
            return f"{kind} from {least} to {most}"
        case "string":
            return f"a text of at most {schema.get('maxLength', 1_000)} characters"
        case "boolean":
            return "true or false"
        case "array":
            return f"a list of {_possible(key, schema.get('items', {}))}"
        case "null":
            return "null"
        case _:
            return "an object"
