"""The client's side of the realtime protocol: events and session settings, strictly read.

The names and shapes are those of the OpenAI Realtime API (GA); what is Attune's own lies under
`attune`. Fields of that API which have no meaning here are accepted and come back as null.
"""

import base64
import binascii
import json
import secrets
from typing import Any, Literal, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from assistant.audio import Waveform, to_float32

Json = dict[str, Any]
LARGEST_EVENT_BYTES = 15 * 1024 * 1024
"""The protocol's limit on one message."""
LONGEST_TEXT = 4_000
"""Characters of a typed turn."""
OPENAI_VOICES = frozenset(
    "alloy ash ballad coral echo fable marin cedar nova onyx sage shimmer verse".split()
)
"""Voices of the other service, which its clients name by habit: they mean the default voice."""


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


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class AudioFormat(_Part):
    """16-bit little-endian mono PCM."""

    type: Literal["audio/pcm"] = "audio/pcm"
    rate: Literal[16000, 24000] = 24000


class TurnDetection(_Part):
    """How the end of a turn is found; what is null follows Attune's own endpointing."""

    type: Literal["server_vad", "semantic_vad"] = "semantic_vad"
    threshold: float | None = Field(default=None, gt=0.0, lt=1.0)
    prefix_padding_ms: int | None = Field(default=None, ge=0, le=2_000)
    silence_duration_ms: int | None = Field(default=None, ge=32, le=20_000)
    idle_timeout_ms: int | None = None
    eagerness: Literal["low", "medium", "high", "auto"] | None = None
    create_response: bool = True
    interrupt_response: bool = True

    @field_validator("idle_timeout_ms")
    @classmethod
    def _no_effect(cls, _value: int | None) -> None:
        return None


class Transcription(_Part):
    """Presence means that the person's words are wanted; the fields have no effect."""

    model: str | None = None
    language: str | None = None
    prompt: str | None = None


class AudioInput(_Part):
    """What the client sends."""

    format: AudioFormat = AudioFormat()
    transcription: Transcription | None = Transcription()
    noise_reduction: Any = None
    turn_detection: TurnDetection | None = TurnDetection()

    @field_validator("noise_reduction")
    @classmethod
    def _no_effect(cls, _value: object) -> None:
        return None


class AudioOutput(_Part):
    """What the client gets."""

    format: AudioFormat = AudioFormat()
    voice: str = Field(default="auto", max_length=64)
    speed: float = Field(default=1.0, ge=0.25, le=1.5)

    @field_validator("voice", mode="before")
    @classmethod
    def _own_voice(cls, value: object) -> object:
        if isinstance(value, dict):
            value = cast(Json, value).get("id", "")
        return "auto" if value in OPENAI_VOICES else value


class Audio(_Part):
    """Both directions."""

    input: AudioInput = AudioInput()
    output: AudioOutput = AudioOutput()


class AttuneConfig(_Part):
    """Attune's own part of the session."""

    policy: str = Field(default="empathetic", max_length=64)
    patience: float = Field(default=1.0, ge=0.3, le=5.0)
    view: bool = False
    """Whether `attune.view` events describe the whole picture after each change."""
    keep_words: bool = False
    """The person's consent to keep words and emotions."""
    keep_audio: bool = False
    """The person's consent to keep the sound of the conversation."""


class SessionConfig(_Part):
    """A session as `session.update` changes it and `session.updated` shows it."""

    type: Literal["realtime"] = "realtime"
    model: str = Field(default="", max_length=200)
    instructions: str = Field(default="", max_length=8_000)
    output_modalities: list[Literal["audio", "text"]] = Field(
        default=["audio"], min_length=1, max_length=1
    )
    audio: Audio = Audio()
    attune: AttuneConfig = AttuneConfig()
    tools: list[Any] = Field(default=[], max_length=0)
    tool_choice: Any = None
    parallel_tool_calls: Any = None
    max_output_tokens: Any = None
    include: Any = None
    prompt: Any = None
    reasoning: Any = None
    tracing: Any = None
    truncation: Any = None

    @field_validator(
        "tool_choice",
        "parallel_tool_calls",
        "max_output_tokens",
        "include",
        "prompt",
        "reasoning",
        "tracing",
        "truncation",
    )
    @classmethod
    def _no_effect(cls, _value: object) -> None:
        return None

    @property
    def speaks(self) -> bool:
        """Whether answers are spoken."""
        return self.output_modalities == ["audio"]

    def updated(self, change: object) -> "SessionConfig":
        """Returns the session with `change`, the `session` field of a `session.update`.

        Raises:
            ProtocolError: A field is unknown or its value impossible.
        """
        if not isinstance(change, dict):
            raise ProtocolError("session must be an object", param="session")
        merged = _merged(self.model_dump(), cast(Json, change), "session")
        try:
            return SessionConfig.model_validate(merged)
        except ValidationError as error:
            first = error.errors()[0]
            path = ".".join(["session", *(str(part) for part in first["loc"])])
            unknown = first["type"] == "extra_forbidden"
            raise ProtocolError(
                f"{path}: {first['msg']}",
                code="unknown_parameter" if unknown else "invalid_value",
                param=path,
            ) from error


def _merged(old: Json, new: Json, path: str) -> Json:
    """Returns `old` with the fields of `new` laid over it; turn detection is replaced whole."""
    merged = dict(old)
    for key, value in new.items():
        before = merged.get(key)
        if isinstance(before, dict) and isinstance(value, dict) and key != "turn_detection":
            value = _merged(cast(Json, before), cast(Json, value), f"{path}.{key}")
        merged[key] = value
    return merged


def read_event(message: str) -> Json:
    """Returns the client event in `message`: an object with a `type`.

    Raises:
        ProtocolError: It is too large or no such object.
    """
    if len(message) > LARGEST_EVENT_BYTES:
        raise ProtocolError(
            f"the event has {len(message)} bytes and may have {LARGEST_EVENT_BYTES}: "
            "send the audio in pieces",
            code="event_too_large",
        )
    try:
        event = json.loads(message)
    except (ValueError, RecursionError):
        raise ProtocolError("the message is not valid JSON", code="invalid_json") from None
    if "\\u" in message and not _is_writable(event):
        raise ProtocolError("the message holds half a character (\\ud800 to \\udfff alone)")
    if not isinstance(event, dict) or not isinstance(cast(Json, event).get("type"), str):
        raise ProtocolError("an event is an object with a type", code="invalid_event")
    return cast(Json, event)


def _is_writable(event: object) -> bool:
    """Whether `event` can be sent back: JSON can spell half of a pair of surrogates, UTF-8 not."""
    try:
        json.dumps(event, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def decode_audio(value: object, *, param: str) -> Waveform:
    """Returns the samples of base64-coded 16-bit PCM.

    Raises:
        ProtocolError: It is not base64, or not whole samples.
    """
    if not isinstance(value, str):
        raise ProtocolError("audio must be a base64 string", param=param)
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ProtocolError("the audio is not valid base64", param=param) from None
    if len(data) % 2:
        raise ProtocolError(
            f"16-bit samples have two bytes each, but {len(data)} bytes came", param=param
        )
    return to_float32(np.frombuffer(data, dtype="<i2").astype(np.int16))


def text_of(value: object, *, param: str) -> str:
    """Returns a typed turn.

    Raises:
        ProtocolError: It is empty, too long or no text.
    """
    if not isinstance(value, str) or not value.strip():
        raise ProtocolError("text must not be empty", param=param)
    if len(value) > LONGEST_TEXT:
        raise ProtocolError(
            f"the text has {len(value)} characters and may have {LONGEST_TEXT}", param=param
        )
    return value.strip()
