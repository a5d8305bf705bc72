"""Records are found, read and mended; nothing in them is trusted."""

import fcntl
import json
import os
from pathlib import Path

import pytest

from assistant.errors import InputError
from assistant.records.reading import find_records, read_record, resolve
from assistant.records.recording import AUDIO_NAME, LOG_NAME
from tests.assistant.records.made import make_record


def test_records_are_found_by_their_log_or_sound(tmp_path: Path) -> None:
    make_record(tmp_path / "b")
    make_record(tmp_path / "a")
    (tmp_path / "sound-only").mkdir()
    (tmp_path / "sound-only" / AUDIO_NAME).write_bytes(b"RIFF")
    (tmp_path / "receipts").mkdir()
    (tmp_path / ".deleted-x").mkdir()
    (tmp_path / "index.sqlite").touch()
    assert [found.id for found in find_records(tmp_path)] == ["a", "b", "sound-only"]
    with pytest.raises(InputError, match="--records"):
        find_records(tmp_path / "nowhere")


def test_a_record_is_read_with_its_times(tmp_path: Path) -> None:
    make_record(tmp_path / "talk")
    record = read_record(resolve(tmp_path, "talk"))
    assert record.started is not None
    assert (record.started.model, record.started_utc[:16]) == ("mini", "2026-03-01T09:30")
    assert (record.offset_s, record.duration_s) == (0.0, 12.0)
    assert record.audio == tmp_path / "talk" / AUDIO_NAME
    make_record(tmp_path / "late", offset_s=30.0)
    late = read_record(resolve(tmp_path, "late"))
    assert (late.offset_s, late.duration_s) == (30.0, 12.0)


@pytest.mark.parametrize("name", ["../talk", "/etc", "..", ".", "", "talk/../talk", "talk\0"])
def test_an_id_never_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    make_record(tmp_path / "talk")
    make_record(tmp_path / "records" / "other")
    with pytest.raises(InputError, match="there is no record"):
        resolve(tmp_path / "records", name)


def test_ids_may_be_shortened_and_near_ones_are_named(tmp_path: Path) -> None:
    for name in ("20260301-0930", "20260301-1130", "20260402-0800"):
        make_record(tmp_path / name)
    assert resolve(tmp_path, "202604").id == "20260402-0800"
    with pytest.raises(InputError, match="any of 20260301-0930, 20260301-1130"):
        resolve(tmp_path, "202603")
    with pytest.raises(InputError, match=r"did you mean .*20260402-0800"):
        resolve(tmp_path, "20260402-0900")
    with pytest.raises(InputError, match="records list"):
        resolve(tmp_path, "zzz")


def test_links_are_never_followed(tmp_path: Path) -> None:
    outside = make_record(tmp_path / "outside" / "secret")
    root = tmp_path / "records"
    root.mkdir()
    (root / "whole").symlink_to(outside)
    (root / "log").mkdir()
    (root / "log" / LOG_NAME).symlink_to(outside / LOG_NAME)
    make_record(root / "sound")
    (root / "sound" / AUDIO_NAME).unlink()
    (root / "sound" / AUDIO_NAME).symlink_to(outside / AUDIO_NAME)
    assert len(find_records(root)) == 3
    for found in find_records(root):
        with pytest.raises(InputError, match="is a link"):
            read_record(found)


def test_a_pipe_in_place_of_a_log_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "talk").mkdir()
    os.mkfifo(tmp_path / "talk" / LOG_NAME)
    with pytest.raises(InputError, match="it is no file"):
        read_record(resolve(tmp_path, "talk"))


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[]",
        '{"event": "Muted", "at_s": "soon", "muted": true, "wall_utc": "2026"}',
        '{"event": "Muted", "at_s": NaN, "muted": true, "wall_utc": "2026"}',
        '{"event": "EmotionHeard", "at_s": 1, "turn": 0, "estimate": {"probabilities": [1.0]},'
        ' "wall_utc": "2026"}',
        "[" * 100_000,
        "\xff",
    ],
)
def test_damage_in_the_middle_is_named_by_its_line(tmp_path: Path, line: str) -> None:
    path = make_record(tmp_path / "talk") / LOG_NAME
    lines = path.read_bytes().split(b"\n")
    lines[4] = line.encode("latin-1")
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(InputError, match="line 5 is no line of a record"):
        read_record(resolve(tmp_path, "talk"))


@pytest.mark.parametrize(
    "head", ["", "{}\n", '{"format": "other"}\n', '{"version": 99}\n', "nonsense\n"]
)
def test_a_log_with_another_head_is_refused(tmp_path: Path, head: str) -> None:
    path = make_record(tmp_path / "talk") / LOG_NAME
    path.write_text(head)
    if head == "{}\n":  # the head of the first logs: all fields have defaults
        assert read_record(resolve(tmp_path, "talk")).log.events == []
        return
    with pytest.raises(InputError, match="line 1"):
        read_record(resolve(tmp_path, "talk"))


def test_a_record_that_is_being_written_is_read_and_not_mended(tmp_path: Path) -> None:
    folder = make_record(tmp_path / "talk")
    with (folder / LOG_NAME).open("ab") as log:
        log.write(b'{"event": "Mu')
        log.flush()
        fcntl.flock(log, fcntl.LOCK_EX)
        before = (folder / LOG_NAME).read_bytes()
        record = read_record(resolve(tmp_path, "talk"))
        assert record.is_open
        assert len(record.log.events) == len(before.splitlines()) - 2
        assert (folder / LOG_NAME).read_bytes() == before
    record = read_record(resolve(tmp_path, "talk"))
    assert not record.is_open
    assert record.log.repairs
    assert json.loads((folder / LOG_NAME).read_bytes().splitlines()[-1])
