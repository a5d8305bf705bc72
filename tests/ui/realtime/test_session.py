"""Sessions on a virtual clock: what clients may do, and what they are told when they may not."""

import asyncio
import base64
import dataclasses
import gc
import json
import weakref
from typing import Any

import pytest

from assistant import events
from assistant.turns.patience import PatienceSettings
from assistant.turns.settings import TalkSettings
from models.emotions import Emotion
from tests.fakes import JudgingModel, ScriptedModel, certain, speech_like
from tests.ui.driving import Client, drive
from tests.ui.serving import LONG, pcm, resident, spoken

TEXT: dict[str, Any] = {
    "type": "message",
    "role": "user",
    "content": [{"type": "input_text", "text": "Hello."}],
}


async def ask(client: Client, text: str = "Hello.") -> None:
    content = [{"type": "input_text", "text": text}]
    await client.send("conversation.item.create", item={**TEXT, "content": content})
    await client.send("response.create")


def test_a_typed_turn_is_answered() -> None:
    async def act(client: Client) -> None:
        await ask(client)
        done = (await client.until("response.done"))[-1]["response"]
        assert done["status"] == "completed"
        assert done["output"][0]["content"][0]["transcript"] == "I am here for you."

    client = drive(act)
    kinds = [event["type"] for event in client.seen]
    assert not [kind for kind in kinds if "transcription" in kind or "speech" in kind]
    assert len({event["event_id"] for event in client.seen}) == len(client.seen)


def test_answers_in_text_have_no_sound() -> None:
    async def act(client: Client) -> None:
        await client.update(output_modalities=["text"])
        await ask(client)
        seen = await client.until("response.done")
        kinds = {event["type"] for event in seen}
        assert "response.output_text.done" in kinds
        assert not [kind for kind in kinds if "audio" in kind]
        assert seen[-1]["response"]["output"][0]["content"][0]["type"] == "output_text"

    drive(act)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("no json", "invalid_json"),
        ("[" * 100_000, "invalid_json"),
        ("[]", "invalid_event"),
        (r'{"type": "\ud800"}', "invalid_value"),
        (r'{"type": "response.create", "response": {"metadata": {"\udc00": 1}}}', "invalid_value"),
        ('{"type": 7}', "invalid_event"),
        ('{"type": "session.update", "session": {"tools": [NaN]}}', "invalid_json"),
        ('{"type": "response.create", "response": {"metadata": {"a": 1}}}', "invalid_value"),
        ('{"type": "session.destroy"}', "unknown_event"),
        ('{"type": "input_audio_buffer.append"}', "invalid_value"),
        ('{"type": "input_audio_buffer.append", "audio": "!!"}', "invalid_value"),
        ('{"type": "input_audio_buffer.commit"}', "input_audio_buffer_commit_empty"),
        ('{"type": "response.create", "response": 3}', "invalid_value"),
        ('{"type": "response.cancel"}', "response_cancel_not_active"),
        ('{"type": "conversation.item.create"}', "unsupported"),
        ('{"type": "conversation.item.retrieve", "item_id": "x"}', "item_not_found"),
        ('{"type": "conversation.item.truncate", "item_id": {}}', "item_not_found"),
        ('{"type": "attune.emotion.correct", "turn": 0, "emotion": "sad"}', "item_not_found"),
        ('{"type": "attune.transcript.request", "format": "../x"}', "invalid_value"),
        ('{"type": "session.update", "session": 3}', "invalid_value"),
        ('{"type": "session.update", "session": {"voice": []}}', "invalid_value"),
        ('{"type": "session.update", "session": {"voice": {"id": {}}}}', "invalid_value"),
        (
            '{"type": "conversation.item.create", "item": {"type": "message", "role": []}}',
            "unsupported",
        ),
        (
            '{"type": "response.create", "response": {"input": [{"type": "message", "role": {}}]}}',
            "unsupported",
        ),
        ('{"type": "session.update", "session": {"tools": [{}]}}', "invalid_value"),
        ('{"type": "session.update", "session": {"attune": {"patience": 99}}}', "invalid_value"),
        ('{"type": "session.update", "session": {"attune": {"policy": "/etc"}}}', "invalid_value"),
    ],
)
def test_what_cannot_be_obeyed_is_an_error_and_the_session_goes_on(message: str, code: str) -> None:
    async def act(client: Client) -> None:
        await client.session.receive(message)
        error = await client.error()
        assert error["code"] == code, error
        assert error["message"]
        await ask(client)
        assert (await client.until("response.done"))[-1]["response"]["status"] == "completed"

    drive(act)


def test_errors_name_the_event_they_answer() -> None:
    async def act(client: Client) -> None:
        await client.send("response.cancel", event_id="mine")
        assert (await client.error())["event_id"] == "mine"
        await client.session.receive('{"event_id": "without a type"}')
        assert (await client.error())["event_id"] == "without a type"
        await client.session.receive(b"\x00\x01")
        assert (await client.error())["code"] == "invalid_event"
        await client.session.receive('{"type": "x", "fill": "' + "a" * 16_000_000 + '"}')
        assert (await client.error())["code"] == "event_too_large"

    drive(act)


def test_two_responses_at_once_are_refused() -> None:
    async def act(client: Client) -> None:
        await ask(client)
        await client.until("response.created")
        await client.send("conversation.item.create", item=TEXT)
        await client.send("response.create")
        assert (await client.error())["code"] == "conversation_already_has_active_response"
        await client.send("response.cancel")
        done = (await client.until("response.done"))[-1]["response"]
        assert done["status"] == "cancelled"
        assert done["status_details"]["reason"] == "client_cancelled"
        await client.send("response.create")
        assert (await client.until("response.done"))[-1]["response"]["status"] == "completed"

    drive(act, resident(replies=[LONG]))


def test_the_client_says_how_much_it_played() -> None:
    async def act(client: Client) -> None:
        await ask(client)
        done = (await client.until("response.done"))[-1]["response"]
        item = done["output"][0]["id"]
        await client.send(
            "conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=1_000
        )
        cut, heard = (await client.until("attune.heard"))[-2:]
        assert cut["audio_end_ms"] == 1_000
        assert LONG.startswith(heard["heard"])
        assert 16 <= len(heard["heard"].split()) <= 22
        await client.send("conversation.item.truncate", item_id=item, audio_end_ms=-1)
        assert (await client.error())["param"] == "audio_end_ms"
        cut = {"item_id": item, "content_index": 1, "audio_end_ms": 10}
        await client.send("conversation.item.truncate", **cut)
        assert (await client.error())["param"] == "content_index"
        cut = {"item_id": item, "content_index": 0, "audio_end_ms": 10**400}
        await client.send("conversation.item.truncate", **cut)
        (end,) = (await client.until("conversation.item.truncated"))[-1:]
        assert end["audio_end_ms"] == pytest.approx(4_000, abs=50), "there is no more of it"

    drive(act, resident(replies=[LONG]))


def test_an_answer_is_cleared_once_though_the_client_says_afterwards_what_it_played() -> None:
    async def act(client: Client) -> None:
        await ask(client)
        started = await client.until("output_audio_buffer.started")
        item = next(event["item"]["id"] for event in started if "output_item" in event["type"])
        await client.send("output_audio_buffer.clear")
        cut = [event["type"] for event in await client.until("attune.heard")]
        assert cut.count("output_audio_buffer.cleared") == 1
        await client.send("conversation.item.truncate", item_id=item, audio_end_ms=40)
        corrected = [event["type"] for event in await client.until("attune.heard")]
        assert "conversation.item.truncated" in corrected
        assert "output_audio_buffer.cleared" not in corrected

    drive(act, resident(replies=[LONG]))


def test_a_correction_counts_for_the_view_and_the_next_turn() -> None:
    async def act(client: Client) -> None:
        await client.update(attune={"view": True})
        await client.send("input_audio_buffer.append", audio=spoken())
        heard = (await client.until("attune.emotion"))[-1]
        assert heard["emotion"]["label"] == "angry"
        await client.until("output_audio_buffer.stopped")
        await client.send("attune.emotion.correct", item_id=heard["item_id"], emotion="sad")
        assert (await client.until("attune.emotion.corrected"))[-1]["emotion"] == "sad"
        change = (await client.until("attune.view"))[-1]["change"]
        assert change["turns"]["0"]["corrected"] == "sad"
        assert change["turns"]["0"]["emotion"]["label"] == "angry"
        await client.send("attune.emotion.correct", turn=0, emotion="<b>")
        assert (await client.error())["param"] == "emotion"

    drive(act, resident(emotions=[certain(Emotion.ANGRY)]))


def test_the_view_tells_only_what_changed() -> None:
    picture: dict[str, Any] = {"turns": {}}

    async def act(client: Client) -> None:
        await client.update(attune={"view": True})
        for _ in range(2):
            await ask(client, "<script>alert(1)</script>")
            await client.until("output_audio_buffer.stopped")

    client = drive(act)
    changes = [event["change"] for event in client.seen if event["type"] == "attune.view"]
    for change in changes:
        turns = change.pop("turns", {})
        picture.update(change)
        picture["turns"].update(turns)
    assert sorted(picture["turns"]) == ["0", "1"]
    assert picture["turns"]["1"]["words"] == "<script>alert(1)</script>"
    assert picture["turns"]["1"]["reply"] == "I am here for you."
    assert all(len(json.dumps(change)) < 2_000 for change in changes)


def test_who_made_an_answer_is_told_once_for_each() -> None:
    async def act(client: Client) -> None:
        await client.update(attune={"view": True})
        for text in ("Hello.", "Slower, please."):
            await ask(client, text)
            await client.until("output_audio_buffer.stopped")

    client = drive(act)
    told = [event for event in client.seen if event["type"] == "attune.source"]
    assert [(event["turn"], event["source"]) for event in told] == [(0, "model"), (1, "fixed")]
    made = [event for event in client.seen if event["type"] == "response.created"]
    assert [event["response_id"] for event in told] == [one["response"]["id"] for one in made]
    shown = [e["change"].get("turns", {}) for e in client.seen if e["type"] == "attune.view"]
    for turn, source in (("0", "model"), ("1", "fixed")):
        last = [turns[turn] for turns in shown if turn in turns][-1]
        assert last["reply_source"] == source


def test_a_turn_that_sounds_whole_ends_sooner() -> None:
    familiar = resident(talk=TalkSettings(patience=PatienceSettings(stranger_ms=0)))

    async def act(client: Client) -> None:
        await client.speak(speech_like((0.5, 1.5), length_s=4.0))
        await client.until("response.done")

    def delay(model: ScriptedModel) -> float:
        client = drive(act, dataclasses.replace(familiar, models={"judge": model}))
        (ended,) = [e for e in client.happened if isinstance(e, events.UtteranceEnded)]
        return ended.at_s - ended.speech_end_s

    assert delay(JudgingModel(1.0)) < 0.4
    assert 0.5 < delay(ScriptedModel(["Yes."])) < 1.0
    assert delay(JudgingModel(0.0)) > 1.5

    by_sound = dataclasses.replace(
        familiar,
        models={"judge": JudgingModel(0.0)},
        judge=JudgingModel(1.0),
        judges_words=False,
    )
    (ended,) = [e for e in drive(act, by_sound).happened if isinstance(e, events.UtteranceEnded)]
    assert ended.at_s - ended.speech_end_s < 0.4


def test_each_conversation_has_a_judge_of_its_own() -> None:
    model = JudgingModel(1.0)

    async def act(client: Client) -> None:
        for _ in range(2):
            await client.speak(speech_like((0.5, 1.5), length_s=2.5))
            await client.until("output_audio_buffer.stopped")

    for _ in range(2):
        drive(act, dataclasses.replace(resident(), models={"judge": model}))
    assert model.opened == len(model.dialogues) == 2


def test_turns_without_answers_wait_for_response_create() -> None:
    async def act(client: Client) -> None:
        detection = {"type": "server_vad", "create_response": False}
        await client.update(audio={"input": {"turn_detection": detection}})
        await client.send("input_audio_buffer.append", audio=spoken())
        seen = await client.until("conversation.item.done")
        assert not [event for event in seen if event["type"].startswith("response.")]
        await client.send("response.create")
        assert (await client.until("response.done"))[-1]["response"]["status"] == "completed"

    happened = drive(act).happened
    (held,) = [event for event in happened if isinstance(event, events.TurnHeld)]
    (ended,) = [event for event in happened if isinstance(event, events.UtteranceEnded)]
    assert (ended.start_s, ended.end_s) == (held.start_s, held.end_s), "not with the order"


def test_speech_that_the_client_gives_up_leaves_the_floor() -> None:
    manual = {"input": {"turn_detection": None}}

    async def act(client: Client) -> None:
        await client.update(attune={"view": True})
        for give_up in (
            client.send("input_audio_buffer.clear"),
            client.send("session.update", session={"audio": manual}),
        ):
            await client.speak(speech_like((0.5, 1.5), length_s=1.5))
            await client.until_floor("you speak")
            await give_up
            await client.until_floor("listening")

    client = drive(act)
    assert not [e for e in client.happened if isinstance(e, events.UtteranceEnded)]


def test_settings_that_only_fit_a_fresh_session() -> None:
    async def act(client: Client) -> None:
        updated = await client.update(instructions="You are terse.")
        assert updated["session"]["instructions"] == "You are terse."
        updated = await client.update(audio={"output": {"format": {"rate": 16_000}}})
        assert updated["session"]["audio"]["output"]["format"]["rate"] == 16_000
        await ask(client)
        await client.until("output_audio_buffer.stopped")
        updated = await client.update(instructions="You are verbose.")
        assert updated["session"]["instructions"] == "You are verbose."
        late = await client.update(audio={"output": {"format": {"rate": 24_000}}})
        assert late["error"]["code"] == "session_in_use"
        assert (await client.update(attune={"policy": "flat"}))["type"] == "session.updated"

    client = drive(act)
    pieces = [
        base64.b64decode(event["delta"])
        for event in client.seen
        if event["type"] == "response.output_audio.delta"
    ]
    assert sum(map(len, pieces)) == 2 * 5 * 800


def test_a_talk_that_is_over_leaves_nothing() -> None:
    async def act(client: Client) -> None:
        await client.speak(speech_like((0.5, 1.5), length_s=3.0))
        await client.until("output_audio_buffer.stopped")

    engines = resident()
    session = weakref.ref(drive(act, engines).session)
    gc.collect()
    assert session() is None


def test_a_client_that_comes_back_gets_the_whole_picture() -> None:
    async def act(client: Client) -> None:
        await client.update(attune={"view": True})
        await ask(client)
        await client.until("output_audio_buffer.started")
        client.session.detach()
        await client.session.receive('{"type": "x"}')
        client.session.attach()
        change = (await client.until("attune.view"))[-1]["change"]
        while "turns" not in change or "0" not in change["turns"]:
            change = (await client.until("attune.view"))[-1]["change"]
        assert change["turns"]["0"]["words"] == "Hello."

    client = drive(act, resident(replies=[LONG]))
    (stopped,) = [e for e in client.happened if isinstance(e, events.Interrupted)]
    assert len(stopped.heard) < len(LONG)


def test_what_was_asked_before_the_line_broke_is_answered_when_it_is_back() -> None:
    async def act(client: Client) -> None:
        await client.update(attune={"view": True})
        await ask(client)
        client.session.detach()
        await asyncio.sleep(20.0)
        seen = len(client.seen)
        client.session.attach()
        await client.until("output_audio_buffer.stopped")
        sound = [e for e in client.seen[seen:] if e["type"] == "response.output_audio.delta"]
        assert sum(len(base64.b64decode(one["delta"])) for one in sound) > 2 * 5_000

    client = drive(act, resident(replies=["I am here for you."]))
    assert not [e for e in client.happened if isinstance(e, events.Interrupted)]
    (finished,) = [e for e in client.happened if isinstance(e, events.ReplyFinished)]
    assert finished.heard == "I am here for you."


def test_who_does_not_come_back_leaves_nothing_that_waits() -> None:
    async def act(client: Client) -> None:
        await ask(client)
        client.session.detach()
        await asyncio.sleep(20.0)

    (ended,) = [
        e for e in drive(act, resident()).happened if isinstance(e, events.ConversationEnded)
    ]
    assert ended.reason == "stopped"


def test_transcripts_to_take_home() -> None:
    async def act(client: Client) -> None:
        await ask(client, "a --> b <i>")
        await client.until("output_audio_buffer.stopped")
        for kind in ("md", "json", "vtt"):
            await client.send("attune.transcript.request", format=kind)
            content = (await client.until("attune.transcript"))[-1]["content"]
            assert "a " in content
            if kind == "vtt":
                assert content.startswith("WEBVTT\n")
                assert content.count("-->") == 2
                assert "<v You>a → b &lt;i>" in content and "<v Attune>I am here" in content
            if kind == "json":
                assert json.loads(content)["turns"]["0"]["reply"] == "I am here for you."

    drive(act)


@pytest.mark.parametrize("speech_s", [0.0, 0.6])
@pytest.mark.parametrize("way", ["commit", "item"])
def test_only_speech_reaches_the_model_whichever_way_sound_comes(way: str, speech_s: float) -> None:
    engines = resident()

    async def act(client: Client) -> None:
        await client.update(audio={"input": {"turn_detection": None}})
        sound = pcm(speech_like((3.0, 3.0 + speech_s), length_s=9.0, rate=24_000))
        if way == "commit":
            await client.send("input_audio_buffer.append", audio=sound)
            await client.send("input_audio_buffer.commit")
        else:
            part = {"type": "input_audio", "audio": sound}
            item = {"type": "message", "role": "user", "content": [part]}
            await client.send("conversation.item.create", item=item)
        if not speech_s:
            assert (await client.error())["code"] == "input_audio_buffer_commit_empty"
        await client.send("response.create")
        if speech_s:
            await client.until("response.done")
        else:
            assert (await client.error())["code"] == "nothing_to_answer"

    drive(act, engines)
    (model,) = engines.models.values()
    assert isinstance(model, ScriptedModel)
    asked = [len(said) / 16_000 for dialogue in model.dialogues for said in dialogue.utterances]
    assert len(asked) == bool(speech_s)
    assert all(speech_s <= length_s < speech_s + 0.5 for length_s in asked)


def test_words_that_are_never_known_are_told_to_have_failed() -> None:
    kind = "conversation.item.input_audio_transcription"

    async def act(client: Client) -> None:
        await client.update(audio={"input": {"turn_detection": None}})
        for outcome in ("completed", "failed"):
            await client.send("input_audio_buffer.append", audio=spoken())
            await client.send("input_audio_buffer.commit")
            item_id = (await client.until("input_audio_buffer.committed"))[-1]["item_id"]
            await client.send("response.create")
            seen = await client.until("response.done")
            assert seen[-1]["response"]["status"] == outcome
            told = [event for event in seen if event["type"].startswith(kind)]
            assert {event["item_id"] for event in told} == {item_id}
            kinds = [event["type"].removeprefix(f"{kind}.") for event in told]
            assert kinds == {"failed": ["failed"], "completed": ["delta", "completed"]}[outcome]
            if outcome == "failed":
                assert "broke" in told[0]["error"]["message"]

    model = ScriptedModel(["I am here for you."], failing_turns=[1])
    drive(act, dataclasses.replace(resident(), models={"mini": model}))


IDLE = "input_audio_buffer.timeout_triggered"


def vad(**fields: Any) -> dict[str, Any]:
    return {"input": {"turn_detection": {"type": "server_vad", **fields}}}


def test_who_says_nothing_for_long_is_asked_once_in_each_silence() -> None:
    async def act(client: Client) -> None:
        await client.update(audio=vad(idle_timeout_ms=6_000))
        await asyncio.sleep(20.0)  # nothing was answered yet
        assert IDLE not in {event["type"] for event in client.seen}
        for reply in ("I am here for you.", "Go on."):
            await client.send("input_audio_buffer.append", audio=spoken())
            assert said((await client.until("response.done"))[-1]) == reply
            seen = await client.until(IDLE)
            assert "output_audio_buffer.stopped" in {event["type"] for event in seen}
            silent_ms = seen[-1]["audio_end_ms"] - seen[-1]["audio_start_ms"]
            assert silent_ms == pytest.approx(6_000, abs=200)
            seen = await client.until("response.done")
            assert seen[0]["type"] == "input_audio_buffer.committed"
            assert seen[0]["item_id"] == client.seen[client.seen.index(seen[0]) - 1]["item_id"]
            assert said(seen[-1]) == "Are you still there?"
            count = len(client.seen)
            await asyncio.sleep(20.0)
            later = {event["type"] for event in client.seen[count:]}
            assert IDLE not in later and "response.created" not in later

    model = ScriptedModel(["I am here for you.", "(not asked of the model)", "Go on."])
    drive(act, dataclasses.replace(resident(), models={"mini": model}))
    assert model.dialogues[0].replaced == ["Are you still there?"] * 2


def said(done: dict[str, Any]) -> str:
    return done["response"]["output"][0]["content"][0]["transcript"]


@pytest.mark.parametrize(
    "audio", [vad(), vad(idle_timeout_ms=6_000, create_response=False), {"input": {}}]
)
def test_who_is_not_to_be_asked_is_left_in_silence(audio: dict[str, Any]) -> None:
    async def act(client: Client) -> None:
        await client.update(audio=audio)
        await ask(client)
        await client.until("output_audio_buffer.stopped")
        await asyncio.sleep(30.0)

    assert IDLE not in {event["type"] for event in drive(act).seen}


def test_a_cough_begins_the_silence_anew_and_impossible_times_are_refused() -> None:
    async def act(client: Client) -> None:
        for wrong in (1_000, 60_000, "long"):
            await client.send("session.update", session={"audio": vad(idle_timeout_ms=wrong)})
            assert (await client.error())["param"].endswith("idle_timeout_ms")
        await client.update(audio=vad(idle_timeout_ms=6_000))
        await ask(client)
        await client.until("output_audio_buffer.stopped")
        await asyncio.sleep(5.0)
        await client.send("input_audio_buffer.append", audio=spoken(0.08, tail_s=0.5))
        await asyncio.sleep(4.0)
        assert IDLE not in {event["type"] for event in client.seen}
        await client.until(IDLE)

    drive(act)
