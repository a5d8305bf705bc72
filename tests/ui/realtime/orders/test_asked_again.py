"""`response.create` without a new question: what is open is answered, in the order of the items."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes import ScriptedModel, speech_like
from tests.ui.driving import Client, drive
from tests.ui.realtime.orders.test_orders import answer, create, personas, read
from tests.ui.serving import LONG, pcm, resident
from ui.realtime.choices import GREETING

BY_HAND = {"input": {"turn_detection": None}}
SOUND = pcm(speech_like((0.1, 1.1), length_s=1.2, rate=24_000))


async def say(client: Client) -> None:
    """Speaks and commits."""
    await client.update(audio=BY_HAND, output_modalities=["text"])
    await client.send("input_audio_buffer.append", audio=SOUND)
    await client.send("input_audio_buffer.commit")


def is_question(told: Any, spoken: bool) -> bool:
    return (not isinstance(told, str)) if spoken else told == "Tell me."


@pytest.mark.parametrize("spoken", [False, True])
def test_a_question_whose_answer_was_cancelled_unheard_is_asked_again(spoken: bool) -> None:
    engines = resident()

    async def act(client: Client) -> None:
        if spoken:
            await say(client)
        else:
            await create(client, "Tell me.")
        await client.send("response.create")
        await client.send("response.cancel")
        assert (await client.until("response.done"))[-1]["response"]["status"] == "cancelled"
        assert (await answer(client))["status"] == "completed"

    drive(act, engines)
    (last,) = read(engines)[-1]
    assert is_question(last, spoken)


class Breaking(ScriptedModel):
    """Breaks at its first utterance, whichever dialogue hears it."""

    def open(self, persona: Any) -> Any:
        self.failing_turns = () if self.dialogues else (0,)
        return super().open(persona)


def test_a_question_whose_answer_failed_is_asked_again() -> None:
    engines = replace(resident(), models={"mini": Breaking(["Yes."])})

    async def act(client: Client) -> None:
        await say(client)
        await client.send("response.create")
        assert (await client.until("response.done"))[-1]["response"]["status"] == "failed"
        (model,) = engines.models.values()
        assert isinstance(model, Breaking)
        model.failing_turns = ()
        assert (await answer(client))["status"] == "completed"

    drive(act, engines)
    (last,) = read(engines)[-1]
    assert is_question(last, spoken=True)


@pytest.mark.parametrize("spoken", [False, True])
def test_who_deletes_an_answer_gets_another_one(spoken: bool) -> None:
    engines = resident()

    async def act(client: Client) -> None:
        await create(client, "I like tea.")
        await answer(client, output_modalities=["text"])
        if spoken:
            await client.update(output_modalities=["text"])
            await client.speak(speech_like((0.3, 1.5), length_s=3.5))
            response = (await client.until("response.done"))[-1]["response"]
        else:
            await create(client, "Tell me.")
            response = await answer(client, output_modalities=["text"])
        await client.send("conversation.item.delete", item_id=response["output"][0]["id"])
        await client.until("conversation.item.deleted")
        assert (await answer(client, output_modalities=["text"]))["status"] == "completed"
        error = await answer(client)
        assert error["code"] == "nothing_to_answer", "all of it is answered now"

    drive(act, engines)
    first, last = read(engines)[-1]
    assert first == "I like tea."
    assert is_question(last, spoken)


def test_an_answer_of_which_something_was_heard_stands() -> None:
    async def act(client: Client) -> None:
        await create(client, "Tell me.")
        await client.send("response.create")
        await client.until("output_audio_buffer.started")
        await asyncio.sleep(1.0)
        await client.send("output_audio_buffer.clear")
        heard = (await client.until("attune.heard"))[-1]["heard"]
        assert heard and heard != LONG
        assert (await answer(client))["code"] == "nothing_to_answer"

    drive(act, resident(replies=[LONG]))


def test_what_is_put_before_an_open_question_is_read_before_it() -> None:
    engines = resident()

    async def act(client: Client) -> None:
        first = await create(client, "Three.")
        await create(client, "One.", previous_item_id="root")
        await create(client, "Four.", previous_item_id=first)
        await create(client, "Five.")
        await client.send("conversation.item.delete", item_id=first)
        await answer(client)

    drive(act, engines)
    assert read(engines) == [["One.\nFour.\nFive."]]


def test_a_line_of_the_system_is_something_to_speak_of() -> None:
    engines = resident()

    async def act(client: Client) -> None:
        for line in ("Greet the user.", "The user opened a letter."):
            await create(client, line, "system")
            assert (await answer(client, output_modalities=["text"]))["status"] == "completed"
        assert (await answer(client))["code"] == "nothing_to_answer"

    drive(act, engines)
    assert read(engines)[-1] == [GREETING, "The user opened a letter."]
    assert personas(engines)[0] == "Greet the user."
