import asyncio
import base64
import json
import time
import urllib.error
import urllib.request
from functools import partial

import pytest

from assistant.engines.protocols import Transcript
from assistant.events import EmotionCorrected, TurnHeld, UtteranceEnded
from assistant.records.mending import open_record
from assistant.study.keeping.store import read_lines
from assistant.study.keeping.withdrawal import withdraw
from assistant.study.run.scripted import ScriptedDialogue, ScriptedModel
from assistant.study.tables.exporting import StudyTables
from models.emotions import Emotion
from tests.assistant.study.small_study import CONTENT, make_study
from tests.fakes import certain
from tests.ui.browsing import CHROMIUM, FLAGS, PATIENT_MS, needs_chromium
from tests.ui.study.serving_study import PASSWORD, Visitor, serving_study, silence, speak

WIZARD = CONTENT.replace("[talk]", "[base]\nwizard = true\n[talk]")


def ask(host, path, body=None, password=PASSWORD):
    headers = {"content-type": "application/json"}
    if password:
        headers["authorization"] = f"Basic {base64.b64encode(password.encode()).decode()}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{host}/experimenter{path}", data, headers)
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.loads(reply.read())


def until(check):
    for _ in range(300):
        if found := check():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not happen")


@pytest.mark.parametrize("password", ["", "experimenter:wrong password"])
def test_the_page_is_behind_a_password(tmp_path, password):
    with (
        serving_study(make_study(tmp_path)) as (host, _),
        pytest.raises(urllib.error.HTTPError, match="401"),
    ):
        ask(host, "/state", password=password)


def test_the_experimenter_corrects_an_emotion_and_sees_no_condition(tmp_path):
    folder = make_study(tmp_path, CONTENT.replace("turns = 1", "turns = 2"))
    with serving_study(folder) as (host, _):
        visitor = Visitor(host, "p1")
        page = visitor.enter()
        visitor.talk(until="study.probe")
        state = ask(host, "/state")
        assert [talk["participant"] for talk in state["talks"]] == ["p1"]
        for name in ("flat", "empathetic", "cascade", "policy", "style"):
            assert name not in json.dumps(state)
        ask(host, "/correct", {"participant": "p1", "turn": 0, "emotion": "sad"})
        for wrong in ({"turn": 7, "emotion": "sad"}, {"turn": 0, "emotion": "bored"}):
            with pytest.raises(urllib.error.HTTPError, match=r"4(04|22)"):
                ask(host, "/correct", {"participant": "p1", **wrong})
        until(lambda: [x for x in read_lines(folder.log("p1")) if x["kind"] == "corrected"])
        visitor.talk()
        ask(host, "/exclude", {"participant": "p1", "reason": "late"})
    rows = StudyTables(folder).turns()
    assert [row["corrected_emotion"] for row in rows] == ["sad", None]
    record = open_record(folder.talk("p1", page["step"]))
    corrected = [e for e in record.events if isinstance(e, EmotionCorrected)]
    assert [event.by for event in corrected] == ["experimenter"]


def test_the_last_turn_is_corrected_when_the_conversation_is_over(tmp_path):
    folder = make_study(tmp_path)
    with serving_study(folder) as (host, _):
        visitor = Visitor(host, "p1")
        page = visitor.enter()
        visitor.talk()
        page = visitor.done(page)
        (talk,) = ask(host, "/state")["talks"]
        assert talk["is_over"] and talk["turns"][0]["words"] == "utterance 1"
        ask(host, "/correct", {"participant": "p1", "turn": 0, "emotion": "sad"})
        (talk,) = ask(host, "/state")["talks"]
        assert (talk["turns"][0]["emotion"], talk["turns"][0]["corrected"]) == ("sad", True)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            ask(host, "/say", {"participant": "p1", "text": "Too late."})
        (row,) = StudyTables(folder).turns()
        assert row["corrected_emotion"] == "sad" and row["emotion"] != "sad"
        visitor.fill_in(page)
        with visitor.line() as socket:
            assert json.loads(socket.recv(timeout=30))["type"] == "study.ready"
            (talk,) = ask(host, "/state")["talks"]
            assert (talk["step"], talk["is_over"]) == ("block2-talk", False)


def test_of_whoever_is_deleted_no_conversation_is_shown(tmp_path):
    folder = make_study(tmp_path)
    with serving_study(folder) as (host, talks):
        for name in ("p1", "p2"):
            visitor = Visitor(host, name)
            visitor.enter()
            visitor.talk()
        visitor.ask("withdraw")
        withdraw(folder, "p1", reason="asked for")  # by the command, beside the server
        assert "p1" in talks.over and "p2" not in talks.over
        assert ask(host, "/state")["talks"] == []
        with pytest.raises(urllib.error.HTTPError, match="404"):
            ask(host, "/correct", {"participant": "p1", "turn": 0, "emotion": "sad"})
    assert not folder.participant("p1").exists()


def test_in_a_wizard_condition_the_assistant_says_what_the_experimenter_writes(tmp_path):
    folder = make_study(tmp_path, WIZARD)
    with serving_study(folder) as (host, _):
        visitor = Visitor(host, "p1")
        page = visitor.enter()
        with visitor.line() as socket:
            assert json.loads(socket.recv(timeout=30))["type"] == "study.ready"
            speak(socket)
            waits = until(lambda: ask(host, "/state")["talks"][0]["waits_for_line"])
            assert waits == "seven"  # what the scripted model writes down
            for _ in range(20):  # a wizard thinks
                silence(socket, 0.1)
            ask(host, "/say", {"participant": "p1", "text": "That sounds like a good day."})
            kinds = set()
            while "study.over" not in kinds:
                kinds.add(json.loads(socket.recv(timeout=30))["type"])
        assert "response.output_audio.delta" in kinds
        assert visitor.done(page)["kind"] == "questions"
    row = StudyTables(folder).turns()[0]
    happened = open_record(folder.talk("p1", "block1-talk")).events
    assert row["reply_heard"] == "That sounds like a good day."
    assert row["wizard"] == 1 and row["words"] == "utterance 1" and row["emotion"]
    # Where it was said, though the answer was ordered later; that wait is part of the delay.
    assert row["end_s"] - row["start_s"] == pytest.approx(0.8, abs=0.5) and row["start_s"] < 0.5
    (held,) = [e for e in happened if isinstance(e, TurnHeld)]
    (ended,) = [e for e in happened if isinstance(e, UtteranceEnded)]
    assert (row["start_s"], row["end_s"]) == (held.start_s, held.end_s)
    assert (ended.start_s, ended.end_s) == (held.start_s, held.end_s), "in the log too"
    # A busy machine's clock of sound may lag behind the experimenter's.
    assert row["first_audio_ms"] > 1_000 * (ended.at_s - held.end_s) > 0
    noted = [line for line in read_lines(folder.log("p1")) if line["kind"] == "wizard"]
    assert [line["text"] for line in noted] == ["That sounds like a good day."]


def say_to_wizard(monkeypatch, words):
    """Lets the scripted model understand `words`, whatever is said."""
    heard = Transcript(words, confidence=0.9)

    def hear(_self, _utterance, _cancel):
        yield from (certain(Emotion.SAD, 0.8), heard)

    monkeypatch.setattr(ScriptedModel, "transcribe", lambda _self, _utterance: heard)
    monkeypatch.setattr(ScriptedDialogue, "hear", hear)


def until_over(socket):
    told = [json.loads(socket.recv(timeout=30))]
    while told[-1]["type"] != "study.over":
        told.append(json.loads(socket.recv(timeout=30)))
    return told


def test_danger_to_life_waits_for_no_wizard(tmp_path, monkeypatch):
    folder = make_study(tmp_path, WIZARD)
    with serving_study(folder) as (host, _):
        visitor = Visitor(host, "p1")
        visitor.enter()
        say_to_wizard(monkeypatch, "I want to kill myself.")
        with visitor.line() as socket:
            assert json.loads(socket.recv(timeout=30))["type"] == "study.ready"
            speak(socket)
            told = until_over(socket)
    assert "attune.help" in [one["type"] for one in told]
    (row,) = StudyTables(folder).turns()
    assert row["wizard"] == 0 and "crisis" in row["reply_heard"]


def test_the_stop_word_waits_for_no_wizard(tmp_path, monkeypatch):
    folder = make_study(tmp_path, WIZARD)
    with serving_study(folder) as (host, _):
        visitor = Visitor(host, "p1")
        visitor.enter()
        say_to_wizard(monkeypatch, "Please stop the study.")
        with visitor.line() as socket:
            assert json.loads(socket.recv(timeout=30))["type"] == "study.ready"
            speak(socket)
            assert until_over(socket)[-1]["reason"] == "stop word"


def test_whoever_goes_on_before_the_wizard_answers_is_read_as_a_whole(tmp_path):
    with serving_study(make_study(tmp_path, WIZARD)) as (host, _):
        visitor = Visitor(host, "p1")
        visitor.enter()
        with visitor.line() as socket:
            assert json.loads(socket.recv(timeout=30))["type"] == "study.ready"
            for words in ("seven", "seven seven"):
                speak(socket)
                waits = partial(waiting, host, words)
                until(waits)


def waiting(host, words):
    return ask(host, "/state")["talks"][0]["waits_for_line"] == words


def test_nothing_of_words_or_emotion_is_noted_without_consent_to_it(tmp_path, monkeypatch):
    folder = make_study(tmp_path, CONTENT.replace("turns = 1", "turns = 2"))
    with serving_study(folder) as (host, _):
        visitor = Visitor(host, "p1")
        visitor.enter(words=False, emotion=False)
        say_to_wizard(monkeypatch, "I want to kill myself.")
        visitor.talk(until="study.probe")
        ask(host, "/correct", {"participant": "p1", "turn": 0, "emotion": "angry"})
        until(lambda: [x for x in read_lines(folder.log("p1")) if x["kind"] == "corrected"])
        visitor.talk()
    log = folder.log("p1").read_text()
    assert '"help"' not in log and "self_harm" not in log and "angry" not in log


def test_a_line_can_be_put_into_any_conversation(tmp_path):
    folder = make_study(tmp_path, CONTENT.replace("turns = 1", "turns = 2"))
    with serving_study(folder) as (host, _):
        visitor = Visitor(host, "p1")
        visitor.enter()
        visitor.talk(until="study.probe")
        with visitor.line() as socket:
            assert json.loads(socket.recv(timeout=30))["type"] == "study.ready"
            ask(host, "/say", {"participant": "p1", "text": "Let us talk about your work."})
            told = {"type": ""}
            while told["type"] != "study.over":
                told = json.loads(socket.recv(timeout=30))
        with pytest.raises(urllib.error.HTTPError, match="404"):
            ask(host, "/say", {"participant": "p1", "text": "Too late."})
    rows = StudyTables(folder).turns()
    assert [(row["wizard"], row["reply_heard"]) for row in rows][1] == (
        1,
        "Let us talk about your work.",
    )


@needs_chromium[0]
@needs_chromium[1]
@needs_chromium[2]
async def test_a_list_that_is_open_stays_while_the_page_looks_again(tmp_path):
    async_api = pytest.importorskip("playwright.async_api")
    folder = make_study(tmp_path, CONTENT.replace("turns = 1", "turns = 2"))
    user, _, word = PASSWORD.partition(":")
    with serving_study(folder) as (host, _):
        visitor = Visitor(host, "p1")
        await asyncio.to_thread(visitor.enter)
        await asyncio.to_thread(visitor.talk, until="study.probe")
        # A conversation that nobody is at is over after a minute, and its card goes.
        with visitor.line():
            async with async_api.async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=CHROMIUM, headless=True, args=list(FLAGS)
                )
                context = await browser.new_context(
                    http_credentials={"username": user, "password": word}
                )
                page = await context.new_page()
                page.set_default_timeout(PATIENT_MS)
                await page.goto(f"http://{host}/experimenter/")
                emotion = await page.wait_for_selector("select")
                button = await page.wait_for_selector("text=Exclude")
                for _ in range(3):
                    async with page.expect_response("**/experimenter/state"):
                        pass
                assert await emotion.evaluate("one => one.isConnected")
                assert await button.evaluate("one => one.isConnected")
                await emotion.select_option("sad")
                await page.wait_for_selector("text=corrected")
                await browser.close()
