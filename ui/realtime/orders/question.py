"""What a client has committed or typed and not had answered yet."""

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform, resample
from assistant.conversation.question import SaidSpan
from ui.realtime.items import Items
from ui.realtime.protocol.config import AudioFormat
from ui.realtime.protocol.formats import SoundReader, sound_bytes
from ui.realtime.protocol.messages import Json, ProtocolError, text_of

LONGEST_COMMIT_S = 120.0
"""Sound that a client may collect for one turn of its own cutting."""
SHORTEST_COMMIT_S = 0.1
MOST_PARTS = 16


@dataclass(frozen=True, slots=True)
class SpokenPart:
    """Something said."""

    sound: Waveform
    """16 kHz."""
    said: SaidSpan | None = None
    """Where in the talk; None where it was recorded by the client, or is asked again."""


QuestionPart = SpokenPart | str
"""Something said or typed."""


class FunctionOutput(str):
    """What came of a function, as the model reads it: nobody said it."""


@dataclass(frozen=True, slots=True)
class TypedQuestion:
    """Typed parts as one question."""

    text: str
    """What the model reads."""
    words: str
    """What of it the person said."""


class PendingQuestion:
    """Spoken or typed parts that one response will answer together."""

    def __init__(self) -> None:
        self._parts: list[tuple[str, QuestionPart]] = []
        self._refused = 0
        self.asked: dict[str, list[QuestionPart]] = {}
        """Parts of what was asked last, by item: they may have to be asked again."""
        self.was_tried = False
        """Whether the client gave something, though perhaps nothing that could be taken."""

    @property
    def parts(self) -> list[QuestionPart]:
        """What the next response is about."""
        return [part for _, part in self._parts[self._refused :] or self._parts]

    def add(self, item_id: str, parts: list[QuestionPart]) -> None:
        """Adds the parts of one item.

        Raises:
            ProtocolError: They do not go with what waits already, or too much would wait.
        """
        together([*self.parts, *parts])
        self._parts += [(item_id, part) for part in parts]

    def holds(self, item_id: str) -> bool:
        """Whether an item waits for its answer."""
        return any(item_id == name for name, _ in self._parts)

    def arrange(self, item_ids: list[str]) -> None:
        """Puts what waits in the order of the items."""
        places = {item_id: place for place, item_id in enumerate(item_ids)}
        self._parts[self._refused :] = sorted(
            self._parts[self._refused :], key=lambda entry: places.get(entry[0], -1)
        )

    def forget(self, item_id: str | None = None) -> None:
        """Forgets the parts of one item, or all."""
        self._parts = [entry for entry in self._parts if item_id not in (None, entry[0])]
        self._refused = min(self._refused, len(self._parts))

    def refuse(self) -> None:
        """Their response was refused: they wait on, but what comes after them counts alone."""
        self._refused = len(self._parts)

    def take(self) -> "Taken":
        """Gives them away: an answer to them was ordered."""
        taken = Taken(tuple(self._parts[self._refused :] or self._parts))
        self._parts, self._refused, self.was_tried = [], 0, False
        return taken

    def ask(self, taken: "Taken") -> None:
        """They are answered now, or were to be: from here on they may be asked again."""
        if taken.entries:
            self.asked = {}
        for item_id, part in taken.entries:
            # Asked again it is another turn, and two cannot lie at the same place.
            again = part if isinstance(part, str) else replace(part, said=None)
            self.asked.setdefault(item_id, []).append(again)


@dataclass(frozen=True, slots=True)
class Taken:
    """What an answer was ordered to."""

    entries: tuple[tuple[str, QuestionPart], ...]
    """The parts, each with its item."""

    @property
    def parts(self) -> list[QuestionPart]:
        """The parts alone."""
        return [part for _, part in self.entries]

    def among(self, items: Items) -> "Taken":
        """Returns what of it was not deleted since."""
        return Taken(tuple(entry for entry in self.entries if entry[0] in items))


def together(parts: list[QuestionPart]) -> SpokenPart | TypedQuestion:
    """Returns parts as one question; empty where there are none.

    Raises:
        ProtocolError: Some are spoken and some typed, or they are too many.
    """
    texts = [part for part in parts if isinstance(part, str)]
    spoken = [part for part in parts if not isinstance(part, str)]
    if texts and spoken:
        raise ProtocolError(
            "a turn is either spoken or typed: create a response after each", code="unsupported"
        )
    length = sum(len(part.sound) for part in spoken)
    if len(parts) > MOST_PARTS or length > LONGEST_COMMIT_S * SPEECH_RATE_HZ:
        raise ProtocolError(
            "too much waits for an answer: create a response", code="unanswered_items"
        )
    if spoken:
        return SpokenPart(
            np.concatenate([part.sound for part in spoken]), _from_first_to_last(spoken)
        )
    said = (text for text in texts if not isinstance(text, FunctionOutput))
    return TypedQuestion("\n".join(texts), "\n".join(said))


def _from_first_to_last(spoken: list[SpokenPart]) -> SaidSpan | None:
    """Returns where parts were said that are asked as one; None where the talk has not all."""
    spans = [part.said for part in spoken if part.said is not None]
    if len(spans) < len(spoken):
        return None
    return SaidSpan(spans[0].start_s, spans[-1].end_s)


def read_parts(content: object, sound: AudioFormat) -> list[Waveform | str]:
    """Returns the content of a user message; its audio is as `sound` says, what comes is 16 kHz.

    Raises:
        ProtocolError: A part is of another kind, or impossible.
    """
    parts = cast(list[Any], content) if isinstance(content, list) else []
    if not 1 <= len(parts) <= MOST_PARTS:
        raise ProtocolError(f"content must hold 1 to {MOST_PARTS} parts", param="item.content")
    return [_read_part(part, sound) for part in parts]


def shown_part(part: QuestionPart) -> Json:
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
            "a part is input_text or input_audio: send those alone, as nothing else is seen here",
            code="unsupported",
            param="item.content",
        )
    data = sound_bytes(fields.get("audio"), param="item.content.audio")
    samples = SoundReader().read(data, sound.type)
    if not SHORTEST_COMMIT_S <= len(samples) / sound.rate <= LONGEST_COMMIT_S:
        raise ProtocolError(
            f"the audio must have {SHORTEST_COMMIT_S} to {LONGEST_COMMIT_S:.0f} s",
            param="item.content.audio",
        )
    return resample(samples, from_hz=sound.rate, to_hz=SPEECH_RATE_HZ)
