"""Events of the realtime protocol as they come in, and the errors that answer them."""

import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, cast

Json = dict[str, Any]
Handler = Callable[[Json], Awaitable[None] | None]
"""Obeys one event, or raises `ProtocolError`."""
LARGEST_EVENT_BYTES = 15 * 1024 * 1024
"""The protocol's limit on one message."""
LONGEST_TEXT = 4_000
"""Characters of a typed turn."""


class ProtocolError(Exception):
    """An event that cannot be obeyed; becomes an `error` event, and the session goes on."""

    def __init__(self, message: str, *, code: str = "invalid_value", param: str | None = None):
        super().__init__(message)
        self.code = code
        self.param = param

    def event(self, event_id: str | None) -> Json:
        """Returns the `error` event for the client's event `event_id`."""
        return error_event(str(self), code=self.code, param=self.param, event_id=event_id)


def error_event(
    message: str,
    *,
    code: str,
    kind: str = "invalid_request_error",
    param: str | None = None,
    event_id: str | None = None,
) -> Json:
    """Returns an `error` event."""
    error = {"type": kind, "code": code, "message": message, "param": param, "event_id": event_id}
    return {"type": "error", "error": error}


def new_id(kind: str) -> str:
    """Returns an id such as `item_…` that nobody can guess."""
    return f"{kind}_{secrets.token_urlsafe(15)}"


def read_event(message: str | bytes) -> Json:
    """Returns the client event in `message`, an object; `type` may still be missing.

    Raises:
        ProtocolError: It is no text, too large or no such object.
    """
    if isinstance(message, bytes):
        raise ProtocolError(
            "events are JSON text: send audio as base64 in input_audio_buffer.append",
            code="invalid_event",
        )
    if len(message) > LARGEST_EVENT_BYTES:
        raise ProtocolError(
            f"the event has {len(message)} bytes and may have {LARGEST_EVENT_BYTES}: "
            "send the audio in pieces",
            code="event_too_large",
        )
    event = read_json(message, "the message")
    if "\\u" in message and not _is_writable(event):
        raise ProtocolError("the message holds half a character (\\ud800 to \\udfff alone)")
    if not isinstance(event, dict):
        raise ProtocolError("an event is an object with a type", code="invalid_event")
    return cast(Json, event)


def id_of(event: Json) -> str | None:
    """Returns the id that a client gave its event, by which it knows an answer to it again."""
    given = event.get("event_id")
    return given if isinstance(given, str) else None


def type_of(event: Json) -> str:
    """Returns the type of a client event.

    Raises:
        ProtocolError: It has none.
    """
    kind = event.get("type")
    if not isinstance(kind, str):
        raise ProtocolError("an event is an object with a type", code="invalid_event", param="type")
    return kind


def read_json(text: str | bytes, what: str) -> Any:
    """Returns what stands in `text`.

    Raises:
        ProtocolError: It is not JSON; the sentence begins with `what`.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise ProtocolError(f"{what} is not valid JSON", code="invalid_json") from None


def _refuse_constant(name: str) -> None:
    """JSON has no NaN and no Infinity, and what is sent back must be JSON."""
    raise ValueError(name)


def _is_writable(event: object) -> bool:
    """Whether `event` can be sent back: JSON can spell half of a pair of surrogates, UTF-8 not."""
    try:
        json.dumps(event, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def text_of(value: object, *, param: str, most: int = LONGEST_TEXT) -> str:
    """Returns a typed turn, or another text of at most `most` characters.

    Raises:
        ProtocolError: It is empty, too long or no text.
    """
    if not isinstance(value, str) or not value.strip():
        raise ProtocolError("text must not be empty", param=param)
    if len(value) > most:
        raise ProtocolError(
            f"the text has {len(value)} characters and may have {most}", param=param
        )
    return value.strip()
