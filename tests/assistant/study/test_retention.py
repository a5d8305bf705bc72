"""Data is deleted when its time is over though nobody asks for it, and never too early."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

import app
from assistant.errors import InputError, SettingsError
from assistant.records.recording import Consent, Recorder
from assistant.study.keeping import retention
from assistant.study.keeping.retention import (
    delete_expired,
    enforce_retention,
    hold,
    holding,
    release,
)
from assistant.study.keeping.store import read_lines
from assistant.study.run.runner import Runner
from assistant.study.tables.exporting import export
from tests.assistant.study.small_study import CONTENT, go_through, make_study
from tests.ui.study.serving_study import serving_study
from ui.study import server

LAST_DAY = datetime(2099, 12, 31, 12, tzinfo=UTC)
AFTER = datetime(2100, 1, 1, 0, 1, tzinfo=UTC)


@pytest.fixture
def runner(tmp_path):
    found = Runner(make_study(tmp_path / "study"))
    go_through(found, "p1")
    return found


def kinds(folder):
    return [line["kind"] for line in read_lines(folder.retention)]


def expire(folder):
    path = folder.path / "study.toml"
    path.write_text(path.read_text().replace("2099-12-31", "2020-01-01"))


def test_before_its_time_nothing_is_noted_and_nothing_deleted(runner):
    assert enforce_retention(runner.folder, runner.study).told == ""
    early = LAST_DAY - timedelta(days=1)
    assert enforce_retention(runner.folder, runner.study, early).told == ""
    assert not runner.folder.retention.exists()
    assert runner.folder.log("p1").exists()


def test_who_sees_the_last_day_pass_deletes_on_time_with_a_receipt(runner):
    export(runner.folder, runner.folder.path / "export")
    look = enforce_retention
    told = look(runner.folder, runner.study, LAST_DAY - timedelta(hours=12)).told
    assert "after 2100-01-01 00:00 UTC" in told
    assert runner.folder.log("p1").exists()
    done = look(runner.folder, runner.study, AFTER)
    assert [receipt["reason"] for receipt in done.receipts] == ["retention"]
    assert done.receipts[0]["receipt"] in done.told
    assert (runner.folder.receipts / f"{done.receipts[0]['receipt']}.json").exists()
    assert not runner.folder.participant("p1").exists()
    assert not (runner.folder.path / "export" / "answers.csv").exists()
    assert kinds(runner.folder) == ["due", "deleted"]
    assert look(runner.folder, runner.study, AFTER + timedelta(days=9)).told == ""


def test_a_clock_that_jumped_ahead_for_less_than_a_day_deletes_nothing(runner):
    jumped = AFTER + timedelta(days=5000)
    assert "is deleted by" in enforce_retention(runner.folder, runner.study, jumped).told
    enforce_retention(runner.folder, runner.study, jumped + timedelta(hours=23))
    enforce_retention(runner.folder, runner.study)  # the clock was set right
    assert runner.folder.log("p1").exists()
    assert kinds(runner.folder) == ["due", "not due"]
    # The next time counts from anew.
    enforce_retention(runner.folder, runner.study, jumped + timedelta(days=2))
    assert runner.folder.log("p1").exists()
    enforce_retention(runner.folder, runner.study, jumped + timedelta(days=3))
    assert not runner.folder.log("p1").exists()


def test_what_is_on_hold_stays_until_it_is_released(runner):
    with pytest.raises(InputError, match="--reason WHY"):
        hold(runner.folder, by="me", reason=" ")
    hold(runner.folder, by="me", reason="the journal asks for it")
    for day in (0, 1, 2):
        when = AFTER + timedelta(days=day)
        assert enforce_retention(runner.folder, runner.study, when).told == ""
    assert runner.folder.log("p1").exists()
    release(runner.folder, by="me")
    assert holding(runner.folder) is None
    with pytest.raises(InputError, match="not on hold"):
        release(runner.folder, by="me")
    for day in (3, 4):
        enforce_retention(runner.folder, runner.study, AFTER + timedelta(days=day))
    assert not runner.folder.log("p1").exists()


def test_nobody_is_deleted_in_the_middle_of_a_conversation(runner):
    go_through(runner, "p2")
    recorder = Recorder(runner.folder.talk("p2", "block4-talk"), Consent(), on_problem=pytest.fail)
    try:
        enforce_retention(runner.folder, runner.study, LAST_DAY)
        enforce_retention(runner.folder, runner.study, AFTER + timedelta(days=1))
        assert not runner.folder.log("p1").exists()
        assert runner.folder.log("p2").exists()
        later = AFTER + timedelta(days=1, hours=1)
        assert "under way" in enforce_retention(runner.folder, runner.study, later).told
    finally:
        recorder.close()
    enforce_retention(runner.folder, runner.study, AFTER + timedelta(days=1, hours=2))
    assert not runner.folder.participant("p2").exists()


def test_every_command_on_the_study_enforces_it(runner, capsys, monkeypatch):
    folder = runner.folder
    expire(folder)
    assert app.main(["study", "status", str(folder.path)]) == app.EXIT_USAGE
    told = capsys.readouterr().err
    assert "it is deleted by the next command" in told and "may be kept until 2020" in told
    assert folder.log("p1").exists()
    monkeypatch.setattr(retention, "GRACE", timedelta(0))
    assert app.main(["study", "check", str(folder.path)]) == app.EXIT_USAGE
    assert "was deleted: receipts" in capsys.readouterr().err
    assert not folder.participant("p1").exists()


def test_hold_and_release_by_command(runner, capsys, monkeypatch):
    folder, command = runner.folder, ["study", "hold", str(runner.folder.path)]
    assert app.main(command) == app.EXIT_FAILED
    assert app.main([*command, "--by", "me", "--reason", "asked"]) == 0
    expire(folder)
    with pytest.raises(InputError, match="on hold since"):
        delete_expired(folder)
    monkeypatch.setattr(retention, "GRACE", timedelta(0))
    assert app.main(["study", "status", str(folder.path)]) == app.EXIT_USAGE
    assert folder.log("p1").exists()
    assert app.main(["study", "release", str(folder.path), "--by", "me"]) == 0
    assert app.main(["study", "status", str(folder.path)]) == app.EXIT_USAGE
    assert not folder.log("p1").exists()


def test_a_running_server_enforces_it_by_itself(runner, monkeypatch):
    looked, told = threading.Event(), []

    def late(folder, study):
        told.append(retention.enforce_retention(folder, study, AFTER).told)
        if len(told) > 1:
            looked.set()

    class Look:
        told = ""

    def enforce(folder, study):
        late(folder, study)
        return Look

    monkeypatch.setattr(server, "LOOK_S", 0.05)
    monkeypatch.setattr(server, "enforce_retention", enforce)
    monkeypatch.setattr(retention, "GRACE", timedelta(seconds=0))
    with serving_study(runner.folder):
        assert looked.wait(20)
    assert not runner.folder.participant("p1").exists()
    assert "was deleted" in told[0]


def test_a_study_whose_time_is_over_lets_nobody_in(runner):
    expire(runner.folder)
    with pytest.raises(SettingsError, match="deleted by itself"):
        Runner(runner.folder)


def test_a_study_file_with_a_mistake_is_told_of_by_the_command(tmp_path, capsys):
    folder = make_study(tmp_path / "s", CONTENT.replace("turns = 1", "turn = 1"))
    assert app.main(["study", "check", str(folder.path)]) == app.EXIT_USAGE
    assert capsys.readouterr().err.count("did you mean turns?") == 1
