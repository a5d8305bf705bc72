"""What of a client's settings this server can do: names that exist, what may still change."""

from typing import cast

from ui.realtime.choices import ChosenDialogue
from ui.realtime.devices import SocketSpeaker
from ui.realtime.hosting.engines import Resident
from ui.realtime.protocol.changes import Changes
from ui.realtime.protocol.config import AttuneConfig, SessionConfig
from ui.realtime.protocol.messages import Json, ProtocolError

OF_TRANSCRIPTION = {
    "type": True,
    "model": True,
    "audio": {"input": True},
    "include": True,
    "attune": True,
}
"""What there is of a session that answers nothing."""
OF_ANSWERED_TALKS = frozenset(
    {"response.create", "response.cancel", "conversation.item.create", "attune.talk.continue"}
)
"""What a client asks for that a session of transcription does not do."""
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


def keep_what_is_in_use(
    changes: Changes,
    old: SessionConfig,
    dialogue: ChosenDialogue,
    speaker: SocketSpeaker,
    *,
    has_items: bool,
) -> None:
    """Refuses what can no longer change once something was said, and leaves it as it was."""
    config = changes.config
    if dialogue.is_open and config.model != old.model:
        changes.refused.append(session_in_use("the model", "session.model"))
        config = config.model_copy(update={"model": old.model})
    if (dialogue.is_open or has_items) and config.type != old.type:
        changes.refused.append(session_in_use("the type", "session.type"))
        config = config.model_copy(update={"type": old.type})
    output, rate = config.audio.output, config.audio.output.format.rate
    if rate != speaker.sample_rate and not speaker.change_rate(rate):
        path = "session.audio.output.format"
        changes.refused.append(session_in_use("the rate of answers", path))
        output = output.model_copy(update={"format": old.audio.output.format})
        config = with_output(config, output)
    changes.applied -= config != changes.config
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


def opening_config(resident: Resident, model: str) -> SessionConfig:
    """Returns what is in force before a client asks for anything; `model` "" is the default."""
    start = Changes(
        SessionConfig(
            model=model,
            instructions=resident.persona,
            attune=AttuneConfig(policy=resident.policies[0]),
        )
    )
    with_known_names(start, start.config, resident, [])
    return start.config


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


def with_choices(session: Json, resident: Resident) -> Json:
    """Returns settings as JSON with what can be chosen here."""
    choices = {
        "models": list(resident.models),
        "voices": list(resident.voices),
        "policies": list(resident.policies),
        "keeping": resident.records is not None,
    }
    return {**session, "attune": {**session["attune"], "choices": choices}}


def _inner(place: Json, folders: list[str]) -> Json | None:
    """Returns the object that stands so deep in `place`, if one does."""
    for folder in folders:
        inner = place.get(folder)
        if not isinstance(inner, dict):
            return None
        place = cast(Json, inner)
    return place


def refuse_unanswered(kind: str, config: SessionConfig) -> None:
    """Refuses an event of this type where the session is one of transcription.

    Raises:
        ProtocolError: It is about answers, and this session answers nothing.
    """
    if config.answers or kind not in OF_ANSWERED_TALKS:
        return
    raise ProtocolError(
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
