"""Answers that are ordered while another one is made or heard, or while the person speaks."""

import asyncio
from typing import Any

from assistant import events
from tests.fakes import speech_like
from tests.ui.driving import Client, drive
from tests.ui.realtime.orders.test_orders import answer, create, message, read
from tests.ui.realtime.test_tools import ASKED, WEATHER, calling, result
from tests.ui.serving import LONG, resident
from ui.realtime.orders.later import MOST_WAITING

ASIDE: dict[str, Any] = {
    "conversation": "none",
    "input": [message("Name the topic.")],
    "output_modalities": ["text"],
}


async def aside(client: Client, name: str) -> None:
    """Orders an answer beside the conversation."""
    options = {**ASIDE, "metadata": {"name": name}}
    await client.send("response.create", response=options, event_id=name)


def cut_off(client: Client) -> list[str]:
    kinds = [event["type"] for event in client.seen]
    return [kind for kind in kinds if kind.endswith(("truncated", "cleared"))]


def test_an_answer_beside_the_conversation_cuts_nothing_off() -> None:
    engines = resident(replies=[LONG, "Tea."])

    async def act(client: Client) -> None:
        await create(client, "Tell me.")
        await client.send("response.create")
        await client.until("output_audio_buffer.started")
        await aside(client, "while it is made")
        await client.until("response.done")
        await aside(client, "while it is heard")
        names: list[str] = []
        for _ in range(2):
            response = (await client.until("response.done"))[-1]["response"]
            assert response["status"] == "completed"
            assert response["conversation_id"] is None
            names.append(response["metadata"]["name"])
        assert names == ["while it is made", "while it is heard"]
        assert not cut_off(client)
        await create(client, "And now?")
        assert (await answer(client))["status"] == "completed"

    drive(act, engines)
    assert read(engines) == [
        ["Tell me.", "And now?"],
        ["Name the topic."],
        ["Name the topic."],
    ]


def test_words_before_a_call_are_heard_to_their_end() -> None:
    preamble = "Let me look that up for you."
    engines = calling(f"{preamble} {ASKED}", "It rains.")

    async def act(client: Client) -> None:
        await client.update(tools=[WEATHER])
        await create(client, "How is the weather?")
        await client.send("response.create")
        said, call = (await client.until("response.done"))[-1]["response"]["output"]
        await result(client, call["call_id"], "rain")
        response = await answer(client)
        assert response["output"][0]["content"][0]["transcript"] == "It rains."
        await client.send("conversation.item.retrieve", item_id=said["id"])
        item = (await client.until("conversation.item.retrieved"))[-1]["item"]
        assert item["content"][0]["transcript"] == preamble
        assert not cut_off(client)

    told = [event["type"] for event in drive(act, engines).seen]
    begun = [place for place, kind in enumerate(told) if kind == "response.created"]
    assert told.index("output_audio_buffer.stopped") < begun[1], "it begins after its last word"


def test_a_question_cuts_off_what_is_heard() -> None:
    async def act(client: Client) -> None:
        await create(client, "Tell me.")
        await client.send("response.create")
        await client.until("response.done")
        await create(client, "Stop, something else.")
        assert (await answer(client))["status"] == "completed"

    assert "conversation.item.truncated" in cut_off(drive(act, resident(replies=[LONG, "Yes."])))


def test_one_that_waits_can_be_cancelled_and_is_the_only_one() -> None:
    async def act(client: Client) -> None:
        await create(client, "Tell me.")
        await client.send("response.create")
        await client.until("response.done")
        bye = {"instructions": "Say goodbye.", "metadata": {"name": "bye"}}
        await client.send("response.create", response=bye)
        await client.send("response.create", response=bye, event_id="second")
        error = await client.error()
        assert error["code"] == "conversation_already_has_active_response"
        assert error["event_id"] == "second"
        await client.send("response.cancel")
        response = (await client.until("response.done"))[-1]["response"]
        assert (response["status"], response["metadata"]) == ("cancelled", {"name": "bye"})
        assert response["status_details"]["reason"] == "client_cancelled"
        await client.send("response.cancel")
        assert (await client.error())["code"] == "response_cancel_not_active"
        await client.until("output_audio_buffer.stopped")
        assert not cut_off(client)
        assert (await answer(client, **bye))["status"] == "completed"

    drive(act, resident(replies=[LONG, "Bye."]))


def test_so_many_may_wait() -> None:
    async def act(client: Client) -> None:
        await create(client, "Tell me.")
        await client.send("response.create")
        await client.until("output_audio_buffer.started")
        for number in range(MOST_WAITING + 1):
            await aside(client, str(number))
        assert (await client.error())["event_id"] == str(MOST_WAITING)
        client.session.detach()

    drive(act, resident(replies=[LONG]))


def test_who_waits_for_the_end_of_an_answer_is_not_told_that_it_was_cut_off() -> None:
    async def act(client: Client) -> None:
        for _ in range(3):
            await create(client, "Tell me.")
            await answer(client)
            await client.until("output_audio_buffer.stopped")

    assert not cut_off(drive(act))


FIRST_S, SECOND_S = 2.0, 3.0
"""Where one turn has ended, and where the person speaks again."""


async def speak_twice(client: Client) -> "asyncio.Task[None]":
    """Says one turn, and returns while a second is being said."""
    await client.update(audio={"input": {"format": {"type": "audio/pcm", "rate": 16_000}}})
    said = speech_like((0.3, 1.2), (FIRST_S + 0.3, SECOND_S + 1.0), length_s=SECOND_S + 3.0)
    speaking = asyncio.ensure_future(client.send_sound(said))
    for _ in range(2):
        await client.until("input_audio_buffer.speech_started")
    return speaking


def told_of(client: Client) -> list[str]:
    """Returns what became of turns and answers, in the order in which it was told."""
    kinds = ("speech_started", "speech_stopped", "response.created", "response.done")
    return [event["type"] for event in client.seen if event["type"].endswith(kinds)]


def test_who_speaks_on_is_heard_to_the_end_before_an_answer_that_was_ordered() -> None:
    engines = resident(replies=["To the first.", "To the second."])

    async def act(client: Client) -> None:
        detection = {"type": "server_vad", "create_response": False}
        await client.update(audio={"input": {"turn_detection": detection}})
        speaking = await speak_twice(client)
        await client.send("response.create", response={"metadata": {"to": "first"}})
        await client.send("response.create", event_id="twice")
        assert (await client.error())["code"] == "conversation_already_has_active_response"
        response = (await client.until("response.done"))[-1]["response"]
        assert (response["status"], response["metadata"]) == ("completed", {"to": "first"})
        await client.until("output_audio_buffer.stopped")
        response = await answer(client)
        assert response["output"][0]["content"][0]["transcript"] == "To the second."
        await speaking

    client = drive(act, engines)
    begun = told_of(client)
    assert begun[:6] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "response.created",
        "response.done",
    ]
    first, second = [e for e in client.happened if isinstance(e, events.UtteranceEnded)]
    assert first.end_s < FIRST_S < second.start_s < SECOND_S < second.end_s
    assert not [e for e in client.happened if isinstance(e, events.SpeechDropped)]
    first_heard, second_heard = read(engines)[-1]
    assert len(second_heard) > len(first_heard) > 0, "each by itself"


def test_what_is_typed_while_the_person_speaks_is_answered_after_that_with_its_own_settings() -> (
    None
):
    engines = resident(replies=["One.", "To what was said.", "To what was typed."])

    async def act(client: Client) -> None:
        speaking = await speak_twice(client)
        await create(client, "And in writing?")
        await client.send("response.create", response={"metadata": {"to": "typed"}})
        responses = [(await client.until("response.done"))[-1]["response"] for _ in range(2)]
        assert [response["metadata"] for response in responses] == [None, {"to": "typed"}]
        texts = [response["output"][0]["content"][0]["transcript"] for response in responses]
        assert texts == ["To what was said.", "To what was typed."]
        await speaking

    drive(act, engines)
    assert read(engines)[-1][-1] == "And in writing?"


def test_an_order_that_waits_for_the_person_is_taken_back_and_its_question_kept() -> None:
    async def act(client: Client) -> None:
        detection = {"type": "server_vad", "create_response": False}
        await client.update(audio={"input": {"turn_detection": detection}})
        speaking = await speak_twice(client)
        await client.send("response.create")
        await client.send("response.cancel")
        response = (await client.until("response.done"))[-1]["response"]
        assert response["status"] == "cancelled"
        await client.until("input_audio_buffer.committed")
        await speaking
        assert (await answer(client))["status"] == "completed"

    assert len([e for e in drive(act).happened if isinstance(e, events.UtteranceEnded)]) == 1


def test_what_is_deleted_while_its_answer_waits_is_not_answered() -> None:
    async def act(client: Client) -> None:
        speaking = await speak_twice(client)
        item_id = await create(client, "And in writing?")
        await client.send("response.create", event_id="typed")
        await client.send("conversation.item.delete", item_id=item_id)
        await speaking
        error = (await client.until("error"))[-1]["error"]
        assert (error["code"], error["event_id"]) == ("nothing_to_answer", "typed")

    engines = resident()
    drive(act, engines)
    texts = [said for told in read(engines) for said in told if isinstance(said, str)]
    assert "And in writing?" not in texts


def test_who_comes_back_can_ask_again_what_waited() -> None:
    async def act(client: Client) -> None:
        detection = {"type": "server_vad", "create_response": False}
        await client.update(audio={"input": {"turn_detection": detection}})
        speaking = await speak_twice(client)
        await client.send("response.create")
        client.session.detach()
        await speaking
        client.session.attach()
        await client.until("session.created")
        assert (await answer(client))["status"] == "completed"

    assert len([e for e in drive(act).happened if isinstance(e, events.UtteranceEnded)]) == 1
