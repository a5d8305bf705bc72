"""Deletion reaches log, sound, index and exports; its receipt says nothing of the talk."""

import fcntl
import json
import os
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assistant.errors import InputError, OutputError
from assistant.records.backup import back_up
from assistant.records.exporting import write_exports
from assistant.records.exports.table import FORMATS
from assistant.records.index import Index, Query
from assistant.records.reading import find_records, read_record, resolve
from assistant.records.recording import AUDIO_NAME, LOG_NAME
from assistant.records.removal.deletion import delete_record, finish_deletions, older_than
from tests.assistant.records.made import BEGAN, TALK, Said, make_record

SECRETS = (b"driving", b"shoulder", b"sorry")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "records"
    make_record(folder / "one")
    make_record(folder / "two", [Said("Something else.", reply="I see.")])
    return folder


def delete(root: Path, name: str) -> tuple[dict[str, object], Path]:
    with Index(root) as index:
        index.sync()
        receipt, path = delete_record(root, resolve(root, name), lambda one: index.forget([one]))
    return receipt.model_dump(), path


def test_everything_is_gone_and_the_receipt_says_so(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for form in FORMATS:
        write_exports([resolve(root, "one"), resolve(root, "two")], form, out, pytest.fail)
    told, path = delete(root, "one")
    assert [found.id for found in find_records(root)] == ["two"]
    for file in [*tmp_path.rglob("*")]:
        if file.is_file() and "two" not in file.name and "two" not in file.parts:
            for secret in SECRETS:
                assert secret not in file.read_bytes(), (file, secret)
    assert json.loads(path.read_text())["record"] == "one"
    assert path.stat().st_mode & 0o077 == 0
    assert told["left"] == []
    assert told["index"] is True
    removed = {one["path"] for one in told["removed"]}  # type: ignore[attr-defined]
    assert {"one/events.jsonl", "one/audio.wav", str(out / "one.html")} <= removed
    assert len(told["rows_removed_from"]) == 2  # type: ignore[arg-type]
    assert "Something else." in (out / "turns.csv").read_text()
    assert (out / "two.html").exists()
    with Index(root) as index:
        assert [one.record.id for one in index.search(Query())] == ["two"]


def test_what_is_not_what_was_exported_is_left_and_named(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for form in ("md", "vtt", "srt", "csv"):
        write_exports([resolve(root, "one")], form, out, pytest.fail)
    (out / "one.md").write_text("my own notes")
    (out / "one.vtt").rename(tmp_path / "moved.vtt")
    (out / "one.srt").unlink()
    (out / "one.srt").symlink_to(tmp_path / "moved.vtt")
    (out / "turns.csv").write_text("no,table\n")
    told, _ = delete(root, "one")
    left = "\n".join(told["left"])  # type: ignore[arg-type]
    for name in ("one.md", "one.vtt", "one.srt", "turns.csv"):
        assert name in left
    assert (out / "one.md").read_text() == "my own notes"
    assert (tmp_path / "moved.vtt").exists()


def test_a_talk_under_way_and_a_link_are_not_deleted(root: Path) -> None:
    with (root / "one" / LOG_NAME).open("ab") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="still being recorded"):
            delete(root, "one")
    (root / "link").symlink_to(root / "one")
    with pytest.raises(InputError, match="is a link"):
        delete(root, "link")
    assert (root / "one" / AUDIO_NAME).exists()


def test_a_damaged_record_can_be_deleted(root: Path) -> None:
    (root / "one" / LOG_NAME).write_text("nonsense")
    delete(root, "one")
    assert not (root / "one").exists()


def test_links_within_a_record_are_removed_and_not_followed(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine.txt").write_text("mine")
    (root / "one" / "way-out").symlink_to(outside)
    delete(root, "one")
    assert (outside / "mine.txt").read_text() == "mine"


def test_a_database_that_is_away_does_not_stop_a_deletion(root: Path) -> None:
    def forget(_record: str) -> None:
        raise OutputError("the database is away")

    receipt, _ = delete_record(root, resolve(root, "one"), forget)
    assert not receipt.index
    assert not (root / "one").exists()


def test_an_interrupted_deletion_is_finished(root: Path) -> None:
    (root / "one").rename(root / ".deleted-1-one")
    assert [found.id for found in find_records(root)] == ["two"]
    finish_deletions(root)
    assert not (root / ".deleted-1-one").exists()


def test_what_is_old_is_found_by_its_last_event(root: Path) -> None:
    make_record(root / "new", TALK, began=BEGAN + timedelta(days=9))
    (root / "broken").mkdir()
    (root / "broken" / LOG_NAME).write_text("nonsense\n")
    now = BEGAN + timedelta(days=10, hours=1)
    old_s = (BEGAN - timedelta(days=1)).timestamp()
    os.utime(root / "broken", (old_s, old_s))
    assert [one.found.id for one in older_than(root, 10, now)] == ["broken", "one", "two"]
    assert [one.found.id for one in older_than(root, 0.5, now)] == ["broken", "new", "one", "two"]
    assert older_than(root, 12, now) == []
    assert older_than(root, 0, datetime.now(UTC))


def test_a_backup_is_a_folder_of_records(root: Path, tmp_path: Path) -> None:
    with (root / "two" / LOG_NAME).open("ab") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        log.write(b'{"event": "Mu')
        log.flush()
        backup = back_up(root, tmp_path / "safe" / "backup.tar.gz")
    assert backup.records == ["one", "two"]
    archive = tmp_path / "safe" / "backup.tar.gz"
    assert archive.stat().st_mode & 0o077 == 0
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "restored", filter="data")
    for name in ("one", "two"):
        restored = read_record(resolve(tmp_path / "restored", name))
        assert restored.log.events == read_record(resolve(root, name)).log.events
        assert restored.log.repairs == ()
    with pytest.raises(OutputError, match="not written over"):
        back_up(root, archive)
    told, _ = delete(root, "one")
    assert told["left"] == [f"{archive}: a backup that holds it"]
    archive.unlink()
    assert delete(root, "two")[0]["left"] == []
