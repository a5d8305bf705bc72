"""Session settings of the protocol → settings of the conversation's loop."""

from assistant.turns.settings import TalkSettings
from ui.realtime.protocol.config import SessionConfig, TurnDetection

EAGERNESS = {"low": 1.6, "medium": 1.0, "auto": 1.0, "high": 0.6}
"""Factor on the silence that ends a turn."""


def talk_settings(config: SessionConfig, usual: TalkSettings) -> TalkSettings:
    """Returns `usual` as a session changes it; echo is the client's own affair."""
    detection = config.audio.input.turn_detection
    patience = usual.patience.model_copy(
        update={"base": usual.patience.base * config.attune.patience * _patience_of(detection)}
    )
    changes: dict[str, object] = {"patience": patience}
    if detection is not None and detection.silence_duration_ms is not None:
        changes["patience"] = patience.model_copy(update={"stranger_ms": 0})
    if detection is None:
        changes["turns"] = "push-to-talk"
    else:
        changes["endpointing"] = usual.endpointing.model_validate(
            usual.endpointing.model_dump() | _endpointing(detection)
        )
        changes["answers"] = detection.create_response and config.answers
        changes["interruptible"] = detection.interrupt_response
    return usual.model_copy(update=changes)


def in_force(config: SessionConfig, usual: TalkSettings) -> dict[str, object]:
    """Returns the settings that a turn is answered under, by the names of the records."""
    detection = config.audio.input.turn_detection
    return {
        "model": config.model,
        "voice": config.audio.output.voice,
        "policy": config.attune.policy,
        "patience": talk_settings(config, usual).patience.base,
        "turns": "by the client" if detection is None else _described(detection),
        "speed": config.audio.output.speed,
        "output": config.output_modalities[0] + _at_most(config),
        "instructions": config.instructions,
    }


def _described(detection: TurnDetection) -> str:
    """Returns how turns are cut, and what of it was chosen: "server_vad (silence 700 ms)"."""
    named = {
        "threshold {:g}": detection.threshold,
        "silence {} ms": detection.silence_duration_ms,
        "lead {} ms": detection.prefix_padding_ms,
        "asks after {} ms": detection.idle_timeout_ms,
    }
    differs = [form.format(value) for form, value in named.items() if value is not None]
    differs += [] if detection.create_response else ["answers when asked"]
    differs += [] if detection.interrupt_response else ["not interruptible"]
    return detection.type + (f" ({', '.join(differs)})" if differs else "")


def _at_most(config: SessionConfig) -> str:
    return "" if config.most_tokens is None else f" (at most {config.most_tokens} tokens)"


def _patience_of(detection: TurnDetection | None) -> float:
    if detection is None or detection.eagerness is None:
        return 1.0
    return EAGERNESS[detection.eagerness]


def _endpointing(detection: TurnDetection) -> dict[str, float]:
    changes: dict[str, float] = {}
    if detection.threshold is not None:
        # Probabilities come close to 0 and 1 and do not reach them.
        threshold = min(max(detection.threshold, 0.01), 0.99)
        changes["start_threshold"] = threshold
        changes["end_threshold"] = 0.7 * threshold
        changes["contested_threshold"] = max(threshold, 0.7)
        changes["duck_threshold"] = max(threshold, 0.6)
    if (silence_ms := detection.silence_duration_ms) is not None:
        changes["shortest_silence_ms"] = changes["longest_silence_ms"] = silence_ms
        changes["eager_ms"] = min(192, silence_ms)
    if (lead_ms := detection.prefix_padding_ms) is not None:
        changes["lead_ms"] = lead_ms
    return changes
