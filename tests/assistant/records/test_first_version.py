"""Logs of version 1 open as they did: `first_version.jsonl` is one.

Two turns were said at 0.2 and 3.2 s and answered together at 7; at 13 s a client had three seconds
of sound answered that it had recorded itself, while a third turn waited.
"""

from pathlib import Path

import pytest

from assistant.records.reading import Record, read_record, resolve
from assistant.records.recording import LOG_NAME
from assistant.records.turns import passages, recorded_turns
from assistant.study.tables.turn_rows import turn_rows

WRITTEN = Path(__file__).with_name("first_version.jsonl").read_text(encoding="utf-8")


def record(folder: Path, written: str = WRITTEN) -> Record:
    folder.mkdir()
    (folder / LOG_NAME).write_text(written, encoding="utf-8")
    return read_record(resolve(folder.parent, folder.name))


def test_a_turn_that_was_held_lies_where_it_was_said_and_other_sound_where_it_was_asked(
    tmp_path: Path,
) -> None:
    found = record(tmp_path / "talk")
    assert found.log.head.version == 1
    turns = recorded_turns(found)
    assert [(turn.start_s, turn.end_s) for turn in turns] == [(0.224, 4.64), (10.056, 13.056)]
    said = [passage for passage in passages(found) if passage.is_person]
    assert [(one.text, one.start_s) for one in said] == [
        ("utterance 0", 0.224),
        ("utterance 1", 10.056),
    ]


def test_the_wait_for_the_order_counts_as_delay(tmp_path: Path) -> None:
    rows = turn_rows(record(tmp_path / "talk").folder, "talk")
    assert [row["first_audio_ms"] for row in rows] == [pytest.approx(2_400.0), 0.0]


def test_a_later_log_is_read_as_it_is_written(tmp_path: Path) -> None:
    turns = recorded_turns(
        record(tmp_path / "talk", WRITTEN.replace('"version": 1', '"version": 2'))
    )
    assert [(turn.start_s, turn.end_s) for turn in turns] == [(4.224, 7.04), (10.056, 13.056)]
