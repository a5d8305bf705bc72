import csv
import json
from collections import Counter

import pytest

import app
from assistant import events
from assistant.engines.protocols import Transcript
from assistant.records.mending import open_record
from assistant.study.design.study import TalkLimits
from assistant.study.keeping.participant import TalkSoFar
from assistant.study.keeping.store import StudyFolder
from assistant.study.run.talk_watch import GRACE_S, TalkWatch
from tests.assistant.study.small_study import CONTENT, make_study


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def check_simulated(folder, people):
    participants = rows(folder.path / "export" / "participants.csv")
    assert {row["status"] for row in participants} == {"completed"}
    assert set(Counter(row["cell"] for row in participants).values()) == {people // 4}
    turns = rows(folder.path / "export" / "turns.csv")
    assert set(Counter(row["condition"] for row in turns).values()) == {people}
    for row in turns:
        assert row["policy"] == row["condition"].partition("+")[2]
        assert row["probe"] and row["reply_heard"] and float(row["first_audio_ms"]) > 0
        assert row["policy"] != "flat" or float(row["style_intensity"]) == 0
    facts = json.loads((folder.path / "export" / "study.json").read_text())
    assert [run["engines"] for run in facts["runs"]] == ["scripted"]
    assert len(facts["seals"]) == 1


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_24_participants_go_through_a_2_by_2_study_by_one_command(tmp_path, capsys):
    content = CONTENT.replace("participants = 4", "participants = 24")
    study = make_study(tmp_path / "study", content)
    assert app.main(["study", "simulate", str(study.path)]) == 0
    assert "24 completed the study (g1: 6, g2: 6, g3: 6, g4: 6)" in capsys.readouterr().out
    check_simulated(StudyFolder(tmp_path / "study-simulated"), 24)
    assert not study.lock.exists()  # the study itself is as it was


@pytest.mark.timeout(300)
def test_a_simulation_that_was_stopped_goes_on_where_it_was(tmp_path):
    study = make_study(tmp_path / "study")
    out = tmp_path / "copy"
    command = ["study", "simulate", str(study.path), "--out", str(out)]
    assert app.main([*command, "--participants", "1"]) == 0
    first = (out / "participants" / "sim-001" / "log.jsonl").read_bytes()
    (out / "seals.jsonl").unlink()
    assert app.main(command) == 0
    assert (out / "participants" / "sim-001" / "log.jsonl").read_bytes().startswith(first)
    assert len(rows(out / "export" / "participants.csv")) == 4
    record = open_record(out / "participants" / "sim-002" / "talks" / "block1-talk")
    assert record.repairs == () and record.head.consent.audio
    assert (
        app.main(
            [
                "study",
                "simulate",
                str(make_study(tmp_path / "b", CONTENT + "\n").path),
                "--out",
                str(out),
            ]
        )
        == 1
    )


def watch(limits, before=None, *, practice=False):
    ended = []
    found = TalkWatch(limits, before or TalkSoFar(), is_practice=practice, over=ended.append)
    return found, ended


def words(text):
    return events.WordsHeard(1.0, 0, Transcript(text))


def finished(turn, at_s=1.0):
    return events.ReplyFinished(at_s, turn, "", "")


def ended_turn(turn, at_s=1.0):
    return events.UtteranceEnded(at_s, turn, 0.0, at_s, at_s, "silence")


def test_a_talk_ends_with_the_last_answer_that_was_planned_earlier_attempts_counted():
    found, ended = watch(TalkLimits(turns=3, minutes=None), TalkSoFar(attempts=1, turns=1))
    found.listen(finished(0))
    assert ended == []
    found.listen(events.Interrupted(2.0, 1, "", "", 0.0))
    found.listen(finished(2))
    assert ended == ["turns"]


@pytest.mark.parametrize("said", ["Stop the study!", "please STOP, the conversation now"])
def test_the_stop_word_ends_it_at_once(said):
    found, ended = watch(TalkLimits())
    found.listen(words("I could not stop the student"))
    assert ended == []
    found.listen(words(said))
    assert ended == ["stop word"]


def test_time_ends_it_after_the_answer_under_way_and_at_last_without():
    found, ended = watch(TalkLimits(turns=None, minutes=1.0))
    found.listen(ended_turn(0, 59.0))
    found.look(61.0)
    assert ended == []
    found.listen(finished(0, 64.0))
    assert ended == ["time"]
    found, ended = watch(TalkLimits(turns=None, minutes=1.0))
    found.listen(ended_turn(0, 59.0))
    found.look(61.0 + GRACE_S)
    assert ended == ["time"]


def test_practice_has_a_limit_of_its_own():
    found, ended = watch(TalkLimits(turns=9, practice_turns=1), practice=True)
    found.listen(finished(0))
    assert ended == ["turns"]
