"""Talks are deleted when their time is over though nobody asks for it, and never too early."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import app
from assistant.errors import InputError
from assistant.records.reading import resolve
from assistant.records.recording import Consent, Recorder
from assistant.records.removal import retention
from assistant.records.removal.deletion import delete_record
from assistant.records.removal.hold import hold, release
from assistant.records.removal.retention import enforce_retention, read_rule, set_rule
from tests.assistant.records.made import BEGAN, Said, make_record
from tests.ui.serving import resident
from ui.web import server, upkeep

LATER = BEGAN + timedelta(days=31)


def forget(_record: str) -> None:
    pass


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "records"
    make_record(folder / "old", [Said("Hello.")])
    make_record(folder / "new", [Said("Hello.")], began=BEGAN + timedelta(days=20))
    return folder


def left(root: Path) -> set[str]:
    return {path.parent.name for path in root.glob("*/events.jsonl")}


def test_without_a_rule_everything_is_kept(root: Path) -> None:
    assert enforce_retention(root, forget, LATER + timedelta(days=9_999)) == []
    assert left(root) == {"old", "new"}
    assert enforce_retention(root / "nothing", forget) == []


def test_what_is_too_old_is_deleted_a_day_after_it_was_noticed(root: Path) -> None:
    set_rule(root, 30)
    assert enforce_retention(root, forget, LATER - timedelta(days=3)) == []
    assert enforce_retention(root, forget, LATER) == []
    assert enforce_retention(root, forget, LATER + timedelta(hours=23)) == []
    assert left(root) == {"old", "new"}
    ((receipt, path),) = enforce_retention(root, forget, LATER + timedelta(days=1))
    assert receipt.record == "old" and json.loads(path.read_text())["record"] == "old"
    assert left(root) == {"new"}
    set_rule(root, None)
    assert enforce_retention(root, forget, LATER + timedelta(days=999)) == []


def test_a_clock_that_ran_ahead_deletes_nothing(root: Path) -> None:
    set_rule(root, 30)
    ahead = LATER + timedelta(days=5_000)
    assert enforce_retention(root, forget, ahead) == []
    assert enforce_retention(root, forget, BEGAN + timedelta(days=21)) == []
    rule = read_rule(root)
    assert rule is not None and rule.noticed == {}
    assert enforce_retention(root, forget, ahead + timedelta(days=2)) == []
    assert left(root) == {"old", "new"}


def test_what_is_being_recorded_or_on_hold_stays(root: Path, monkeypatch) -> None:
    monkeypatch.setattr(retention, "GRACE", timedelta(0))
    set_rule(root, 30)
    recorder = Recorder(root / "now", Consent(), on_problem=pytest.fail)
    hold(resolve(root, "old"), by="me", reason="asked for by the journal")
    far = datetime.now(UTC) + timedelta(days=900)
    done = [receipt.record for receipt, _ in enforce_retention(root, forget, far)]
    assert done == ["new"]
    with pytest.raises(InputError, match="records release old"):
        delete_record(root, resolve(root, "old"), forget)
    release(resolve(root, "old"))
    done = [receipt.record for receipt, _ in enforce_retention(root, forget, far)]
    assert done == ["old"]
    recorder.close()


def test_every_command_on_the_folder_enforces_the_rule(root: Path, capsys, monkeypatch) -> None:
    command = ["records", "retain", "--records", str(root)]
    # Both are older than a day: the command deletes at once, as it was told to.
    assert app.main(["records", "hold", "old", "--records", str(root)]) == app.EXIT_FAILED
    told = ["--by", "me", "--reason", "why not"]
    assert app.main(["records", "hold", "old", "--records", str(root), *told]) == 0
    assert app.main(["records", "hold", "old", "--records", str(root), *told]) == app.EXIT_FAILED
    assert app.main([*command, "--days", "1", "--always"]) == 0
    assert left(root) == {"old"}
    assert app.main(["records", "release", "old", "--records", str(root)]) == 0
    assert app.main(["records", "release", "old", "--records", str(root)]) == app.EXIT_FAILED
    monkeypatch.setattr(retention, "GRACE", timedelta(0))
    assert app.main(["records", "list", "--records", str(root)]) == 0
    assert "older than may be kept" in capsys.readouterr().err
    assert left(root) == set()
    assert app.main([*command, "--stop"]) == 0
    assert read_rule(root) is None


def test_a_damaged_rule_is_named_and_can_be_set_anew(root: Path, capsys) -> None:
    (root / "retention.json").write_text("{")
    assert app.main(["records", "list", "--records", str(root)]) == app.EXIT_FAILED
    assert "retain --days N --always" in capsys.readouterr().err
    assert left(root) == {"old", "new"}
    days = ["--days", "30000", "--always"]
    assert app.main(["records", "retain", "--records", str(root), *days]) == 0
    assert app.main(["records", "list", "--records", str(root)]) == 0


def test_a_running_server_enforces_the_rule(root: Path, monkeypatch) -> None:
    monkeypatch.setattr(retention, "GRACE", timedelta(0))
    monkeypatch.setattr(upkeep, "RETAIN_S", 0.05)
    engines = resident()

    def retain() -> list:
        return enforce_retention(root, forget)

    with TestClient(server.Site(engines, with_page=False, retain=retain).app):
        set_rule(root, 1)
        ends = time.monotonic() + 20
        while left(root) and time.monotonic() < ends:
            time.sleep(0.05)
    engines.close()
    assert left(root) == set()
