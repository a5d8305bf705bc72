"""What a client may write beside the settings: which fields mean something, and other spellings."""

from collections.abc import Iterator
from typing import Any, cast

from ui.realtime.protocol.changes import MOST_NAMED
from ui.realtime.protocol.messages import Json

_OF_EVENTS = {
    "session.update": {"session"},
    "input_audio_buffer.append": {"audio", "attune_played"},
    "input_audio_buffer.commit": set[str](),
    "input_audio_buffer.clear": set[str](),
    "output_audio_buffer.clear": set[str](),
    "conversation.item.create": {"item", "previous_item_id"},
    "conversation.item.retrieve": {"item_id"},
    "conversation.item.delete": {"item_id"},
    "conversation.item.truncate": {"item_id", "content_index", "audio_end_ms"},
    "response.create": {"response"},
    "response.cancel": {"response_id"},
    "attune.talk.continue": {"record", "turns"},
    "attune.emotion.correct": {"turn", "item_id", "emotion"},
    "attune.transcript.request": {"format"},
}
_OF_ITEMS = {
    "message": {"role", "content"},
    "function_call": {"call_id", "name", "arguments"},
    "function_call_output": {"call_id", "output"},
    "item_reference": set[str](),
}
_OF_EVERY_ITEM = {"id", "type", "object", "status"}
_OF_PARTS = {"type", "text", "audio", "transcript", "format"}
"""Of a part of a message; what the server tells of one can be sent back."""
SPOKEN_BY_HOST = {"developer": "system"}
"""Roles of other protocols, by what they are called here."""


LONGEST_PATH = 200
"""Letters of a path that is named: a client may invent keys of any length."""


class ForeignFields:
    """The fields of one client's events that mean nothing here, to be named to it."""

    def __init__(self) -> None:
        self._of_sound: set[str] = set()

    def of(self, event: Json) -> list[str]:
        """Returns the paths of those in `event`; of sound, which goes on, each is named once."""
        foreign = [path[:LONGEST_PATH] for path in foreign_fields(event)][:MOST_NAMED]
        if event["type"] == "input_audio_buffer.append":
            foreign = [path for path in foreign if path not in self._of_sound]
            self._of_sound.update(foreign)
        return foreign


def foreign_fields(event: Json) -> Iterator[str]:
    """Yields the paths of fields that mean nothing here; those of settings are named elsewhere."""
    known = _OF_EVENTS.get(event["type"])
    if known is not None:
        yield from (key for key in event if key not in known | {"type", "event_id"})
    if event["type"] == "conversation.item.create":
        yield from _foreign_in_item(event.get("item"), "item")
    response = event.get("response")
    if event["type"] == "response.create" and isinstance(response, dict):
        given = cast(Json, response).get("input")
        for index, item in enumerate(cast(list[Any], given) if isinstance(given, list) else []):
            yield from _foreign_in_item(item, f"response.input.{index}")


def _foreign_in_item(item: object, path: str) -> Iterator[str]:
    fields = cast(Json, item) if isinstance(item, dict) else {}
    kind = fields.get("type")
    known = _OF_ITEMS.get(kind if isinstance(kind, str) else "message", set[str]())
    known = known | _OF_EVERY_ITEM
    yield from (f"{path}.{key}" for key in fields if key not in known)
    content = fields.get("content")
    for index, part in enumerate(cast(list[Any], content) if isinstance(content, list) else []):
        keys = cast(Json, part) if isinstance(part, dict) else {}
        yield from (f"{path}.content.{index}.{key}" for key in keys if key not in _OF_PARTS)


def usual_item(item: object) -> object:
    """Returns an item in the form that is read here.

    A role alone means a message, a text alone means one part, as in the chats of other protocols.
    """
    if not isinstance(item, dict):
        return item
    fields: Json = dict(cast(Json, item))
    if fields.get("type") is None and "role" in fields:
        fields["type"] = "message"
    role, content = fields.get("role"), fields.get("content")
    fields["role"] = SPOKEN_BY_HOST.get(role, role) if isinstance(role, str) else role
    if isinstance(content, str):
        content = [content]
    if isinstance(content, list):
        fields["content"] = [_usual_part(part) for part in cast(list[Any], content)]
    return fields


def _usual_part(part: object) -> object:
    if isinstance(part, str):
        return {"type": "input_text", "text": part}
    if not isinstance(part, dict):
        return part
    fields = cast(Json, part)
    return {**fields, "type": "input_text"} if fields.get("type") == "text" else fields
