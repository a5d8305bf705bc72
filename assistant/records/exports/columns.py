"""The columns of the exported tables: each says what it means, so that table and codebook agree."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from assistant.records.reading import Record
from assistant.records.turns import RecordedTurn, recorded_turns
from models.emotions import EMOTION_LABELS, Emotion

Row = TypeVar("Row")
LABELS = " | ".join(EMOTION_LABELS)
YES_NO = "0 | 1"
EMPTY = "empty: not kept, or there is none"


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """One column of a table of `Row`s."""

    name: str
    meaning: str
    value: Callable[[Row], Any]
    """None stands for an empty cell; truth values become 0 and 1."""
    unit: str = ""
    values: str = ""
    """What may stand in it, where that is not plain."""

    def cell(self, row: Row) -> Any:
        """Returns what is written for `row`."""
        value = self.value(row)
        if isinstance(value, bool):
            return int(value)
        return round(value, 4) if isinstance(value, float) else value


@dataclass(frozen=True, slots=True)
class TurnOf:
    """A turn and its record, which is a row of the table of turns."""

    record: Record
    turn: RecordedTurn


def turns_of(record: Record) -> list[TurnOf]:
    """Returns the rows of a record in the table of turns."""
    return [TurnOf(record, turn) for turn in recorded_turns(record)]


def _probability(emotion: Emotion) -> Callable[[TurnOf], float | None]:
    def value(row: TurnOf) -> float | None:
        estimate = row.turn.estimate
        return None if estimate is None else estimate.probabilities[emotion]

    return value


def _estimated(row: TurnOf) -> str | None:
    return None if row.turn.estimate is None else row.turn.estimate.emotion.label


def _confidence(row: TurnOf) -> float | None:
    return None if row.turn.estimate is None else row.turn.estimate.confidence


def _abstained(row: TurnOf) -> bool | None:
    return None if row.turn.estimate is None else row.turn.estimate.abstained


def _corrected(row: TurnOf) -> str | None:
    corrected = row.turn.turn.corrected
    return None if corrected is None else corrected.label


def _style(row: TurnOf, name: str) -> Any:
    value = getattr(row.turn.turn.style, name, None)
    return value.label if isinstance(value, Emotion) else value


def _words_confidence(row: TurnOf) -> float | None:
    transcript = row.turn.turn.transcript
    return None if transcript is None else transcript.confidence


def _setting(name: str) -> Callable[[TurnOf], Any]:
    return lambda row: row.turn.settings.get(name)


def _mark(name: str) -> Callable[[TurnOf], float | None]:
    return lambda row: row.turn.turn.marks_ms.get(name)


CONVERSATIONS: tuple[Column[Record], ...] = (
    Column("record", "id of the recorded conversation", lambda r: r.id),
    Column("continues", "id of the talk that it goes on from", lambda r: r.continues or None),
    Column("started_utc", "wall time of its beginning", lambda r: r.started_utc, "ISO 8601, UTC"),
    Column("duration_s", "from its beginning to its last event", lambda r: r.duration_s, "s"),
    Column("turns", "turns of the person", lambda r: len(recorded_turns(r)), "turns"),
    Column("model", "speech model at the beginning", lambda r: r.started and r.started.model),
    Column("voice", "voice at the beginning", lambda r: r.started and r.started.voice),
    Column("policy", "reply policy at the beginning", lambda r: r.started and r.started.policy),
    Column("consent_audio", "sound may be kept", lambda r: r.log.head.consent.audio, "", YES_NO),
    Column("consent_words", "words may be kept", lambda r: r.log.head.consent.words, "", YES_NO),
    Column(
        "consent_emotion", "likewise emotions", lambda r: r.log.head.consent.emotion, "", YES_NO
    ),
    Column("mended", "what was cut off and mended", lambda r: "; ".join(r.log.repairs) or None),
)
TURNS: tuple[Column[TurnOf], ...] = (
    Column("record", "id of the recorded conversation", lambda r: r.record.id),
    Column("turn", "number of the turn, from 0", lambda r: r.turn.turn.index),
    Column("start_s", "beginning of the person's turn in the sound", lambda r: r.turn.start_s, "s"),
    Column("end_s", "end of the person's turn in the sound", lambda r: r.turn.end_s, "s"),
    Column("typed", "typed and not spoken", lambda r: r.turn.is_typed, "", YES_NO),
    Column("words", "what the person said", lambda r: r.turn.words, "", EMPTY),
    Column("words_confidence", "of the words", _words_confidence, "probability", "0 to 1"),
    Column("emotion", "most probable emotion, abstained or not", _estimated, "", LABELS),
    Column("confidence", "probability of that emotion", _confidence, "probability", "0 to 1"),
    Column("abstained", "too unsure to act on", _abstained, "", YES_NO),
    *(
        Column(f"p_{one.label}", f"probability of {one.label}", _probability(one), "probability")
        for one in Emotion
    ),
    Column("corrected_emotion", "emotion by a person's own word", _corrected, "", LABELS),
    Column("corrected_by", "who corrected it", lambda r: r.turn.corrected_by or None),
    Column("style_emotion", "tone of the answer", lambda r: _style(r, "emotion"), "", LABELS),
    Column(
        "style_intensity", "departure from neutral", lambda r: _style(r, "intensity"), "", "0 to 1"
    ),
    Column("style_rate", "speaking rate", lambda r: _style(r, "rate"), "factor"),
    Column("style_pitch", "shift of the mean pitch", lambda r: _style(r, "pitch"), "semitones"),
    Column("style_energy", "level", lambda r: _style(r, "energy"), "dB"),
    Column("reply_generated", "the answer", lambda r: r.turn.turn.generated.strip() or None),
    Column(
        "reply_source",
        "who made the answer",
        lambda r: r.turn.turn.reply_source or None,
        values="model | written (before the talk, to a similar saying) | fixed (Attune's own text)",
    ),
    Column("reply_heard", "what was heard of it", lambda r: r.turn.said or None),
    Column("reply_start_s", "its first sound", lambda r: r.turn.reply_start_s, "s"),
    Column("reply_end_s", "its last sound", lambda r: r.turn.reply_end_s, "s"),
    Column(
        "interrupted", "the person took the floor", lambda r: r.turn.turn.interrupted, "", YES_NO
    ),
    Column("first_audio_ms", "from the last word to the first clip", _mark("first_audio"), "ms"),
    Column("endpoint_reason", "what ended the person's turn", lambda r: r.turn.reason),
    Column("model", "speech model of this turn", _setting("model")),
    Column("voice", "voice of this turn", _setting("voice")),
    Column("policy", "reply policy of this turn", _setting("policy")),
    Column("failed", "an engine broke", lambda r: r.turn.turn.failure is not None, "", YES_NO),
    Column("source", "line of the log that the row stems from", lambda r: r.turn.source(r.record)),
)
