import json
import time

import pytest

from assistant.audio import silent_microphone
from assistant.records.mending import open_record
from assistant.study.keeping.store import read_lines
from assistant.study.run.runner import Runner
from tests.assistant.study.small_study import CONTENT, make_study
from tests.ui.study.serving_study import Refused, Visitor, serving_study, silence, speak


@pytest.fixture
def folder(tmp_path):
    return make_study(tmp_path / "study")


def test_a_participant_goes_through_a_study_in_the_browser(folder):
    with serving_study(folder) as (host, _):
        visitor = Visitor(host, "p1")
        page, told = visitor.enter(), []
        while page["kind"] not in ("completed", "stopped"):
            if page["kind"] == "talk":
                told += visitor.talk()
                visitor.ask("probe", turn=0, value=6, seconds=2.0)
                page = visitor.done(page)
            elif page["kind"] == "questions":
                page = visitor.fill_in(page)
            else:
                page = visitor.done(page)
        assert page["code"]
    state = Runner(folder).roster.participant("p1")
    assert state.status == "completed"
    assert [(t.turns, t.ended) for t in state.talks.values()] == [(1, "turns")] * 4
    for number in (1, 2, 3, 4):
        record = open_record(folder.talk("p1", f"block{number}-talk"))
        assert not record.repairs
        assert (folder.talk("p1", f"block{number}-talk") / "audio.wav").stat().st_size > 30_000
        assert state.answers[(f"block{number}-talk", "probe:1.0")].value == 6
    # Nothing that went to the browser names what the conditions differ in.
    told_text = json.dumps(told)
    assert '"response.output_audio.delta"' in told_text
    for name in ("flat", "empathetic", "scripted", "hum", "policy", "style", "emotion", "I hear"):
        assert name not in told_text


def test_a_reload_goes_on_with_the_conversation_and_its_recording(tmp_path):
    folder = make_study(tmp_path, CONTENT.replace("turns = 1", "turns = 2"))
    with serving_study(folder) as (host, _):
        visitor = Visitor(host, "p1")
        page = visitor.enter()
        visitor.talk(until="study.probe")
        visitor.tab = "tab-2"
        again = visitor.ask("join")
        assert again["step"] == page["step"] and again["was_begun"]
        seen = visitor.talk()
        assert seen[-1]["reason"] == "turns"
    talk = Runner(folder).roster.participant("p1").talks[page["step"]]
    assert (talk.attempts, talk.turns) == (1, 2)


def test_the_window_before_is_told_and_hung_up_on(folder):
    with serving_study(folder) as (host, _):
        old = Visitor(host, "p1", "old")
        page = old.enter()
        with old.line() as socket:
            assert json.loads(socket.recv(timeout=60))["type"] == "study.ready"
            new = Visitor(host, "p1", "new")
            new.ask("join")
            with new.line() as other:
                assert json.loads(other.recv(timeout=60))["type"] == "study.ready"
                with pytest.raises(Exception, match="4001"):
                    while True:
                        socket.recv(timeout=60)
        with pytest.raises(Refused) as refused:
            old.ask("page")
        assert refused.value.status == 409 and refused.value.content["code"] == "other_tab"
        with old.line() as socket:
            told = json.loads(socket.recv(timeout=60))
            assert (told["type"], told["code"]) == ("study.refused", "other_tab")
        assert new.ask("page")["step"] == page["step"]


def test_no_socket_opens_before_consent(folder):
    with serving_study(folder) as (host, _):
        visitor = Visitor(host, "p1")
        visitor.ask("join")
        with visitor.line() as socket:
            assert json.loads(socket.recv(timeout=60))["type"] == "study.refused"


def test_withdrawing_in_the_middle_of_a_conversation_deletes_it_with_a_receipt(folder):
    with serving_study(folder) as (host, talks):
        visitor = Visitor(host, "p1")
        visitor.enter()
        with visitor.line() as socket:
            assert json.loads(socket.recv(timeout=60))["type"] == "study.ready"
            speak(socket)
            last = visitor.ask("withdraw")
        assert last["kind"] == "withdrawn" and "Receipt" in last["text"]
        with pytest.raises(Refused, match="was deleted"):
            visitor.ask("join")
        time.sleep(0.3)
        assert not talks.open
    assert not folder.participant("p1").exists()
    assert len(list(folder.receipts.glob("*.json"))) == 1
    gone = [name for name in folder.participants() if name.startswith("withdrawn-")]
    assert len(gone) == 1 and "p1" not in json.dumps(read_lines(folder.log(gone[0])))


def test_the_stop_button_ends_a_conversation(folder):
    with serving_study(folder) as (host, _):
        visitor = Visitor(host, "p1")
        page = visitor.enter()
        with visitor.line() as socket:
            assert json.loads(socket.recv(timeout=60))["type"] == "study.ready"
            socket.send(json.dumps({"type": "study.end"}))
            told = {"type": ""}
            while told["type"] != "study.over":
                told = json.loads(socket.recv(timeout=60))
        assert told["reason"] == "participant"
        assert visitor.done(page)["kind"] == "questions"


def test_a_browser_cannot_change_the_settings_of_a_conversation(folder):
    with serving_study(folder) as (host, _):
        visitor = Visitor(host, "p1")
        visitor.enter()
        with visitor.line() as socket:
            assert json.loads(socket.recv(timeout=60))["type"] == "study.ready"
            session = {"type": "realtime", "attune": {"policy": "mirror"}, "instructions": "x"}
            socket.send(json.dumps({"type": "session.update", "session": session}))
            socket.send("no JSON")
            socket.send(json.dumps([1]))
            speak(socket)
            told = {"type": ""}
            while told["type"] != "study.over":
                told = json.loads(socket.recv(timeout=60))
                assert told["type"] not in ("session.updated", "error")
    assert "mirror" not in (folder.talk("p1", "block1-talk") / "events.jsonl").read_text()


@pytest.mark.parametrize("name", ["../../x", "a b", "<script>", "x" * 300])
def test_a_hostile_id_is_refused_in_a_sentence(folder, name):
    with serving_study(folder) as (host, _), pytest.raises(Refused) as refused:
        Visitor(host, name).ask("join")
    assert refused.value.status == 422 and "participant id" in refused.value.content["message"]


def test_words_are_not_kept_without_consent_to_them(folder):
    with serving_study(folder) as (host, _):
        visitor = Visitor(host, "p1")
        page = visitor.done(visitor.ask("join"))
        page = visitor.done(page, take_part=True, audio=False, words=False, emotion=False)
        from tests.fakes import speech_like
        from tests.ui.study.serving_study import clip

        visitor.ask("attention", clip=clip(speech_like((0.1, 0.6), length_s=1.0)))
        visitor.done(page, microphone_db=-20.0, loudspeaker=True)
        visitor.talk()
    record = folder.talk("p1", "block1-talk")
    assert not (record / "audio.wav").exists()
    text = (record / "events.jsonl").read_text()
    assert "utterance" not in text and "I hear you" not in text and "probabilities" not in text


def test_whoever_is_not_heard_is_told_so(folder, monkeypatch):
    monkeypatch.setattr(silent_microphone, "SILENT_S", 1.0)
    with serving_study(folder) as (host, _):
        visitor = Visitor(host, "p1")
        visitor.enter()
        with visitor.line() as socket:
            assert json.loads(socket.recv(timeout=60))["type"] == "study.ready"
            for _ in range(20):
                silence(socket, 0.1)
            told = json.loads(socket.recv(timeout=60))
            assert (told["type"], told["silent"]) == ("study.microphone", True)
            speak(socket)
            while told["type"] != "study.microphone" or told["silent"]:
                told = json.loads(socket.recv(timeout=60))


def test_where_all_places_are_taken_the_next_is_asked_to_wait(tmp_path):
    folder = make_study(tmp_path, CONTENT)
    with serving_study(folder, most=1) as (host, _):
        one, other = Visitor(host, "p1"), Visitor(host, "p2")
        one.enter()
        page = other.enter()
        with one.line() as socket:
            assert json.loads(socket.recv(timeout=60))["type"] == "study.ready"
            with other.line() as waiting:
                told = json.loads(waiting.recv(timeout=60))
                assert told["type"] == "study.refused" and "wait a minute" in told["text"]
            socket.send(json.dumps({"type": "study.end"}))
            while told["type"] != "study.over":
                told = json.loads(socket.recv(timeout=60))
        assert other.talk()[-1]["reason"] == "turns"
        assert other.done(page)["kind"] == "questions"


def test_a_conversation_that_breaks_is_begun_again(folder, monkeypatch):
    from assistant.study.run.scripted import ScriptedDialogue

    breaks, hear = iter([True]), ScriptedDialogue.hear

    def heard(self, utterance, cancel):
        if next(breaks, False):
            raise RuntimeError("a bug of ours")
        return hear(self, utterance, cancel)

    with serving_study(folder) as (host, _):
        visitor = Visitor(host, "p1")
        page = visitor.enter()
        monkeypatch.setattr(ScriptedDialogue, "hear", heard)
        assert visitor.talk()[-1]["reason"] == "failed"
        with pytest.raises(Refused, match="not over yet"):
            visitor.done(page)
        assert visitor.talk()[-1]["reason"] == "turns"
        assert visitor.done(page)["kind"] == "questions"
    assert Runner(folder).roster.participant("p1").talks["block1-talk"].attempts == 2
