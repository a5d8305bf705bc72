"""The rows of the index: what a log says, in the form that databases take."""

import unicodedata
from datetime import UTC, datetime
from typing import Any

from assistant.errors import InputError
from assistant.records.reading import Record, RecordFolder, read_record, stamp_of
from assistant.records.turns import RecordedTurn, recorded_turns

Row = dict[str, Any]


def rows_of(place: str, found: RecordFolder) -> tuple[Row, list[Row]]:
    """Returns the row of a record and those of its turns."""
    try:
        record = read_record(found)
    except InputError as error:
        return _damaged(place, found, str(error)), []
    turns = recorded_turns(record)
    row = _record_row(place, record, len(turns))
    return row, [_turn_row(place, record, turn) for turn in turns]


def _damaged(place: str, found: RecordFolder, problem: str) -> Row:
    """Returns the row of a record that cannot be read: it is listed all the same."""
    changed_s = found.folder.lstat().st_mtime if found.folder.exists() else 0.0
    return {
        "place": place,
        "id": storable(found.id),
        "state": "damaged",
        "problem": storable(problem),
        "stamp": found.stamp,
        "started_utc": datetime.fromtimestamp(changed_s, UTC).isoformat(timespec="milliseconds"),
        "duration_s": 0.0,
        "turns": 0,
        **dict.fromkeys(("model", "voice", "policy"), ""),
        **dict.fromkeys(("has_audio", "has_words", "has_emotion"), False),
    }


def _record_row(place: str, record: Record, turns: int) -> Row:
    started, consent = record.started, record.log.head.consent
    stamp = stamp_of(record.folder)  # mending has changed it
    state = "open" if record.is_open else "mended" if record.log.repairs else "whole"
    return {
        "place": place,
        "id": storable(record.id),
        "state": state,
        "problem": storable("; ".join(record.log.repairs)),
        # A talk that ends without a further event changes no file: it is read again.
        "stamp": f"open {stamp}" if record.is_open else stamp,
        "started_utc": _utc(record.started_utc),
        "duration_s": record.duration_s,
        "turns": turns,
        "model": storable(started.model if started else ""),
        "voice": storable(started.voice if started else ""),
        "policy": storable(started.policy if started else ""),
        "has_audio": record.audio is not None,
        "has_words": consent.words,
        "has_emotion": consent.emotion,
    }


def _turn_row(place: str, record: Record, turn: RecordedTurn) -> Row:
    words, reply = turn.words or "", turn.turn.generated.strip() or turn.said
    return {
        "place": place,
        "record": storable(record.id),
        "turn": turn.turn.index,
        "line": turn.line,
        "start_s": turn.start_s,
        "end_s": turn.end_s,
        "words": storable(words),
        "reply": storable(reply),
        "emotion": turn.emotion.label if turn.emotion is not None else "",
        "confidence": turn.estimate.confidence if turn.estimate is not None else None,
        "corrected": turn.turn.corrected is not None,
        "interrupted": turn.turn.interrupted,
        "failed": turn.turn.failure is not None,
        "folded": folded(storable(f"{words}\n{reply}")),
    }


def _utc(moment: str) -> str:
    """Returns a time in UTC, so that the order of the texts is that of the moments."""
    try:
        return datetime.fromisoformat(moment).astimezone(UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError):
        return ""


def storable(text: str) -> str:
    """Returns `text` without what databases refuse: halves of characters, and NUL."""
    return text.encode("utf-8", errors="replace").decode("utf-8").replace("\0", "\ufffd")


def folded(text: str) -> str:
    """Returns `text` as searches compare it: in one case, and one form of each letter."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
