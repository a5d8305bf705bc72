"""A participant in the terminal, at a microphone that is a script, with one that plays nowhere."""

import io
import os
from typing import Any

import pytest

from assistant.audio import silent_microphone
from assistant.audio.file_devices import FileSpeaker
from assistant.audio.protocols import Ends
from assistant.errors import SettingsError
from assistant.records.mending import open_record
from assistant.study.keeping.store import read_lines
from assistant.study.run.engines import StudyEngines
from assistant.study.run.headphone_sounds import RATE_HZ, trial_sides
from assistant.study.run.runner import Runner
from assistant.study.settings import StudyEngineSettings, StudyRunSettings, StudySettings
from assistant.study.simulated.person import SimulatedPerson
from assistant.turns.settings import TalkSettings
from tests.assistant.study.small_study import CONTENT, make_study
from tests.fakes import LevelDetector, speech_like
from ui.study import terminal, terminal_sound
from ui.study.terminal import TerminalWay
from ui.study.terminal_context import Devices

TWO = CONTENT.replace("[factors.hearing.words]\n", "")
TWO = TWO.replace('engine = "cascade"\n', "").replace("participants = 4", "participants = 2")


class Listening(TerminalWay):
    """Keeps what the trials of headphones play: left, right and rate of each."""

    played: list[Any]


def way(folder, answer, monkeypatch):
    monkeypatch.setattr(terminal_sound, "LISTEN_S", 1.2)
    engines = StudyEngines(folder.path, StudyEngineSettings(), scripted=True)
    engines.detector = LevelDetector
    said = []

    def open_ends(_cards, _frame_samples):
        person = SimulatedPerson([speech_like((0.0, 0.6), length_s=0.7)])
        return Ends(person, FileSpeaker())

    def ask(question):
        said.append(question)
        return answer(question)

    played = []
    devices = Devices(engines, TalkSettings(), open_ends, lambda *sides: played.append(sides))
    person = Listening(Runner(folder), devices, ask=ask, say=said.append)
    person.played = played
    return person, said


def willing(question):
    if "1 to 7" in question:
        return "5"
    if "1 to 5" in question:
        return "4"
    return "y" if "[y/n]" in question else ""


def test_a_participant_goes_through_a_study_in_the_terminal(tmp_path, monkeypatch):
    folder = make_study(tmp_path / "study", TWO)
    person, said = way(folder, willing, monkeypatch)
    page = person.go("t1")
    assert page["kind"] == "completed"
    assert f"Your completion code: {page['code']}" in said
    state = Runner(folder).roster.participant("t1")
    assert [talk.ended for talk in state.talks.values()] == ["turns", "turns"]
    assert state.answers[("block1-talk", "probe:1.0")].value == 5
    assert state.answers[("block2-sus", next(i for s, i in state.answers if s == "block2-sus"))]
    assert state.answers[("sound", "microphone_db")].value > -45
    assert len(open_record(folder.talk("t1", "block2-talk")).events) > 5
    assert not [line for line in said if "flat" in line or "empathetic" in line]


def test_wrong_answers_are_asked_again_and_leaving_deletes_what_was_said(tmp_path, monkeypatch):
    folder = make_study(tmp_path / "study", TWO)
    typed = iter(["9", "many", "", "4", "delete", "y"])

    def answer(question):
        if "1 to 5" in question or "Really" in question:
            return next(typed)
        return willing(question)

    person, said = way(folder, answer, monkeypatch)
    page = person.go("t1")
    assert page["kind"] == "withdrawn" and "Receipt" in said[-1]
    assert len([line for line in said if "takes a number from 1 to 5" in line]) == 2
    assert len([line for line in said if "needs an answer" in line]) <= 1
    assert not folder.participant("t1").exists()


def test_an_empty_line_is_no_refusal_of_consent(tmp_path, monkeypatch):
    folder = make_study(tmp_path / "study", TWO)
    typed = iter(["", "maybe", "y"])

    def answer(question):
        return next(typed, "y") if "18 years old" in question else willing(question)

    person, said = way(folder, answer, monkeypatch)
    assert person.go("t1")["kind"] == "completed"
    assert said.count("Type y or n.") == 2


def test_whoever_wants_to_stop_is_let_go_at_a_question_of_yes_or_no_too(tmp_path, monkeypatch):
    folder = make_study(tmp_path / "study", TWO)
    typed = iter(["stop", "y"])

    def answer(question):
        is_asked = "sound of my conversations" in question or "Really" in question
        return next(typed) if is_asked else willing(question)

    person, _ = way(folder, answer, monkeypatch)
    assert person.go("t1")["kind"] == "stopped"
    assert Runner(folder).roster.participant("t1").stopped == "left"


def test_whoever_stops_between_two_answers_is_not_talked_to_any_longer(tmp_path, monkeypatch):
    content = TWO.replace("turns = 1", "turns = 50").replace("[talk]", "[talk]\nminutes = 60")
    folder = make_study(tmp_path / "study", content)

    def answer(question):
        return "stop" if "1 to 7" in question else willing(question)

    person, _ = way(folder, answer, monkeypatch)
    assert person.go("t1")["kind"] == "stopped"
    (ended,) = [line for line in read_lines(folder.log("t1")) if line["kind"] == "talk_ended"]
    assert ended["reason"] == "participant" and ended["turns"] < 50


def test_whoever_is_not_heard_in_a_conversation_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setattr(silent_microphone, "SILENT_S", 0.4)
    content = TWO[: TWO.index("[sound]")] + '[sound]\ncheck = false\nattention_word = ""\n'
    person, said = way(make_study(tmp_path / "study", content), willing, monkeypatch)
    assert person.go("t1")["kind"] == "completed"
    assert [line for line in said if "only silence: it may be muted" in line]
    assert "The microphone is heard again." in said


def test_the_end_names_the_way_back_to_the_panel(tmp_path, monkeypatch):
    entry = '[entry]\ncompletion_link = "https://panel.example/?cc={code}"\n'
    folder = make_study(tmp_path / "study", TWO + entry)
    person, said = way(folder, willing, monkeypatch)
    page = person.go("t1")
    assert said[-1] == f"Finish here: https://panel.example/?cc={page['code']}"


def test_a_pair_of_words_is_asked_by_its_ends(tmp_path, monkeypatch):
    folder = make_study(tmp_path / "study", TWO.replace('["sus"]', '["ueq_s"]'))
    person, said = way(folder, willing, monkeypatch)
    person.go("t1")
    assert "1. obstructive – supportive" in said


def test_who_does_not_agree_is_asked_nothing_more(tmp_path, monkeypatch):
    folder = make_study(tmp_path / "study", TWO)
    person, said = way(folder, lambda q: "n" if "[y/n]" in q else "", monkeypatch)
    assert person.go("t1")["kind"] == "stopped"
    assert not [line for line in said if "microphone" in line.lower() and "sentence" in line]


def softest(person):
    """Returns the tone that is softest to somebody with headphones, in the trial played last."""
    left, _, rate = person.played[-1]
    power = [float((left[round(s * rate) :][: round(rate)] ** 2).sum()) for s in (0.0, 1.5, 3.0)]
    return str(1 + power.index(min(power)))


@pytest.mark.parametrize("has_headphones", [True, False])
def test_headphones_are_checked_in_the_terminal(tmp_path, monkeypatch, has_headphones):
    content = TWO.replace("[sound]", '[sound]\nattempts = 1\nheadphones = "required"')
    replayed = iter(["", "many"])

    def answer(question):
        if "softest" in question:
            # Once the tones are heard again, and once something else is typed.
            right = softest(person)
            return next(replayed, right if has_headphones else str(int(right) % 3 + 1))
        return willing(question)

    person, said = way(make_study(tmp_path / "study", content), answer, monkeypatch)
    page = person.go("t1")
    assert page["kind"] == ("completed" if has_headphones else "stopped")
    state = Runner(make_study(tmp_path / "study", content)).roster.participant("t1")
    right = state.answers[("sound", "headphones_right")].value
    assert right == (6 if has_headphones else 0)
    assert len(person.played) == 7 and "Type 1, 2 or 3." in said


def test_one_tone_cancels_itself_over_loudspeakers_and_not_over_headphones():
    left, right = trial_sides(["plain", "quiet", "antiphase"])
    parts = [slice(round(s * RATE_HZ), round((s + 1) * RATE_HZ)) for s in (0.0, 1.5, 3.0)]
    in_the_room = [float(((left + right)[part] ** 2).sum()) for part in parts]
    on_one_ear = [float((left[part] ** 2).sum()) for part in parts]
    assert in_the_room.index(min(in_the_room)) == 2
    assert on_one_ear.index(min(on_one_ear)) == 1
    assert on_one_ear[0] / on_one_ear[1] == pytest.approx(10**0.6, rel=1e-3)


def test_answers_in_the_terminal_have_their_times(tmp_path, monkeypatch):
    folder = make_study(tmp_path / "study", TWO)
    person, _ = way(folder, willing, monkeypatch)
    person.go("t1")
    lines = read_lines(folder.log("t1"))
    took = [line["seconds"] for line in lines if line.get("instrument") in ("sus", "probe")]
    assert len(took) == 22 and all(seconds >= 0 for seconds in took)


def test_the_terminal_says_what_it_cannot_do(tmp_path, monkeypatch):
    content = TWO.replace("[talk]", "[base]\nwizard = true\n[talk]")
    folder = make_study(tmp_path / "study", content)
    settings = StudySettings(folder=folder.path, scripted=True).part(StudyRunSettings)
    with pytest.raises(SettingsError, match="run it in a terminal"):
        terminal.take_part(settings, "t1")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("assistant.audio.card_ends.check_devices", lambda _settings: None)
    with pytest.raises(SettingsError, match="open the study in the browser"):
        terminal.take_part(settings, "t1")


def test_a_question_that_may_be_left_out_says_so(tmp_path, monkeypatch):
    folder = make_study(tmp_path / "study", TWO.replace('["sus"]', '["aim"]'))
    person, said = way(folder, willing, monkeypatch)
    assert person.go("t1")["kind"] == "completed"
    asked = "1. What do you think this study is about? (may be left out: press Enter)"
    assert said.count(asked) == 2


def test_gaps_in_the_sound_print_nothing_between_the_questions(tmp_path, monkeypatch, capfd):
    class Noisy:
        def __init__(self, _runner, _devices, *, ask):
            self.ask = ask

        def go(self, _participant):
            os.write(2, b"ALSA lib pcm.c: underrun occurred\nanother warning\n")
            assert self.ask("How old are you? ") == "33"
            assert capfd.readouterr() == ("How old are you? ", "")

    monkeypatch.setattr(terminal, "TerminalWay", Noisy)
    monkeypatch.setattr("assistant.audio.card_ends.check_devices", lambda _settings: None)
    monkeypatch.setattr("sys.stdin", io.StringIO("33\n"))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    folder = make_study(tmp_path / "study", TWO)
    settings = StudySettings(folder=folder.path, scripted=True).part(StudyRunSettings)
    assert terminal.take_part(settings, "t1") == 0
    assert capfd.readouterr().err == "another warning\n"
