import csv
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

import app
from assistant.errors import InputError, SettingsError
from assistant.study.keeping import seal
from assistant.study.keeping.participant import fold
from assistant.study.keeping.retention import delete_expired
from assistant.study.keeping.store import read_lines
from assistant.study.keeping.withdrawal import withdraw
from assistant.study.report.reading import read_export
from assistant.study.run.runner import Runner
from assistant.study.tables.exporting import StudyTables, export
from assistant.study.tables.tracing import untraced
from models.emotions import Emotion
from tests.assistant.records.made import Said, make_record
from tests.assistant.study.small_study import CONTENT, TAB, enter, go_through, make_study, talk


@pytest.fixture
def runner(tmp_path):
    return Runner(make_study(tmp_path / "study"))


def rows(folder, table):
    with (folder.path / "export" / f"{table}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_tables_hold_everybody_and_every_answer_with_its_source(runner):
    go_through(runner, "p1")
    enter(runner, "p2")
    export(runner.folder, runner.folder.path / "export")
    people = {row["participant"]: row for row in rows(runner.folder, "participants")}
    assert {name: row["status"] for name, row in people.items()} == {
        "p1": "completed",
        "p2": "active",
    }
    assert sorted(people["p1"]["sequence"].split(">")) == ["A", "B", "C", "D"]
    answers = rows(runner.folder, "answers")
    assert len([row for row in answers if row["instrument"] == "sus"]) == 40
    assert {row["condition"] for row in answers if row["block"]} == set("ABCD")
    scores = rows(runner.folder, "scores")
    # All least answers: five items count upwards and five downwards.
    assert [row["value"] for row in scores] == ["50.0"] * 4
    assert untraced(runner.folder.path, runner.folder.path / "export") == []
    listed = {(row["table"], row["column"]) for row in rows(runner.folder, "codebook")}
    for table in ("participants", "answers", "scores", "turns", "happenings", "items"):
        header = (runner.folder.path / "export" / f"{table}.csv").read_text().splitlines()[0]
        assert {(table, column) for column in header.split(",")} <= listed


def test_the_export_holds_words_answers_and_scoring_of_every_item(tmp_path):
    content = CONTENT.replace('["sus"]', '["sus", "affect_grid", "attention"]')
    runner = Runner(make_study(tmp_path, content))
    enter(runner, "p1")
    export(runner.folder, runner.folder.path / "export")
    items = {(row["instrument"], row["item"]): row for row in rows(runner.folder, "items")}
    asked = {(name, item) for name, one in runner.instruments.items() for item in one.asked}
    assert set(items) == asked and len(asked) == 13
    odd, even = items[("sus", "sus1")], items[("sus", "sus2")]
    assert "use this system frequently" in odd["text"]
    assert (odd["minimum"], odd["maximum"], odd["required"]) == ("1", "5", "1")
    assert (odd["reversed"], even["reversed"]) == ("", "usability")
    assert even["formula"] == "(sum - 10) × 2.5"
    (grid,) = [row for row in items.values() if row["form"] == "grid"]
    assert grid["formula"] == "mean of x|mean of y"
    check = items[("attention", "reads")]
    assert (check["attention_passed"], check["licence"]) == ("2", "Apache-2.0")


@pytest.mark.parametrize("words", ['=HYPERLINK("http://x")', "+1 for tea", "-x", "@SUM(1)", "\tx"])
def test_nothing_that_people_say_or_write_is_run_by_a_spreadsheet(tmp_path, words):
    runner = Runner(make_study(tmp_path, CONTENT.replace('["sus"]', '["aim"]')))
    page = enter(runner, "p1")
    make_record(runner.folder.talk("p1", "block1-talk"), [Said(words, reply=words)])
    page = talk(runner, "p1")
    item = next(item for item in page["items"] if item["form"] == "text")
    runner.answer("p1", TAB, page["step"], item["name"], words, 1.0)
    runner.roster.note("p1", "excluded", reason=words)
    out = runner.folder.path / "export"
    export(runner.folder, out)
    harmless = f"'{words}"
    (answer,) = [row for row in rows(runner.folder, "answers") if row["item"] == item["name"]]
    assert answer["value"] == harmless
    (turn,) = rows(runner.folder, "turns")
    assert (turn["words"], turn["reply_heard"]) == (harmless, harmless)
    assert rows(runner.folder, "participants")[0]["exclusion_reasons"] == harmless
    assert untraced(runner.folder.path, out) == []
    assert read_export(out).people[0].reasons == (words,)
    assert words in [row.value for row in read_export(out).answers]


def test_an_empty_log_that_a_full_disk_left_is_nobodys(runner):
    go_through(runner, "p1")
    enter(runner, "p2")
    runner.folder.log("p2").write_text("")
    export(runner.folder, runner.folder.path / "export")
    assert [row["participant"] for row in rows(runner.folder, "participants")] == ["p1"]


def test_a_row_that_was_changed_by_hand_is_found(runner):
    go_through(runner, "p1")
    out = runner.folder.path / "export"
    export(runner.folder, out)
    path = out / "answers.csv"
    lines = path.read_text().splitlines()
    number = next(n for n, line in enumerate(lines) if ",sus,sus" in line or ",sus," in line)
    lines[number] = lines[number].replace(",1,1.0,", ",5,1.0,")
    path.write_text("\n".join(lines) + "\n")
    assert len(untraced(runner.folder.path, out)) == 1


def test_nothing_that_is_exported_tells_a_sealed_condition(runner):
    go_through(runner, "p1")
    out = runner.folder.path / "export"
    export(runner.folder, out)
    for path in out.iterdir():
        text = path.read_text()
        for name in runner.study.names():
            assert name not in text, path
    facts = json.loads((out / "study.json").read_text())
    assert facts["blinded"] and "key" not in facts and facts["labels"] == list("ABCD")
    assert facts["lock"]["study_sha256"] and facts["lock"]["app_version"]
    seal.unseal(runner.folder, by="me", early="test", left=3)
    export(runner.folder, out)
    facts = json.loads((out / "study.json").read_text())
    assert not facts["blinded"] and sorted(facts["key"].values()) == sorted(runner.study.names())
    assert {row["cell"] for row in rows(runner.folder, "participants")} <= {"c1", "c2", "c3", "c4"}


@pytest.mark.parametrize("is_factor", [True, False])
def test_lines_of_a_wizard_tell_no_sealed_condition(tmp_path, is_factor):
    content = CONTENT.replace('policy = "flat"', "wizard = true")
    if not is_factor:
        content = CONTENT.replace("[talk]", "[base]\nwizard = true\n[talk]")
    runner = Runner(make_study(tmp_path, content))
    page = enter(runner, "p1")
    runner.talks.begin("p1", TAB)
    make_record(runner.folder.talk("p1", page["step"]), [Said("Hello.")])
    runner.roster.note("p1", "wizard", step=page["step"], attempt=1, turn=0, text="Hello, you.")
    out = runner.folder.path / "export"
    export(runner.folder, out)
    kinds = {row["kind"] for row in rows(runner.folder, "happenings")}
    assert ("wizard" in kinds) is not is_factor
    (turn,) = rows(runner.folder, "turns")
    assert turn["wizard"] == ("" if is_factor else "1")
    assert bool(turn["endpoint_reason"]) is not is_factor
    assert untraced(runner.folder.path, out) == []
    seal.unseal(runner.folder, by="me", early="test", left=3)
    export(runner.folder, out)
    (turn,) = rows(runner.folder, "turns")
    assert (turn["wizard"], turn["reply_source"]) == ("1", "experimenter")
    assert "wizard" in {row["kind"] for row in rows(runner.folder, "happenings")}


def test_a_study_that_is_not_blinded_names_its_conditions(tmp_path):
    runner = Runner(make_study(tmp_path, "blinded = false\n" + CONTENT))
    go_through(runner, "p1")
    assert sorted(runner.roster.participant("p1").sequence) == sorted(runner.study.names())


def test_without_participants_there_is_nothing_to_export(runner):
    with pytest.raises(InputError, match="nobody has taken part"):
        export(runner.folder, runner.folder.path / "export")


def test_withdrawal_deletes_everything_frees_the_cell_and_leaves_a_receipt(runner):
    go_through(runner, "p1")
    cell = runner.roster.participant("p1").cell
    record = runner.folder.talk("p1", "block1-talk")
    record.mkdir(parents=True)
    (record / "audio.wav").write_bytes(b"sound of somebody")
    export(runner.folder, runner.folder.path / "export")
    receipt = withdraw(runner.folder, "p1", reason="asked for")
    assert {entry["file"] for entry in receipt["deleted"]} == {
        "participants/…/log.jsonl",
        "participants/…/talks/block1-talk/audio.wav",
        "export/answers.csv",
        "export/happenings.csv",
        "export/participants.csv",
        "export/scores.csv",
        "export/signs.csv",
    }
    assert not runner.folder.participant("p1").exists()
    for path in runner.folder.path.rglob("*"):
        if path.is_file():
            assert (
                b"p1" not in path.read_bytes() and b"sound of somebody" not in path.read_bytes()
            ), path
    with pytest.raises(InputError, match="was deleted"):
        runner.join("p1", {}, TAB)
    for number in range(2, 6):
        go_through(runner, f"p{number}")
    assert cell in {runner.roster.participant(f"p{n}").cell for n in range(2, 6)}
    assert runner.roster.count()["withdrawn"] == 1
    with pytest.raises(InputError, match="no participant 'p9'"):
        withdraw(runner.folder, "p9", reason="")


def test_a_withdrawal_that_was_cut_off_is_finished_by_the_next(runner, monkeypatch):
    go_through(runner, "p1")

    def fail(_place):
        raise OSError(13, "Permission denied")

    monkeypatch.setattr("assistant.study.keeping.withdrawal.shutil.rmtree", fail)
    with pytest.raises(Exception, match="withdraw again"):
        withdraw(runner.folder, "p1", reason="")
    monkeypatch.undo()
    assert withdraw(runner.folder, "p1", reason="")["deleted"]
    gone = [name for name in runner.folder.participants() if name.startswith("withdrawn-")]
    state = fold(gone[0], read_lines(runner.folder.log(gone[0])))
    assert state is not None and state.status == "withdrawn"


def test_data_is_deleted_when_it_may_not_be_kept_and_not_before(runner):
    go_through(runner, "p1")
    with pytest.raises(InputError, match="may be kept until 2099"):
        delete_expired(runner.folder)
    path = runner.folder.path / "study.toml"
    path.write_text(path.read_text().replace("2099-12-31", "2020-01-01"))
    with pytest.raises(SettingsError, match="--expired"):
        Runner(runner.folder)
    assert app.main(["study", "withdraw", str(runner.folder.path), "--expired"]) == 0
    assert not runner.folder.participant("p1").exists()


def test_many_who_come_at_once_get_one_key_and_balanced_cells(tmp_path):
    folder = make_study(tmp_path, CONTENT.replace("participants = 4", "participants = 8"))
    runner = Runner(folder)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: enter(runner, f"p{n}"), range(8)))
    cells = [state.cell for state in runner.roster.everybody()]
    assert sorted(cells) == sorted(["g1", "g2", "g3", "g4"] * 2)
    assert not [path for path in folder.path.iterdir() if path.name.startswith(".key")]


def test_excluded_people_stay_in_the_tables_with_the_reason(runner):
    enter(runner, "p1")
    talk(runner, "p1")
    runner.roster.note("p1", "excluded", reason="was interrupted by a phone call")
    export(runner.folder, runner.folder.path / "export")
    row = rows(runner.folder, "participants")[0]
    assert (row["excluded"], row["exclusion_reasons"]) == ("1", "was interrupted by a phone call")


def test_the_command_says_what_is_wrong_in_one_sentence(tmp_path, capsys):
    make_study(tmp_path, CONTENT.replace("turns = 1", "turn = 1"))
    assert app.main(["study", "check", str(tmp_path)]) == app.EXIT_USAGE
    assert "did you mean turns?" in capsys.readouterr().err
    assert app.main(["study", "check", str(tmp_path), "extra"]) == app.EXIT_FAILED
    assert app.main(["study", "withdraw", str(tmp_path)]) == app.EXIT_FAILED
    assert "name the participants" in capsys.readouterr().err


def test_check_tells_the_cells_and_the_sheet_for_registration(tmp_path, capsys):
    make_study(tmp_path)
    assert app.main(["study", "check", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "c4:" in told and "words+flat" in told and "block4-sus" in told
    assert app.main(["study", "check", str(tmp_path), "--registration"]) == 0
    sheet = capsys.readouterr().out
    assert "## 7. Sample size" in sheet and "4 participants who complete" in sheet
    assert app.main(["study", "status", str(tmp_path)]) == 0
    assert "nobody has come yet" in capsys.readouterr().out


def test_a_study_is_served_by_one_process_at_a_time(runner):
    refused = pytest.raises(InputError, match="open already")
    with runner.folder.served(), refused, runner.folder.served():
        pass
    with runner.folder.served():
        pass


def test_a_participant_gets_a_copy_of_what_is_known_and_withdrawal_deletes_it(runner, capsys):
    go_through(runner, "p1")
    go_through(runner, "p2")
    talks = runner.folder.participant("p1") / "talks"
    make_record(talks / "block1-talk", [Said("I passed my exam.", Emotion.HAPPY)])
    folder = str(runner.folder.path)
    assert app.main(["study", "export", folder, "p1"]) == 0
    out = runner.folder.path / "export-copies" / "p1"
    assert str(out) in capsys.readouterr().out
    with (out / "answers.csv").open(newline="") as file:
        assert {row["participant"] for row in csv.DictReader(file)} == {"p1"}
    assert "I passed my exam." in (out / "talks" / "block1-talk.vtt").read_text()
    assert (out / "talks" / "block1-talk.wav").read_bytes() == (
        talks / "block1-talk" / "audio.wav"
    ).read_bytes()
    everything = "".join(p.read_text() for p in out.rglob("*.*") if p.suffix != ".wav")
    assert "p2" not in everything
    for name in runner.study.names():
        assert name not in everything
    assert app.main(["study", "export", folder, "p1"]) == app.EXIT_FAILED
    assert app.main(["study", "export", folder, "p9"]) == app.EXIT_FAILED
    assert app.main(["study", "export", folder, "p1", "p2", "--out", "x"]) == app.EXIT_FAILED
    receipt = withdraw(runner.folder, "p1", reason="asked for")
    assert not [path for path in out.rglob("*") if path.is_file()]
    assert "export-copies/…/talks/block1-talk.wav" in {e["file"] for e in receipt["deleted"]}
    assert "p1" not in json.dumps(receipt["deleted"])


def test_what_auto_stands_for_and_the_weights_of_voices_are_in_the_export(tmp_path):
    folder = make_study(tmp_path)
    go_through(Runner(folder), "p1")
    seal.unseal(folder, by="me", early="a test", left=3)
    facts = StudyTables(folder).facts()
    assert {one["model"] for one in facts["study"]["conditions"].values()} == {"mini"}
    assert {one["voice"] for one in facts["study"]["conditions"].values()} == {"piper"}
    assert list(facts["lock"]["models"]) == ["mini"]
    digests = facts["lock"]["voices"]["piper"]
    assert all(len(digest) == 64 for digest in digests.values()) and digests
