"""The turns of a record with what only a record knows of them: lines, times of the answer, ends."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from assistant import events
from assistant.engines.protocols import EmotionEstimate
from assistant.history import Turn, turn_after, turn_index
from assistant.records.reading import Record
from assistant.records.recording import LOG_NAME
from models.emotions import Emotion

FIRST_LINE = 2
"""Of the events in a log: the head stands before them."""


@dataclass(frozen=True, slots=True)
class RecordedTurn:
    """One turn; its times are seconds from the beginning of the record, as in its sound."""

    turn: Turn
    line: int
    """Of the log, where the turn ends; the line of which each exported row says it stems."""
    reason: str
    """What ended the turn of the person."""
    offset_s: float
    """What was taken off the times of the events."""
    reply_start_s: float | None = None
    """First sound of the answer; None where nothing was played."""
    reply_end_s: float | None = None
    corrected_by: str = ""
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    """Those it was answered under, from the head where the turn does not name them."""

    @property
    def start_s(self) -> float:
        """Beginning of the person's turn."""
        return max(0.0, self.turn.start_s - self.offset_s)

    @property
    def end_s(self) -> float:
        """End of the person's turn."""
        return max(0.0, self.turn.end_s - self.offset_s)

    @property
    def is_typed(self) -> bool:
        """Whether it was typed and not spoken."""
        return self.turn.transcript is not None and self.turn.transcript.source == "typed"

    @property
    def words(self) -> str | None:
        """What the person said; None where words were not kept."""
        return None if self.turn.transcript is None else self.turn.transcript.text

    @property
    def said(self) -> str:
        """What the person heard of the answer; where nothing was cut off, all of it."""
        turn = self.turn
        return turn.heard if turn.interrupted else turn.heard or turn.generated.strip()

    @property
    def emotion(self) -> Emotion | None:
        """The emotion that counts: corrected, else estimated; None where the model abstained."""
        return self.turn.emotion

    @property
    def estimate(self) -> EmotionEstimate | None:
        """What the model heard in the voice."""
        return self.turn.estimate

    def source(self, record: Record) -> str:
        """Returns where in the log the turn stands."""
        return f"{record.id}/{LOG_NAME}:{self.line}"


def recorded_turns(record: Record) -> list[RecordedTurn]:
    """Returns the turns of a record in their order."""
    turns: dict[int, Turn] = {}
    told: dict[int, RecordedTurn] = {}
    for line, event in enumerate(record.log.events, start=FIRST_LINE):
        index = turn_index(event)
        if index is None:
            continue
        turn = turn_after(turns.get(index), event)
        if turn is None:
            turns.pop(index, None)
        else:
            turns[index] = turn
            if isinstance(event, events.UtteranceEnded):
                told[index] = _begun(turn, event, line, record)
            else:
                told[index] = _told(told[index], event)
    return [_closed(replace(told[index], turn=turns[index]), record) for index in sorted(turns)]


def newest_turns(records: Iterable[Record], most: int) -> tuple[Turn, ...]:
    """Returns the newest turns of records, of which the newest comes first, counted from 0."""
    turns: list[Turn] = []
    for record in records:
        turns = [one.turn for one in recorded_turns(record)] + turns
        if len(turns) >= most:
            break
    return tuple(replace(turn, index=index) for index, turn in enumerate(turns[-most:]))


def _begun(turn: Turn, event: events.UtteranceEnded, line: int, record: Record) -> RecordedTurn:
    started = record.started
    opening = started.in_force if started is not None else {}
    if started is not None and not opening:
        opening = {"model": started.model, "voice": started.voice, "policy": started.policy}
    settings = turn.settings or opening
    return RecordedTurn(turn, line, event.reason, record.offset_s, settings=settings)


def _told(turn: RecordedTurn, event: events.Event) -> RecordedTurn:
    at_s = max(0.0, event.at_s - turn.offset_s)
    match event:
        case events.ReplyStarted():
            return replace(turn, reply_start_s=at_s)
        case events.ReplyFinished() | events.Interrupted():
            return replace(turn, reply_end_s=at_s)
        case events.EmotionCorrected(by=by):
            return replace(turn, corrected_by=by)
        case _:
            return turn


def _closed(turn: RecordedTurn, record: Record) -> RecordedTurn:
    """Ends an answer that was cut off together with the record."""
    if turn.reply_start_s is None or turn.reply_end_s is not None:
        return turn
    return replace(turn, reply_end_s=max(turn.reply_start_s, record.duration_s))


@dataclass(frozen=True, slots=True)
class Passage:
    """Something that was said, by one of both, from here to there."""

    is_person: bool
    turn: RecordedTurn
    start_s: float
    end_s: float
    text: str

    @property
    def speaker(self) -> str:
        """Who said it."""
        return "You" if self.is_person else "Attune"


SHORTEST_S = 0.5
"""Of a passage: what was typed takes no time, and would never be seen in captions."""


def passages(record: Record) -> list[Passage]:
    """Returns all that was said and kept as words, in the order of its beginnings."""
    found = [one for turn in recorded_turns(record) for one in _passages(turn)]
    return sorted(found, key=lambda passage: passage.start_s)


def _passages(turn: RecordedTurn) -> Iterator[Passage]:
    if turn.words:
        end_s = max(turn.end_s, turn.start_s + SHORTEST_S)
        yield Passage(True, turn, turn.start_s, end_s, turn.words)
    if turn.said and turn.reply_start_s is not None and turn.reply_end_s is not None:
        end_s = max(turn.reply_end_s, turn.reply_start_s + SHORTEST_S)
        yield Passage(False, turn, turn.reply_start_s, end_s, turn.said)


def timed_words(passage: Passage) -> list[tuple[str, float, float]]:
    """Returns each word of a passage and its times in seconds.

    Neither model nor voice says where its words lie: they are placed in proportion to their
    letters.
    """
    words = passage.text.split()
    letters = sum(len(word) + 1 for word in words)
    found: list[tuple[str, float, float]] = []
    place = passage.start_s
    for word in words:
        end = place + (passage.end_s - passage.start_s) * (len(word) + 1) / letters
        found.append((word, round(place, 3), round(end, 3)))
        place = end
    return found
