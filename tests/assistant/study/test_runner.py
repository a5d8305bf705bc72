import errno
import json
import os
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.errors import InputError, OutputError, SettingsError
from assistant.study.keeping import seal
from assistant.study.keeping.participant import fold
from assistant.study.keeping.store import read_lines
from assistant.study.run.refusals import FinishedPage, OtherTab
from assistant.study.run.runner import Runner
from tests.assistant.study.small_study import (
    CONTENT,
    TAB,
    enter,
    fill_in,
    go_through,
    make_study,
    talk,
)


@pytest.fixture
def runner(tmp_path):
    return Runner(make_study(tmp_path / "study"))


def test_the_way_goes_from_consent_through_all_conditions_to_a_code(runner):
    page = go_through(runner, "p1")
    state = runner.roster.participant("p1")
    assert page["kind"] == "completed" and page["code"] == state.code != ""
    assert sorted(state.sequence) == ["A", "B", "C", "D"]
    assert [step for step in state.done if step.endswith("-talk")] == [
        f"block{n}-talk" for n in (1, 2, 3, 4)
    ]
    assert state.consent == {"audio": True, "words": True, "emotion": True}
    assert len(state.consent_sha256) == 64


def test_four_participants_fill_four_cells_and_the_fifth_is_not_let_in(runner):
    for number in range(4):
        go_through(runner, f"p{number}")
    assert Counter(s.cell for s in runner.roster.everybody()) == {f"g{n}": 1 for n in (1, 2, 3, 4)}
    with pytest.raises(InputError, match="closed"):
        runner.join("p5", {}, TAB)
    assert runner.join("p1", {}, "other")["kind"] == "completed"


def test_who_refuses_consent_goes_no_further_and_takes_no_cell(runner):
    runner.join("p1", {}, TAB)
    runner.done("p1", TAB, "information", {})
    assert runner.done("p1", TAB, "consent", {"take_part": False})["kind"] == "stopped"
    assert runner.roster.participant("p1").status == "screened_out"
    with pytest.raises(FinishedPage):
        runner.talks.begin("p1", TAB)


def test_consent_must_be_given_before_a_conversation(runner):
    runner.join("p1", {}, TAB)
    with pytest.raises(FinishedPage):
        runner.talks.begin("p1", TAB)
    with pytest.raises(FinishedPage):
        runner.attention("p1", TAB, "seven")


@pytest.mark.parametrize(
    "name", ["../../etc", "a/b", "", " ", "x" * 65, "é", "a\0b", ".hidden", "withdrawn-1", "a\nb"]
)
def test_an_id_that_could_harm_is_refused(runner, name):
    if name:
        with pytest.raises(InputError, match="no usable participant id"):
            runner.join(name, {}, TAB)
    assert not list(runner.folder.path.glob("participants/*/log.jsonl"))


def test_somebody_without_an_id_gets_one_unless_the_study_wants_ids(runner, tmp_path):
    assert runner.join("", {}, TAB)["participant"].startswith("p-")
    strict = Runner(make_study(tmp_path / "b", CONTENT + "\n[entry]\nwithout_id = false\n"))
    with pytest.raises(InputError, match="no participant id"):
        strict.join("", {}, TAB)


def test_the_link_leaves_what_is_known_of_it_and_nothing_else(runner):
    runner.join("p1", {"STUDY_ID": "s" * 999, "SESSION_ID": "t", "evil": "x"}, TAB)
    assert runner.roster.participant("p1").link == {"STUDY_ID": "s" * 200, "SESSION_ID": "t"}


def test_a_finished_page_cannot_be_answered_or_finished_again(runner):
    enter(runner, "p1")
    page = talk(runner, "p1")
    after = fill_in(runner, "p1", page)
    with pytest.raises(FinishedPage, match="no way back"):
        runner.answer("p1", TAB, page["step"], page["items"][0]["name"], 1, 1.0)
    # Sent twice, because the reply to the first time was lost: the same next page, nothing new.
    done = runner.roster.participant("p1").done
    assert runner.done("p1", TAB, page["step"], {})["step"] == after["step"]
    assert runner.roster.participant("p1").done == done
    with pytest.raises(InputError, match="cannot be opened again"):
        runner.back("p1", TAB)


def test_a_study_may_allow_to_go_back_to_questions_but_not_to_a_conversation(tmp_path):
    content = CONTENT.replace('block = ["sus"]', 'block = ["sus", "pets"]\nback = true')
    runner = Runner(make_study(tmp_path, content))
    enter(runner, "p1")
    first = talk(runner, "p1")
    assert not first["can_go_back"]
    second = fill_in(runner, "p1", first)
    assert second["can_go_back"]
    again = runner.back("p1", TAB)
    assert again["step"] == first["step"] and len(again["given"]) == 10
    runner.answer(
        "p1",
        TAB,
        first["step"],
        "sus1" if "sus1" in again["given"] else next(iter(again["given"])),
        5,
        1.0,
    )
    assert runner.done("p1", TAB, first["step"], {})["step"] == second["step"]


def test_nothing_answered_is_told_by_number(runner):
    enter(runner, "p1")
    page = talk(runner, "p1")
    with pytest.raises(InputError, match="10 questions are not answered yet"):
        runner.done("p1", TAB, page["step"], {})


@pytest.mark.parametrize("value", [0, 6, 2.5, "many", True, [1], {"a": 1}, "x" * 30_000])
def test_an_answer_that_the_item_does_not_take_is_refused_and_not_kept(runner, value):
    enter(runner, "p1")
    page = talk(runner, "p1")
    with pytest.raises(InputError):
        runner.answer("p1", TAB, page["step"], page["items"][0]["name"], value, 1.0)
    assert not [
        line
        for line in read_lines(runner.folder.log("p1"))
        if line["kind"] == "answered" and line["instrument"] == "sus"
    ]


def test_a_text_that_was_cut_in_the_middle_of_a_sign_is_kept(tmp_path):
    runner = Runner(make_study(tmp_path, CONTENT.replace('["sus"]', '["aim"]')))
    enter(runner, "p1")
    page = talk(runner, "p1")
    runner.answer("p1", TAB, page["step"], "guess", "about moods \ud83d", 1.0)
    runner.answer("p1", TAB, page["step"], "guess", "about moods 🙂", 1.0)
    given = [line["value"] for line in read_lines(runner.folder.log("p1")) if "value" in line]
    assert given[-2:] == ["about moods ?", "about moods 🙂"]


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), "soon", None, True])
def test_a_probe_is_kept_although_its_time_is_none(runner, seconds):
    page = enter(runner, "p1")
    runner.talks.begin("p1", TAB)
    runner.talks.probe("p1", TAB, 0, 6, seconds)
    given = runner.roster.participant("p1").answers[(page["step"], "probe:1.0")]
    assert (given.value, given.seconds) == (6, None)


def test_an_answer_may_be_changed_and_the_last_one_counts(runner):
    enter(runner, "p1")
    page = talk(runner, "p1")
    item = page["items"][0]["name"]
    for value in (1, 4, 4):
        runner.answer("p1", TAB, page["step"], item, value, float("nan"))
    lines = [one for one in read_lines(runner.folder.log("p1")) if one.get("item") == item]
    assert [line["value"] for line in lines] == [1, 4]
    assert lines[0]["seconds"] is None
    assert runner.page("p1", TAB)["given"] == {item: 4}


def test_the_window_opened_last_counts_and_the_other_is_told(runner):
    enter(runner, "p1", "old")
    page = runner.join("p1", {}, "new")
    assert page["kind"] == "talk"
    for ask in (
        lambda: runner.page("p1", "old"),
        lambda: runner.talks.begin("p1", "old"),
        lambda: runner.done("p1", "old", page["step"], {}),
    ):
        with pytest.raises(OtherTab, match="another window"):
            ask()
    runner.join("p1", {}, "old")
    assert runner.page("p1", "old")["step"] == page["step"]


def test_after_a_restart_everybody_goes_on_where_they_were(runner):
    enter(runner, "p1")
    page = talk(runner, "p1")
    runner.answer("p1", TAB, page["step"], page["items"][3]["name"], 2, 1.0)
    again = Runner(runner.folder).page("p1", TAB)
    assert again["step"] == page["step"]
    assert again["given"] == {page["items"][3]["name"]: 2}
    assert [i["name"] for i in again["items"]] == [i["name"] for i in page["items"]]


def test_a_conversation_cut_off_by_a_crash_is_begun_again_in_a_record_of_its_own(runner):
    enter(runner, "p1")
    step = runner.talks.begin("p1", TAB)
    later = Runner(runner.folder)
    with pytest.raises(InputError, match="not over yet"):
        later.done("p1", TAB, step.name, {})
    later.talks.begin("p1", TAB)
    lines = read_lines(runner.folder.log("p1"))
    assert [line["folder"] for line in lines if line["kind"] == "talk_started"] == [
        "block1-talk",
        "block1-talk.2",
    ]
    assert [line["reason"] for line in lines if line["kind"] == "talk_ended"] == ["cut off"]


def test_who_fails_the_checks_too_often_is_screened_out(tmp_path):
    content = CONTENT.replace('attention_word = "seven"', 'attention_word = "seven"\nattempts = 2')
    runner = Runner(make_study(tmp_path, content))
    runner.join("p1", {}, TAB)
    runner.done("p1", TAB, "information", {})
    runner.done("p1", TAB, "consent", {"take_part": True})
    assert not runner.attention("p1", TAB, "eleven")
    with pytest.raises(InputError, match="say the word"):
        runner.done("p1", TAB, "sound", {"microphone_db": -20.0, "loudspeaker": True})
    assert not runner.attention("p1", TAB, "")
    assert runner.page("p1", TAB)["kind"] == "stopped"


def test_each_check_has_attempts_of_its_own_and_says_how_many_are_left(tmp_path):
    content = CONTENT.replace('attention_word = "seven"', 'attention_word = "seven"\nattempts = 2')
    runner = Runner(make_study(tmp_path, content))
    runner.join("p1", {}, TAB)
    runner.done("p1", TAB, "information", {})
    runner.done("p1", TAB, "consent", {"take_part": True})
    quiet = {"microphone_db": -70.0, "loudspeaker": True}
    with pytest.raises(InputError, match="closer to the microphone; one try is left"):
        runner.done("p1", TAB, "sound", quiet)
    assert not runner.attention("p1", TAB, "eleven")
    assert runner.page("p1", TAB)["kind"] == "sound"
    assert runner.done("p1", TAB, "sound", {"microphone_db": -70.0})["kind"] == "stopped"
    assert runner.roster.participant("p1").stopped == "failed the check of microphone"


def test_speech_that_is_too_quiet_holds_people_up_and_its_level_is_kept(runner):
    runner.join("p1", {}, TAB)
    runner.done("p1", TAB, "information", {})
    runner.done("p1", TAB, "consent", {"take_part": True})
    assert runner.attention("p1", TAB, "It is 7, I think.")
    with pytest.raises(InputError, match="closer to the microphone"):
        runner.done("p1", TAB, "sound", {"microphone_db": -70.0, "loudspeaker": True})
    with pytest.raises(InputError, match="say that you hear it"):
        runner.done("p1", TAB, "sound", {"microphone_db": -30})
    assert runner.done("p1", TAB, "sound", {"loudspeaker": True})["kind"] == "talk"
    assert runner.roster.participant("p1").answers[("sound", "microphone_db")].value == -30.0


def test_who_stops_is_told_so_stays_out_and_frees_the_cell(runner):
    enter(runner, "p1")
    assert "You have stopped" in runner.leave("p1", TAB)["text"]
    assert runner.join("p1", {}, "later")["kind"] == "stopped"
    state = runner.roster.participant("p1")
    assert (state.status, state.stopped) == ("dropped", "left")
    enter(runner, "p2")
    assert runner.roster.participant("p2").cell == state.cell


def test_a_study_file_that_changes_after_the_first_participant_is_refused(runner):
    go_through(runner, "p1")
    path = runner.folder.path / "study.toml"
    path.write_text(path.read_text().replace("turns = 1", "turns = 2"))
    with pytest.raises(SettingsError, match=r"study\.toml changed after the first participant"):
        Runner(runner.folder)


def test_a_page_of_questions_does_not_name_what_it_looks_for(tmp_path):
    content = CONTENT.replace('["sus"]', '["manipulation", "attention", "demographics"]')
    runner = Runner(make_study(tmp_path, content))
    enter(runner, "p1")
    page, shown = talk(runner, "p1"), []
    for _ in range(3):
        shown.append(page["heading"])
        page = fill_in(runner, "p1", page)
    assert shown == ["", "", "About you"]


def test_the_information_says_how_long_the_data_is_kept(runner):
    assert "kept until 2099-12-31 at the latest" in runner.join("p1", {}, TAB)["disclosure"]


def test_nobody_begins_a_study_whose_files_changed_since_it_was_opened(runner):
    path = runner.folder.path / "study.toml"
    was = path.read_text()
    path.write_text(was.replace("turns = 1", "turns = 2"))
    with pytest.raises(InputError, match="start it again"):
        runner.join("p1", {}, TAB)
    assert not runner.folder.lock.exists() and runner.folder.participants() == []
    path.write_text(was)
    assert runner.join("p1", {}, TAB)["kind"] == "information"


def test_the_page_names_neither_condition_nor_letter(runner):
    page = enter(runner, "p1")
    shown = json.dumps(page)
    for name in ("empathetic", "flat", "cascade", "voice+", '"A"', "g1", "condition"):
        assert name not in shown


def test_the_key_is_opened_at_the_end_only_and_leaves_a_trace(runner):
    go_through(runner, "p1")
    assert oct(runner.folder.key.stat().st_mode & 0o777) == "0o600"
    with pytest.raises(InputError, match="3 participants are still to complete"):
        seal.unseal(runner.folder, by="me", early="", left=3)
    with pytest.raises(InputError, match="--by NAME"):
        seal.unseal(runner.folder, by=" ", early="", left=0)
    assert seal.is_sealed(runner.folder, runner.study)
    key = seal.unseal(runner.folder, by="me", early="", left=0)
    assert sorted(key.conditions.values()) == sorted(runner.study.names())
    assert [line["by"] for line in seal.seals(runner.folder)] == ["me"]
    assert not seal.is_sealed(runner.folder, runner.study)


@settings(max_examples=10, deadline=None)
@given(share=st.floats(0.0, 1.0))
def test_a_log_cut_at_any_byte_is_the_state_after_its_whole_lines(tmp_path_factory, share):
    runner = Runner(make_study(tmp_path_factory.mktemp("study")))
    go_through(runner, "p1")
    log = runner.folder.log("p1")
    whole = log.read_bytes()
    cut = round(share * len(whole))
    log.write_bytes(whole[:cut])
    lines = whole[:cut].count(b"\n")
    expected = [json.loads(line) for line in whole.split(b"\n")[:lines]]
    assert fold("p1", read_lines(log)) == fold("p1", expected)
    if lines:
        # The next happening mends what was cut off, and the rest of the state is as it was.
        runner.roster.note("p1", "excluded", reason="test")
        assert fold("p1", read_lines(log)[:-1]) == fold("p1", expected)


def test_a_full_disk_loses_nothing_that_was_saved_and_says_what_to_do(runner, monkeypatch):
    enter(runner, "p1")
    page = talk(runner, "p1")
    runner.answer("p1", TAB, page["step"], page["items"][0]["name"], 1, 1.0)
    before = runner.folder.log("p1").read_bytes()
    really = os.write

    def full(descriptor, part):
        really(descriptor, bytes(part)[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("assistant.study.keeping.store.os.write", full)
    with pytest.raises(OutputError, match="free some space"):
        runner.answer("p1", TAB, page["step"], page["items"][1]["name"], 1, 1.0)
    monkeypatch.undo()
    assert runner.folder.log("p1").read_bytes() == before
    runner.answer("p1", TAB, page["step"], page["items"][1]["name"], 1, 1.0)
    assert len(runner.page("p1", TAB)["given"]) == 2


def test_a_clock_that_jumps_changes_neither_order_nor_state(runner):
    go_through(runner, "p1")
    lines = read_lines(runner.folder.log("p1"))
    jumped = [
        {**line, "utc": "1999-01-01T00:00:00+00:00" if n % 3 else "2077-01-01T00:00:00+00:00"}
        for n, line in enumerate(lines)
    ]
    one, other = fold("p1", lines), fold("p1", jumped)
    assert one and other
    assert (one.done, one.answers, one.status) == (other.done, other.answers, other.status)


def test_who_is_silent_for_days_loses_the_cell_and_goes_on_when_coming_back(runner):
    enter(runner, "p1")
    cell = runner.roster.participant("p1").cell
    log = runner.folder.log("p1")
    old = [{**line, "utc": "2020-01-01T00:00:00+00:00"} for line in read_lines(log)]
    log.write_text("".join(json.dumps(line) + "\n" for line in old))
    enter(runner, "p2")
    assert runner.roster.participant("p1").status == "dropped"
    assert runner.roster.participant("p2").cell == cell
    assert runner.join("p1", {}, TAB)["kind"] == "talk"
    assert runner.roster.participant("p1").status == "active"


def test_a_damaged_line_in_the_middle_is_named(runner):
    go_through(runner, "p1")
    log = runner.folder.log("p1")
    content = log.read_bytes().split(b"\n")
    content[3] = b"{broken"
    log.write_bytes(b"\n".join(content))
    with pytest.raises(InputError, match="line 4 is damaged"):
        runner.page("p1", TAB)


def test_a_log_cut_after_any_line_leads_to_the_same_end(tmp_path):
    """Whatever line a killed process wrote last, the participant goes on and completes."""
    whole = Runner(make_study(tmp_path / "whole"))
    go_through(whole, "p1")
    lines = whole.folder.log("p1").read_bytes().splitlines(keepends=True)
    quiet = [n for n, line in enumerate(lines, 1) if b'"answered"' not in line]
    for count in quiet[:-1]:
        whole.folder.log("p1").write_bytes(b"".join(lines[:count]))
        runner = Runner(whole.folder)
        page = runner.join("p1", {}, TAB)
        while page["kind"] not in ("completed", "stopped"):
            if page["kind"] == "talk":
                page = talk(runner, "p1")
            elif page["kind"] == "questions":
                page = fill_in(runner, "p1", page)
            else:
                if page["kind"] == "sound" and page["word"]:
                    runner.attention("p1", TAB, "seven")
                values = {"take_part": True, "microphone_db": -20.0, "loudspeaker": True}
                page = runner.done("p1", TAB, page["step"], values)
        state = runner.roster.participant("p1")
        assert (page["kind"], sorted(state.sequence)) == ("completed", ["A", "B", "C", "D"])


def test_nobody_but_the_owner_can_read_what_people_said(runner):
    go_through(runner, "p1")
    assert (runner.folder.path / "participants").stat().st_mode & 0o077 == 0
    for path in (runner.folder.log("p1"), runner.folder.key, runner.folder.lock):
        assert path.stat().st_mode & 0o777 == 0o600, path
