"""What of a client's settings this server can do: names that exist, what may still change."""

from typing import cast

from ui.realtime.hosting.engines import Resident
from ui.realtime.protocol.changes import Changes
from ui.realtime.protocol.config import SessionConfig
from ui.realtime.protocol.messages import Json, ProtocolError

OF_TRANSCRIPTION = {
    "type": True,
    "model": True,
    "audio": {"input": True},
    "include": True,
    "attune": True,
}
"""What there is of a session that answers nothing."""
HOW_ANSWERED = {"create_response", "interrupt_response", "idle_timeout_ms"}


def with_known_names(
    changes: Changes, old: SessionConfig, resident: Resident, warn: list[str]
) -> None:
    """Replaces names that do not exist here: models and voices by the default, policies not."""
    config = changes.config
    if config.model not in resident.models:
        config = config.model_copy(update={"model": resident.default_model})
    voice, policy = config.audio.output.voice, config.attune.policy
    if voice not in resident.voices:
        if voice != "auto":
            warn.append(
                f"there is no voice {voice!r}: {resident.default_voice!r} speaks instead; "
                f"the voices are {', '.join(resident.voices)}"
            )
        config = with_voice(config, resident.default_voice)
    if policy not in resident.policies:
        path = "session.attune.policy"
        message = f"there is no {policy!r}: use one of {', '.join(resident.policies)}"
        changes.refuse(message, param=path)
        changes.applied -= 1
        attune = config.attune.model_copy(update={"policy": old.attune.policy})
        config = config.model_copy(update={"attune": attune})
    changes.config = config


def with_voice(config: SessionConfig, voice: str) -> SessionConfig:
    """Returns the settings with another voice."""
    output = config.audio.output.model_copy(update={"voice": voice})
    return with_output(config, output)


def with_output(config: SessionConfig, output: object) -> SessionConfig:
    """Returns the settings with another output part."""
    audio = config.audio.model_copy(update={"output": output})
    return config.model_copy(update={"audio": audio})


def warning(messages: list[str], ignored: list[str], event_id: str | None) -> Json:
    """Returns the event that names what of a client's event has no effect."""
    if ignored:
        messages = [*messages, f"these fields have no effect here: {', '.join(ignored)}"]
    return {
        "type": "attune.warning",
        "message": "; ".join(messages),
        "ignored": ignored,
        "client_event_id": event_id,
    }


def shown(config: SessionConfig, ignored: list[str]) -> Json:
    """Returns the settings as JSON, with null for fields that a client gave and mean nothing."""
    if config.answers:
        session = {**config.model_dump(), "object": "realtime.session"}
    else:
        without = {"audio": {"input": {"turn_detection": HOW_ANSWERED}}}
        session = config.model_dump(include=OF_TRANSCRIPTION, exclude=without)
        session["object"] = "realtime.transcription_session"
    for path in ignored:
        *folders, name = path.split(".")[1:]
        place = _inner(session, folders)
        if place is not None:
            place.setdefault(name, None)
    return session


def _inner(place: Json, folders: list[str]) -> Json | None:
    """Returns the object that stands so deep in `place`, if one does."""
    for folder in folders:
        inner = place.get(folder)
        if not isinstance(inner, dict):
            return None
        place = cast(Json, inner)
    return place


def answers_nothing() -> ProtocolError:
    """Returns the error for what a session of transcription does not do."""
    return ProtocolError(
        "this is a transcription session, which answers nothing: append audio to have it written "
        'down, or open a session of type "realtime"',
        code="unsupported",
        param="type",
    )


def session_in_use(what: str, param: str) -> ProtocolError:
    """Returns the error for a field that can change before the first turn only."""
    return ProtocolError(
        f"{what} can change before the first turn only: start a new session",
        code="session_in_use",
        param=param,
    )
