"""Records tell the truth about the settings: changes are events, and every turn names its own."""

import json
from pathlib import Path
from typing import Any

import pytest

from assistant import events
from assistant.conversation.in_force import SettingsInForce
from assistant.records.mending import open_record
from tests.fakes import LevelDetector, ScriptedModel, ToneVoice, speech_like
from tests.ui.calling import line
from tests.ui.driving import Client, drive
from tests.ui.realtime.test_session import ask
from tests.ui.serving import LONG, serving
from ui.realtime.hosting.engines import Resident
from ui.view import View, reduce


def two_models(records: Path | None = None) -> Resident:
    return Resident(
        models={"first": ScriptedModel([LONG]), "second": ScriptedModel(["I am here for you."])},
        voices={"tone": ToneVoice(), "other": ToneVoice()},
        open_detector=LevelDetector,
        policies=("empathetic", "flat"),
        records=records,
    )


def of(client: Client, kind: type[events.Event]) -> list[Any]:
    return [event for event in client.happened if isinstance(event, kind)]


CHANGES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"audio": {"output": {"voice": "other"}}}, {"voice": "other"}),
    ({"audio": {"output": {"speed": 1.25}}}, {"speed": 1.25}),
    ({"attune": {"policy": "flat"}}, {"policy": "flat"}),
    ({"attune": {"patience": 2.0}}, {"patience": 2.0}),
    ({"output_modalities": ["text"]}, {"output": "text"}),
    ({"audio": {"input": {"turn_detection": None}}}, {"turns": "by the client"}),
    (
        {"turn_detection": {"type": "server_vad", "silence_duration_ms": 900}},
        {"turns": "server_vad (silence 900 ms)"},
    ),
    (
        {"turn_detection": {"type": "semantic_vad", "threshold": 0.4, "interrupt_response": False}},
        {"turns": "semantic_vad (threshold 0.4, not interruptible)"},
    ),
    ({"max_output_tokens": 50}, {"output": "audio (at most 50 tokens)"}),
    (
        {"audio": {"output": {"voice": "other"}}, "attune": {"policy": "flat"}},
        {"voice": "other", "policy": "flat"},
    ),
]


@pytest.mark.parametrize(("update", "changed"), CHANGES)
def test_a_change_between_turns_counts_from_the_next_one(
    update: dict[str, Any], changed: dict[str, Any]
) -> None:
    async def act(client: Client) -> None:
        await ask(client)
        await client.until("output_audio_buffer.stopped")
        await client.update(**update)
        await client.update(**update)
        await ask(client, "And now?")
        await client.until("response.done")

    client = drive(act)
    (change,) = of(client, events.SettingsChanged)
    assert change.changes == changed, "once, and nothing else"
    first, second = (event.settings for event in of(client, events.UtteranceEnded))
    assert second == first | changed
    assert first["voice"] == "tone"


def test_an_answer_under_way_is_spoken_to_its_end_as_it_began() -> None:
    async def act(client: Client) -> None:
        await ask(client)
        await client.until("output_audio_buffer.started")
        updated = await client.update(
            audio={"output": {"voice": "other"}}, attune={"policy": "flat"}
        )
        assert updated["session"]["audio"]["output"]["voice"] == "other"
        await client.send("response.cancel")
        await client.until("response.done")
        await ask(client, "And now?")
        await client.until("response.done")

    client = drive(act, two_models())
    (change,) = of(client, events.SettingsChanged)
    assert change.changes == {"voice": "other", "policy": "flat"}
    order = [type(event) for event in client.happened]
    assert order.index(events.SettingsChanged) > order.index(events.Interrupted)
    assert [event.settings["voice"] for event in of(client, events.UtteranceEnded)] == [
        "tone",
        "other",
    ]


def test_what_was_prepared_in_a_pause_is_prepared_again() -> None:
    """The answer was begun under the old policy while the person might have gone on."""

    async def act(client: Client) -> None:
        speech = speech_like((0.5, 1.5), length_s=4.0)
        await client.speak(speech[: round(1.9 * 16_000)])
        await client.update(attune={"policy": "flat"})
        await client.speak(speech[round(1.9 * 16_000) :])
        await client.until("output_audio_buffer.stopped")

    client = drive(act)
    (ended,) = of(client, events.UtteranceEnded)
    assert ended.settings["policy"] == "flat"
    (chosen,) = of(client, events.StyleChosen)
    assert chosen.style.intensity == 0.0, "spoken as the policy of the record says"


def test_the_log_that_is_begun_later_names_what_is_in_force(tmp_path: Path) -> None:
    with serving(two_models(tmp_path)) as (host, _site), line(host) as client:
        first = {"type": "realtime", "model": "second", "attune": {"policy": "flat"}}
        client.send("session.update", session=first)
        client.say("Hello.")
        client.until("output_audio_buffer.stopped")
        client.send("session.update", session={"attune": {"keep_words": True}})
        client.send("session.update", session={"audio": {"output": {"voice": "other"}}})
        client.say("And now?")
        client.until("output_audio_buffer.stopped")
    (folder,) = tmp_path.iterdir()
    happened = open_record(folder).events
    opening = happened[0]
    assert isinstance(opening, events.ConversationStarted)
    assert (opening.model, opening.policy, opening.voice) == ("second", "flat", "tone")
    assert isinstance(happened[1], events.SettingsChanged)
    assert happened[1].changes == {"voice": "other"}
    (ended,) = (event for event in happened if isinstance(event, events.UtteranceEnded))
    assert (ended.settings["voice"], ended.settings["policy"]) == ("other", "flat")


def test_saved_talks_say_under_which_settings_each_turn_was_answered() -> None:
    saved: dict[str, str] = {}

    async def act(client: Client) -> None:
        await ask(client)
        await client.until("output_audio_buffer.stopped")
        await client.update(audio={"output": {"voice": "other"}}, attune={"patience": 1.5})
        await ask(client, "And now?")
        await client.until("output_audio_buffer.stopped")
        await client.update(attune={"policy": "flat"})
        for kind in ("md", "json"):
            await client.send("attune.transcript.request", format=kind)
            saved[kind] = (await client.until("attune.transcript"))[-1]["content"]

    drive(act)
    turns = json.loads(saved["json"])["turns"]
    assert [turns[index]["settings"]["voice"] for index in "01"] == ["tone", "other"]
    assert [turns[index]["settings"]["patience"] for index in "01"] == [1.0, 1.5]
    begin, first, second = saved["md"].split("**You**")
    assert "Begun with model mini, voice tone, policy empathetic, patience 1" in begin
    assert "Answered with model mini, voice tone, policy empathetic, patience 1," in first
    assert "From here on: voice other, patience 1.5." in first
    assert "Answered with model mini, voice other, policy empathetic, patience 1.5," in second
    assert "From here on: policy flat." in second


def test_what_does_not_change_is_not_told() -> None:
    told: list[events.Event] = []
    in_force = SettingsInForce(told.append, {"voice": "flite", "instructions": "Be brief."})
    assert not in_force.change(1.0, {"voice": "flite"})
    assert in_force.change(2.0, {"voice": "espeak", "pace": None})
    assert told == [events.SettingsChanged(2.0, {"voice": "espeak", "pace": None})]
    in_force.listen(events.UtteranceEnded(3.0, 0, 1.0, 2.0, 1.9, "silence"))
    ended = told[-1]
    assert isinstance(ended, events.UtteranceEnded)
    assert ended.settings == {"voice": "espeak", "pace": None}, "long texts are told once"
    assert in_force.settings["instructions"] == "Be brief."


def test_the_view_shows_what_is_in_force() -> None:
    started = events.ConversationStarted(
        0.0, "mini", "flite", "empathetic", "2026-01-01", in_force={"patience": 1.0}
    )
    view = reduce(reduce(View(), started), events.SettingsChanged(1.0, {"patience": 2.0}))
    assert view.settings == {
        "model": "mini",
        "voice": "flite",
        "policy": "empathetic",
        "patience": 2.0,
    }


def test_what_is_asked_for_by_voice_is_in_force_from_then_on() -> None:
    async def act(client: Client) -> None:
        for words in ("Hello.", "Slower, please.", "And now?"):
            await ask(client, words)
            await client.until("output_audio_buffer.stopped")
        await client.update(audio={"output": {"voice": "other"}})
        await ask(client, "Still?")
        await client.until("output_audio_buffer.stopped")

    client = drive(act)
    changes = [event.changes for event in of(client, events.SettingsChanged)]
    asked = {"asked_pace": 0.83, "asked_loudness_db": 0.0}
    assert changes == [{"voice": "other"}], "once each"
    assert [event.changes for event in of(client, events.SettingsAsked)] == [asked]
    turns = [event.asked for event in of(client, events.UtteranceEnded)]
    assert turns == [{}, {}, asked, asked]
    rates = [event.spoken.rate for event in of(client, events.StyleChosen)]
    assert rates[2] == pytest.approx(rates[0] / 1.2)


def test_saved_talks_say_from_where_on_a_person_asked_for_it() -> None:
    told: dict[str, Any] = {}

    async def act(client: Client) -> None:
        for words in ("Hello.", "Slower, please.", "And now?"):
            await ask(client, words)
            await client.until("output_audio_buffer.stopped")
        await client.update(instructions="Be brief.")
        await client.send("attune.transcript.request", format="md")
        told.update((await client.until("attune.transcript"))[-1])

    drive(act)
    first, _, rest = told["content"].partition("*From here on: asked pace 0.83")
    assert rest and "slower" in first.lower()
    assert "Be brief" not in told["content"]


def test_the_format_of_one_answer_is_the_sessions_and_that_is_said() -> None:
    async def act(client: Client) -> None:
        form = {"type": "audio/pcmu"}
        options = {"instructions": "Hi", "audio": {"output": {"format": form}}}
        await client.send("response.create", response=options)
        (told,) = (await client.until("attune.warning"))[-1:]
        assert told["ignored"] == ["response.audio.output.format"]
        (done,) = (await client.until("response.done"))[-1:]
        assert done["response"]["audio"]["output"]["format"]["type"] == "audio/pcm"

    drive(act)
