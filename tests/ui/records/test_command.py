"""`app.py records` as a person uses it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest

import app
from assistant.records.exports.table import FORMATS
from assistant.records.recording import LOG_NAME, Consent
from assistant.records.removal.retention import read_rule
from assistant.records.settings import Form
from models.emotions import Emotion
from tests.assistant.records.made import BEGAN, Said, make_record
from tests.fakes import LevelDetector, ScriptedModel, ToneVoice


class Ran:
    """What a run of the command printed and returned."""

    def __init__(self, capsys: pytest.CaptureFixture[str], root: Path, *arguments: str) -> None:
        self.status = app.main(["records", *arguments, "--records", str(root)])
        self.out, self.err = capsys.readouterr()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    make_record(folder / "20260301-093000")
    later = BEGAN + timedelta(days=1)
    make_record(folder / "20260302-093000", [Said("Hello there.", Emotion.HAPPY)], began=later)
    return folder


def test_the_forms_of_the_option_are_those_of_the_table() -> None:
    assert get_args(Form) == tuple(FORMATS)


def test_talks_are_listed_searched_and_shown(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = Ran(capsys, root, "list")
    assert told.status == 0
    assert told.out.index("20260302-093000") < told.out.index("20260301-093000")
    assert "angry 1, happy 1, sad 1" in told.out
    assert "20260302" not in Ran(capsys, root, "list", "--text", "SHOULDER").out
    assert "20260301" not in Ran(capsys, root, "list", "--since", "2026-03-02").out
    assert "20260302" not in Ran(capsys, root, "list", "--until", "2026-03-01").out
    assert "no talk was found" in Ran(capsys, root, "list", "--text", "nonsense").out
    assert "1 more" in Ran(capsys, root, "list", "--most", "1").out
    (line,) = Ran(capsys, root, "list", "--emotion", "sad", "--json").out.splitlines()
    assert json.loads(line)["emotions"] == {"angry": 1, "happy": 1, "sad": 1}
    told = Ran(capsys, root, "show", "20260301")
    assert "I failed my driving test." in told.out
    assert "(interrupted)" in told.out
    lines = Ran(capsys, root, "show", "20260301", "--json").out.splitlines()
    assert [json.loads(one)["kind"] for one in lines] == ["record", "turn", "turn", "turn"]


def test_terminals_are_not_told_what_to_do(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_record(root / "nasty", [Said("\x1b[2J[bold]red[/] \u202egone")])
    for arguments in (["list"], ["show", "nasty"]):
        told = Ran(capsys, root, *arguments)
        assert "\x1b" not in told.out
        assert "\u202e" not in told.out
        assert "[bold]red[/]" in told.out


def test_damage_is_listed_and_shown(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "20260302-093000" / LOG_NAME).write_text("{}\nnonsense\n")
    told = Ran(capsys, root, "list")
    assert told.status == 0
    assert "damaged" in told.out
    assert "line 2" in told.out
    assert "line 2" in Ran(capsys, root, "show", "20260302").err


def test_exports_are_chosen_by_id_or_search(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    told = Ran(capsys, root, "export", "20260301", "--format", "vtt", "--out", str(out))
    assert told.out.split() == [str(out / "20260301-093000.vtt")]
    told = Ran(capsys, root, "export", "--text", "hello", "--format", "md", "--out", str(out))
    assert told.out.split() == [str(out / "20260302-093000.md")]
    told = Ran(capsys, root, "export", "--all", "--format", "csv", "--out", str(out))
    assert len(told.out.split()) == 3
    assert (
        "not written over"
        in Ran(capsys, root, "export", "--all", "--format", "csv", "--out", str(out)).err
    )
    assert "--all" in Ran(capsys, root, "export").err
    assert "was found" in Ran(capsys, root, "export", "--text", "nonsense").err


def test_deletion_needs_a_yes_and_gives_a_receipt(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "--yes" in Ran(capsys, root, "delete", "20260301").err
    assert "would be" in Ran(capsys, root, "delete", "20260301", "--dry-run").out
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _question: "n")
    assert "nothing was deleted" in Ran(capsys, root, "delete", "20260301").err
    assert (root / "20260301-093000").exists()
    monkeypatch.setattr("builtins.input", lambda _question: "y")
    told = Ran(capsys, root, "delete", "20260301")
    assert (told.status, (root / "20260301-093000").exists()) == (0, False)
    assert "receipt" in told.out
    assert len(list((root / "receipts").iterdir())) == 1
    told = Ran(capsys, root, "delete", "20260302", "--yes", "--json")
    assert json.loads(told.out)["left"] == []
    assert "no talk is recorded" in Ran(capsys, root, "list").out


def test_what_is_old_is_deleted(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_record(root / "today", began=datetime.now(UTC) - timedelta(minutes=5))
    assert "--days" in Ran(capsys, root, "retain").err
    told = Ran(capsys, root, "retain", "--days", "30", "--dry-run")
    assert told.out.count("would be deleted") == 2
    assert len([one for one in root.iterdir() if one.name.startswith("2026")]) == 2
    assert Ran(capsys, root, "retain", "--days", "30").out.count(": deleted") == 2
    assert {one.name for one in root.iterdir() if one.is_dir()} == {"today", "receipts"}


def test_by_age_nothing_is_deleted_that_somebody_there_did_not_agree_to(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for options in ([], ["--always"]):
        told = Ran(capsys, root, "retain", "--days", "0", *options)
        assert (told.status, "--yes" in told.err) == (2, True)
    asked: list[str] = []

    def answers(question: str) -> str:
        asked.append(question)
        return "n"

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", answers)
    assert "nothing was deleted" in Ran(capsys, root, "retain", "--days", "30", "--always").err
    assert "2 talks that ended more than 30 days ago" in asked[0]
    assert len([one for one in root.iterdir() if one.name.startswith("2026")]) == 2
    assert read_rule(root) is None
    assert Ran(capsys, root, "retain", "--days", "0", "--yes").out.count(": deleted") == 2
    assert Ran(capsys, root, "retain", "--days", "0").status == 0, "there is nothing to ask about"
    assert len(asked) == 1


def test_the_index_is_rebuilt_and_all_is_backed_up(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "from 2 talks" in Ran(capsys, root, "rebuild").out
    archive = str(tmp_path / "all.tar.gz")
    assert "2 talks" in Ran(capsys, root, "backup", "--out", archive).out
    assert "--out FILE.tar.gz" in Ran(capsys, root, "backup").err


def test_a_database_that_is_away_leaves_single_talks_at_hand(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    away = f"postgresql:///nothing?host={tmp_path}"
    told = Ran(capsys, root, "list", "--index", away)
    assert told.status == 1
    assert "logs are the truth" in told.err
    assert "driving" in Ran(capsys, root, "show", "20260301", "--index", away).out
    told = Ran(capsys, root, "delete", "20260301", "--yes", "--index", away)
    assert "logs are the truth" in told.err
    assert "deleted" in told.out
    assert not (root / "20260301-093000").exists()


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["show"], app.EXIT_USAGE),
        (["play"], app.EXIT_USAGE),
        (["show", "../x"], app.EXIT_FAILED),
        (["list", "x"], app.EXIT_USAGE),
        (["play", "a", "b"], app.EXIT_FAILED),
        (["replay", "nope"], app.EXIT_FAILED),
    ],
)
def test_what_cannot_be_is_one_sentence(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int
) -> None:
    told = Ran(capsys, root, *arguments)
    assert told.status == status
    assert told.err.startswith("attune: ")
    assert told.err.count("\n") == 1


def test_a_folder_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = Ran(capsys, tmp_path / "nowhere", "list")
    assert told.status == 1
    assert "nowhere" in told.err


def test_sound_that_was_not_kept_is_not_played(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_record(root / "silent", consent=Consent(audio=False))
    assert "without sound" in Ran(capsys, root, "play", "silent").err


def test_a_replay_shows_both_sides(
    root: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from assistant.conversation.engines import Engines
    from assistant.empathy import load_policy

    asked = []

    def opened(settings: object, _watch: object) -> Engines:
        asked.append(settings)
        model = ScriptedModel(["Tell me why."])
        return Engines(model, ToneVoice(), load_policy("flat"), LevelDetector(), "tone")

    monkeypatch.setattr("ui.records.replaying.open_engines", opened)
    out = tmp_path / "replay"
    told = Ran(capsys, root, "replay", "20260301", "--policy", "flat", "--out", str(out))
    assert told.status == 0
    assert (asked[0].model, asked[0].voice, asked[0].policy) == ("mini", "piper", "flat")
    assert "I am so sorry. What happened?" in told.out
    assert "Tell me why." in told.out
    assert {path.name for path in out.iterdir()} == {
        "comparison.md",
        "comparison.jsonl",
        *(f"turn-0{number}.wav" for number in (1, 2, 3)),
    }
    told = Ran(capsys, root, "replay", "20260301", "--out", str(out))
    assert "not written over" in told.err
