"""The index: found by words, emotion and date; never the truth, and never in the way."""

import fcntl
import multiprocessing
import os
import sqlite3
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlmodel import SQLModel

from assistant.errors import InputError, OutputError, SettingsError
from assistant.records import reading
from assistant.records.database import FILE_NAME, MIGRATIONS, NEWEST, VERSION_TABLE, Database
from assistant.records.index import Index, Query, Synced, rebuild
from assistant.records.reading import RecordFolder
from assistant.records.recording import LOG_NAME, Consent
from assistant.records.rows import folded
from models.emotions import Emotion
from tests.assistant.records.made import BEGAN, TALK, Said, make_record
from tests.assistant.records.postgres import postgres


@pytest.fixture(scope="module")
def server() -> Generator[str]:
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Each test with both databases."""
    return request.getfixturevalue("server") if request.param == "postgresql" else None


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three talks on three days."""
    make_record(tmp_path / "first")
    make_record(
        tmp_path / "second",
        [Said("Grüße aus der STRASSE, 100 % sicher", Emotion.HAPPY, "What a_day!")],
        began=BEGAN + timedelta(days=1),
    )
    make_record(
        tmp_path / "third",
        [Said("", Emotion.NEUTRAL, "")],
        began=BEGAN + timedelta(days=2),
        consent=Consent(audio=False, words=False, emotion=False),
    )
    return tmp_path


def ids(index: Index, query: Query | None = None) -> list[str]:
    return [listed.record.id for listed in index.search(query or Query())]


def test_records_are_listed_the_latest_first(root: Path, url: str | None) -> None:
    with Index(root, url) as index:
        assert index.sync() == Synced(read=3, gone=0)
        assert ids(index) == ["third", "second", "first"]
        assert ids(index, Query(most=1, skip=1)) == ["second"]
        assert index.count(Query()) == 3
        first = index.search(Query())[2]
        assert first.emotions == {"sad": 1, "angry": 1, "happy": 1}
        assert first.match is not None
        assert first.match.words == TALK[0].words
        record = first.record
        assert (record.state, record.turns, record.duration_s) == ("whole", 3, 12.0)
        assert (record.model, record.voice, record.policy) == ("mini", "piper", "empathetic")
        third = index.search(Query())[0].record
        assert (third.has_audio, third.has_words, third.has_emotion) == (False, False, False)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(text="DRIVING test"), ["first"]),
        (Query(text="laughing", emotion="happy"), ["first"]),
        (Query(text="laughing", emotion="sad"), []),
        (Query(text="so sorry"), ["first"]),
        (Query(text="grüsse"), ["second"]),
        (Query(text="strasse"), ["second"]),
        (Query(text="100 %"), ["second"]),
        (Query(text="0 % s"), ["second"]),
        (Query(text="%"), ["second"]),
        (Query(text="a_d"), ["second"]),
        (Query(text="a%d"), []),
        (Query(text="'; DROP TABLE attune_turn; --"), []),
        (Query(emotion="happy"), ["second", "first"]),
        (Query(emotion="neutral"), []),
        (Query(since="2026-03-02"), ["third", "second"]),
        (Query(until="2026-03-02"), ["first"]),
        (Query(since="2026-03-02", until="2026-03-03", text="day"), ["second"]),
    ],
)
def test_records_are_found(root: Path, url: str | None, query: Query, expected: list[str]) -> None:
    with Index(root, url) as index:
        index.sync()
        assert ids(index, query) == expected
        assert index.count(query) == len(expected)


def test_searches_compare_one_form_of_each_letter() -> None:
    assert folded("Stra\u00dfe  CAFE\u0301\n\uff21") == "strasse caf\u00e9 a"


def test_only_what_changed_is_read_again(root: Path, url: str | None) -> None:
    with Index(root, url) as index:
        index.sync()
        assert index.sync() == Synced(0, 0)
        make_record(root / "fourth", began=BEGAN + timedelta(days=3))
        (root / "first" / LOG_NAME).unlink()
        (root / "first" / "audio.wav").unlink()
        (root / "first").rmdir()
        assert index.sync() == Synced(read=1, gone=1)
        assert ids(index) == ["fourth", "third", "second"]
        assert ids(index, Query(text="shoulder")) == ["fourth"]


def test_a_talk_under_way_is_read_until_it_ends(root: Path) -> None:
    log = (root / "first" / LOG_NAME).open("ab")
    with log, Index(root) as index:
        fcntl.flock(log, fcntl.LOCK_EX)
        index.sync()
        assert {one.record.id: one.record.state for one in index.search(Query())} == {
            "first": "open",
            "second": "whole",
            "third": "whole",
        }
        log.close()
        assert index.sync() == Synced(1, 0)
        assert {one.record.state for one in index.search(Query())} == {"whole"}
        assert index.sync() == Synced(0, 0)


def test_damaged_records_are_listed_with_their_line(root: Path, url: str | None) -> None:
    path = root / "second" / LOG_NAME
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*lines[:3], b"nonsense", *lines[4:]]))
    third = root / "third" / LOG_NAME
    third.write_bytes(third.read_bytes()[:-20])
    (root / "link").symlink_to(root / "first")
    with Index(root, url) as index:
        index.sync()
        told = {one.record.id: one.record for one in index.search(Query())}
        assert "line 4" in told["second"].problem
        assert told["second"].state == told["link"].state == "damaged"
        assert "cut off" in told["third"].problem
        assert told["third"].state == "mended"
        assert index.sync() == Synced(0, 0)


def test_folders_in_one_database_do_not_mix(root: Path, tmp_path: Path, server: str) -> None:
    other = tmp_path / "other"
    make_record(other / "first", [Said("Something else.")])
    with Index(root, server) as here, Index(other, server) as there:
        here.sync()
        there.sync()
        assert ids(there) == ["first"]
        assert ids(here, Query(text="else")) == []
        there.forget(["first"])
        assert "first" in ids(here)


def test_odd_names_and_words_are_kept_as_far_as_a_database_can(root: Path, url: str | None) -> None:
    (root / os.fsdecode(b"odd\xff")).mkdir()
    (root / os.fsdecode(b"odd\xff") / LOG_NAME).write_text("nonsense\n")
    make_record(root / "nul", [Said("a\0b")])
    with Index(root, url) as index:
        assert index.sync() == Synced(5, 0)
        assert index.sync() == Synced(0, 0)
        assert {"odd?", "nul"} < set(ids(index))


def test_rebuilding_heals_what_is_no_index(root: Path) -> None:
    (root / FILE_NAME).write_bytes(b"this is no database" * 100)
    with pytest.raises(OutputError, match=r"logs are the truth.*records rebuild"):
        Index(root)
    assert rebuild(root) == Synced(3, 0)
    with Index(root) as index:
        assert len(ids(index)) == 3


def test_rebuilding_forgets_what_no_log_says(root: Path, url: str | None) -> None:
    with Index(root, url) as index:
        index.sync()
    database = Database(root, url)
    with database.writing() as connection:
        connection.execute(text("UPDATE attune_turn SET folded = 'nonsense'"))
    database.close()
    assert rebuild(root, url).read == 3
    with Index(root, url) as index:
        assert ids(index, Query(text="nonsense")) == []
        assert ids(index, Query(text="shoulder")) == ["first"]


def test_a_database_that_is_not_there_is_said_and_its_password_is_not(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="logs are the truth") as told:
        Index(tmp_path, f"postgresql://me:secret@/db?host={tmp_path}")
    assert "secret" not in str(told.value)
    assert "leave --index out" in str(told.value)


@pytest.mark.parametrize("url", ["nonsense", "mysql://localhost/x", "sqlite://", "http://x/y"])
def test_other_databases_are_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="postgresql://"):
        Index(tmp_path, url)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere.*or record a talk by --record"):
        Index(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    with Index(tmp_path) as index:
        tmp_path.joinpath("x").touch()
        assert index.sync() == Synced(0, 0)
    with pytest.raises(InputError, match="--records"):
        rebuild(tmp_path / "x", f"sqlite:///{tmp_path}/y.sqlite")


def test_what_is_forgotten_is_in_no_file_of_the_database(root: Path) -> None:
    with Index(root) as index:
        index.sync()
        assert any(b"shoulder" in path.read_bytes() for path in root.glob(f"{FILE_NAME}*"))
        index.forget(["first"])
        assert ids(index) == ["third", "second"]
        for path in root.glob(f"{FILE_NAME}*"):
            assert b"shoulder" not in path.read_bytes(), path
            assert path.stat().st_mode & 0o077 == 0


def _sync(root: Path, url: str | None) -> None:
    with Index(root, url) as index:
        index.sync()


def test_many_writers_at_once(tmp_path: Path, url: str | None) -> None:
    for number in range(30):
        make_record(tmp_path / f"talk-{number:02d}", [Said()], consent=Consent(audio=False))
    start = multiprocessing.get_context("spawn")
    processes = [start.Process(target=_sync, args=(tmp_path, url)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    with Index(tmp_path, url) as index:
        assert len(ids(index)) == 30
        assert index.sync() == Synced(0, 0)


def test_what_another_process_adds_meanwhile_is_not_taken_for_gone(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One looks at the folder, another records a talk and tells the index, the first goes on."""
    looked: list[bool] = []
    find = reading.find_records

    def slow(folder: Path) -> list[RecordFolder]:
        found = find(folder)
        if not looked:
            looked.append(True)
            make_record(root / "meanwhile")
            with Index(root) as other:
                other.sync()
        return found

    monkeypatch.setattr("assistant.records.index.find_records", slow)
    with Index(root) as index:
        assert index.sync().gone == 0
        assert "meanwhile" in ids(index)


def test_the_migrations_make_the_tables_of_the_classes(root: Path, url: str | None) -> None:
    database = Database(root, url)
    with database.reading() as connection:
        context = MigrationContext.configure(connection)
        ours = {"attune_record", "attune_turn"}
        differing = [
            change
            for change in compare_metadata(context, SQLModel.metadata)
            if getattr(change[1], "name", None) in ours and change[0] != "remove_table"
        ]
    assert differing == []
    database.close()
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [NEWEST]


def test_an_index_of_a_newer_version_is_left_alone(root: Path) -> None:
    with Index(root):
        pass
    with sqlite3.connect(root / FILE_NAME) as raw:
        raw.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    raw.close()
    with pytest.raises(OutputError, match="newer Attune"):
        Index(root)
    assert rebuild(root) == Synced(3, 0)


def test_a_database_that_goes_away_loses_nothing(root: Path) -> None:
    with postgres() as url:
        index = Index(root, url)
        index.sync()
    with index:
        with pytest.raises(OutputError, match=r"records in .* are whole.*leave --index out"):
            index.search(Query(text="shoulder"))
        with pytest.raises(OutputError, match="logs are the truth"):
            index.forget(["first"])
    with Index(root) as other:
        other.sync()
        assert ids(other, Query(text="shoulder")) == ["first"]
