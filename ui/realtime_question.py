"""What a client has committed or typed and not had answered yet."""

from typing import Any, cast

import numpy as np

from assistant.audio import SPEECH_RATE_HZ, Waveform, resample
from ui.realtime_config import AudioFormat
from ui.realtime_formats import SoundReader, sound_bytes
from ui.realtime_protocol import Json, ProtocolError, text_of

LONGEST_COMMIT_S = 120.0
"""Sound that a client may collect for one turn of its own cutting."""
SHORTEST_COMMIT_S = 0.1
MOST_PARTS = 16


class PendingQuestion:
    """Spoken or typed parts that one response will answer together."""

    def __init__(self) -> None:
        self._parts: list[Waveform | str] = []

    def add(self, part: Waveform | str) -> None:
        """Adds sound (16 kHz) or text.

        Raises:
            ProtocolError: It does not go with what waits already, or too much would wait.
        """
        if any(isinstance(known, str) != isinstance(part, str) for known in self._parts):
            raise ProtocolError(
                "a turn is either spoken or typed: create a response after each",
                code="unsupported",
            )
        waiting = sum(len(known) for known in (*self._parts, part) if not isinstance(known, str))
        if len(self._parts) >= MOST_PARTS or waiting > LONGEST_COMMIT_S * SPEECH_RATE_HZ:
            raise ProtocolError(
                "too much waits for an answer: create a response", code="unanswered_items"
            )
        self._parts.append(part)

    def take(self) -> Waveform | str:
        """Returns all parts as one question, and forgets them.

        Raises:
            ProtocolError: There is none.
        """
        parts, self._parts = self._parts, []
        if not parts:
            raise ProtocolError(
                "there is nothing to answer: commit audio or create a user message first",
                code="nothing_to_answer",
            )
        texts = [part for part in parts if isinstance(part, str)]
        if texts:
            return "\n".join(texts)
        return np.concatenate([part for part in parts if not isinstance(part, str)])


def read_parts(content: object, sound: AudioFormat) -> list[Waveform | str]:
    """Returns the content of a user message; its audio is as `sound` says, what comes is 16 kHz.

    Raises:
        ProtocolError: A part is of another kind, or impossible.
    """
    parts = cast(list[Any], content) if isinstance(content, list) else []
    if not 1 <= len(parts) <= MOST_PARTS:
        raise ProtocolError(f"content must hold 1 to {MOST_PARTS} parts", param="item.content")
    return [_read_part(part, sound) for part in parts]


def shown_part(part: Waveform | str) -> Json:
    """Returns a part as it stands in the item."""
    if isinstance(part, str):
        return {"type": "input_text", "text": part}
    return {"type": "input_audio", "transcript": None}


def empty_commit(found: str) -> ProtocolError:
    """Returns the error for a commit without sound."""
    return ProtocolError(
        f"{found}: append at least {1_000 * SHORTEST_COMMIT_S:.0f} ms of speech first",
        code="input_audio_buffer_commit_empty",
    )


def _read_part(part: object, sound: AudioFormat) -> Waveform | str:
    fields = cast(Json, part) if isinstance(part, dict) else {}
    if fields.get("type") == "input_text":
        return text_of(fields.get("text"), param="item.content.text")
    if fields.get("type") != "input_audio":
        raise ProtocolError(
            "a part is input_text or input_audio", code="unsupported", param="item.content"
        )
    data = sound_bytes(fields.get("audio"), param="item.content.audio")
    samples = SoundReader().read(data, sound.type)
    if not SHORTEST_COMMIT_S <= len(samples) / sound.rate <= LONGEST_COMMIT_S:
        raise ProtocolError(
            f"the audio must have {SHORTEST_COMMIT_S} to {LONGEST_COMMIT_S:.0f} s",
            param="item.content.audio",
        )
    return resample(samples, from_hz=sound.rate, to_hz=SPEECH_RATE_HZ)
