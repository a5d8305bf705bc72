"""Items and answers as a client orders them."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes import ScriptedModel, speech_like
from tests.ui.driving import Client, drive
from tests.ui.serving import pcm, resident
from ui.realtime.choices import GREETING
from ui.realtime.hosting.engines import Resident
from ui.realtime.protocol.formats import encoded


def message(text: str, role: str = "user", **fields: Any) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}], **fields}


async def create(client: Client, text: str, role: str = "user", **fields: Any) -> str:
    """Creates an item; returns its id, or the parameter that is wrong."""
    await client.send("conversation.item.create", item=message(text, role), **fields)
    last = (await client.until("conversation.item.done", "error"))[-1]
    return last["error"]["param"] if last["type"] == "error" else last["item"]["id"]


async def answer(client: Client, **response: Any) -> dict[str, Any]:
    """Orders an answer; returns the response, or the error."""
    await client.send("response.create", response=response)
    last = (await client.until("response.done", "error"))[-1]
    if last["type"] == "error":
        return last["error"]
    assert last["response"]["status"] in ("completed", "incomplete"), last
    return last["response"]


def read(engines: Resident) -> list[list[Any]]:
    """Returns what each dialogue was told."""
    (model,) = engines.models.values()
    assert isinstance(model, ScriptedModel)
    return [dialogue.utterances for dialogue in model.dialogues]


def personas(engines: Resident) -> list[str | None]:
    (model,) = engines.models.values()
    assert isinstance(model, ScriptedModel)
    return [dialogue.persona.system for dialogue in model.dialogues]


@pytest.mark.parametrize(
    "options",
    [
        {"output_modalities": ["audio"]},
        {"modalities": ["audio", "text"]},
        {"tools": []},
        {"tools": None, "tool_choice": "auto"},
        {"tool_choice": "none"},
        {"max_output_tokens": "inf"},
        {"max_output_tokens": 4096, "temperature": 0.8},
        {"conversation": "auto", "metadata": {"topic": "jokes"}},
        {"audio": {"output": {"voice": "marin", "format": {"type": "audio/pcm", "rate": 24_000}}}},
        {"reasoning": {"effort": "low"}, "parallel_tool_calls": True, "colour": "red"},
        {"instructions": "Be brief."},
    ],
    ids=str,
)
def test_options_that_agree_with_the_session_are_obeyed(options: dict[str, Any]) -> None:
    engines = resident()

    async def act(client: Client) -> None:
        await create(client, "Tell me a joke.")
        response = await answer(client, **options)
        assert response["output"][0]["content"][0]["transcript"] == "I am here for you."
        assert response["metadata"] == options.get("metadata")

    drive(act, engines)
    assert read(engines)[-1] == ["Tell me a joke."]


@pytest.mark.parametrize(
    ("options", "param", "remedy"),
    [
        ({"tools": [{"type": "function", "name": "f"}]}, "tools", "calls no functions"),
        ({"tool_choice": "required"}, "tool_choice", "none"),
        ({"output_modalities": ["video"]}, "output_modalities", "text"),
        ({"max_output_tokens": -3}, "max_output_tokens", "inf"),
        ({"conversation": "other"}, "conversation", "none"),
        ({"metadata": 3}, "metadata", "object"),
        ({"input": 3}, "input", "list"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input.0.id", "no item"),
        ({"input": [{"type": "function_call"}]}, "input.0", "message"),
        ({"audio": {"output": {"speed": 9}}}, "audio.output.speed", "1.5"),
    ],
    ids=str,
)
def test_a_refused_order_leaves_nothing_in_the_next_answer(
    options: dict[str, Any], param: str, remedy: str
) -> None:
    engines = resident()

    async def act(client: Client) -> None:
        await create(client, "The first question.")
        error = await answer(client, **options)
        assert error["param"] == f"response.{param}"
        assert remedy in error["message"]
        await create(client, "The second question.")
        assert (await answer(client))["status"] == "completed"

    drive(act, engines)
    assert read(engines)[-1] == ["The second question."]


def test_a_question_whose_order_was_refused_can_be_ordered_again() -> None:
    engines = resident()

    async def act(client: Client) -> None:
        await create(client, "One.")
        await create(client, "Two.")
        assert "message" in await answer(client, output_modalities=["video"])
        assert (await answer(client))["status"] == "completed"

    drive(act, engines)
    assert read(engines)[-1] == ["One.\nTwo."]


@pytest.mark.parametrize("options", [{}, {"instructions": "Greet the user."}])
def test_the_assistant_may_speak_first(options: dict[str, Any]) -> None:
    engines = resident()

    async def act(client: Client) -> None:
        response = await answer(client, **options)
        assert response["output"][0]["content"][0]["transcript"] == "I am here for you."
        await client.until("output_audio_buffer.stopped")
        if not options:
            assert (await answer(client))["code"] == "nothing_to_answer"
        assert (await answer(client, instructions="Say goodbye."))["status"] == "completed"

    client = drive(act, engines)
    assert read(engines) == [[options.get("instructions", GREETING), "Say goodbye."]]
    # Nobody said it: it is no item of the person's.
    items = [e["item"] for e in client.seen if e["type"] == "conversation.item.added"]
    assert [item["role"] for item in items] == ["assistant", "assistant"]


def test_one_answer_in_text_or_speech_leaves_the_session_as_it_was() -> None:
    async def act(client: Client) -> None:
        for modality, kind in (("text", "output_text"), ("audio", "output_audio")):
            await create(client, "Hello.")
            response = await answer(client, output_modalities=[modality])
            assert response["output_modalities"] == [modality]
            assert response["output"][0]["content"][0]["type"] == kind
        await client.until("output_audio_buffer.stopped")
        await client.update(output_modalities=["text"])
        await create(client, "Hello.")
        assert (await answer(client, modalities=["audio", "text"]))["output_modalities"] == [
            "audio"
        ]
        await client.until("output_audio_buffer.stopped")
        await create(client, "Hello.")
        assert (await answer(client))["output"][0]["content"][0]["type"] == "output_text"

    drive(act)


@pytest.mark.parametrize("where", ["response", "session", "beta"])
def test_an_answer_has_at_most_so_many_tokens(where: str) -> None:
    async def act(client: Client) -> None:
        name = "max_response_output_tokens" if where == "beta" else "max_output_tokens"
        if where != "response":
            await client.update(**{name: 3})
        await create(client, "Hello.")
        response = await answer(client, **({name: 3} if where == "response" else {}))
        assert response["status"] == "incomplete"
        assert response["status_details"]["reason"] == "max_output_tokens"
        assert response["output"][0]["content"][0]["transcript"] == "I am here for y"
        if where == "response":
            await client.until("output_audio_buffer.stopped")
            await create(client, "Hello.")
            assert (await answer(client))["status"] == "completed"

    drive(act)


def test_an_answer_beside_the_conversation_leaves_no_trace_in_it() -> None:
    engines = resident()

    async def act(client: Client) -> None:
        await create(client, "I like tea.")
        await answer(client, output_modalities=["text"])
        await create(client, "What do I like?", event_id="open")
        response = await answer(
            client,
            conversation="none",
            output_modalities=["text"],
            instructions="Name the topic.",
            input=[
                message("Be terse.", "system"),
                message("Rain.", "user"),
                message("Indeed.", "assistant"),
                message("And now?", "user"),
            ],
            metadata={"kind": "topic"},
        )
        assert response["conversation_id"] is None
        assert response["metadata"] == {"kind": "topic"}
        await client.send("conversation.item.retrieve", item_id=response["output"][0]["id"])
        assert (await client.error())["code"] == "item_not_found"
        await answer(client, output_modalities=["text"])

    client = drive(act, engines)
    assert read(engines)[1] == ["Rain.", "And now?"]
    assert ["I like tea.", "What do I like?"] in read(engines)
    assert personas(engines)[1] == "Name the topic.\n\nBe terse."
    added = [e for e in client.seen if e["type"] == "conversation.item.added"]
    assert [e["item"]["role"] for e in added] == ["user", "assistant", "user", "assistant"]


def test_items_of_all_sides_make_the_past_in_their_order() -> None:
    engines = resident()

    async def act(client: Client) -> None:
        await create(client, "You are a pirate.", "system")
        await create(client, "What is your ship?")
        await create(client, "The Black Pearl.", "assistant")
        first = await create(client, "Who is the captain?")
        assert (await answer(client, output_modalities=["text"]))["status"] == "completed"
        where = await create(client, "Where to?", previous_item_id="root")
        await create(client, "North.", "assistant", previous_item_id=where)
        await client.send("conversation.item.delete", item_id=first)
        assert (await client.until("conversation.item.deleted"))[-1]["item_id"] == first
        lost = await create(client, "And then?", previous_item_id="nobody")
        assert lost == "previous_item_id"
        await create(client, "And then?")
        await answer(client, output_modalities=["text"])

    drive(act, engines)
    first, second = read(engines)
    assert first == ["What is your ship?", "Who is the captain?"]
    assert second == ["Where to?", "What is your ship?", GREETING, "And then?"]
    assert personas(engines) == ["You are a pirate."] * 2


def test_an_item_that_is_created_while_the_person_speaks_stays() -> None:
    async def act(client: Client) -> None:
        sound = speech_like((0.5, 2.5), length_s=2.5)
        await client.update(attune={"view": True})
        await client.speak(sound[:24_000])
        await create(client, "By the way.")
        await client.speak(sound[24_000:])
        await client.speak(speech_like((0.0, 0.0), length_s=3.0))
        await client.until("output_audio_buffer.stopped")

    client = drive(act)
    typed, spoken = (
        e["item"]
        for e in client.seen
        if e["type"] == "conversation.item.added" and e["item"]["role"] == "user"
    )
    assert typed["content"][0]["text"] == "By the way."
    assert spoken["id"] != typed["id"] and spoken["content"][0]["type"] == "input_audio"
    assert not [e for e in client.seen if e["type"] == "conversation.item.deleted"]


def test_instructions_may_change_in_the_middle_of_a_talk() -> None:
    engines = resident(replies=["Yes.", "Aye."])

    async def act(client: Client) -> None:
        part = {"type": "input_audio", "audio": pcm(speech_like((0, 1), length_s=1, rate=24_000))}
        item = {"type": "message", "role": "user", "content": [part]}
        await client.send("conversation.item.create", item=item)
        await answer(client, output_modalities=["text"])
        updated = await client.update(instructions="You are a pirate.")
        assert updated["type"] == "session.updated"
        await create(client, "Again?")
        await answer(client, output_modalities=["text"])

    drive(act, engines)
    assert personas(engines) == [None, "You are a pirate."]
    assert read(engines)[1] == ["utterance 0", "Again?"]


def test_instructions_of_one_answer_do_not_stay() -> None:
    engines = resident()

    async def act(client: Client) -> None:
        await client.update(instructions="You are a nurse.", output_modalities=["text"])
        for options in ({}, {"instructions": "Rhyme."}, {}):
            await create(client, "Hello.")
            await answer(client, **options)

    drive(act, engines)
    assert personas(engines) == ["You are a nurse.", "Rhyme.", "You are a nurse."]
    assert read(engines)[2] == ["Hello.", "Hello.", "Hello."]


def test_bytes_of_an_item_may_be_telephone_sound() -> None:
    engines = resident()
    code = encoded(speech_like((0.0, 1.0), length_s=1.0, rate=8_000), "audio/pcmu")

    async def act(client: Client) -> None:
        await client.update(input_audio_format="g711_ulaw")
        part = {"type": "input_audio", "audio": code}
        item = {"type": "message", "role": "user", "content": [part]}
        await client.send("conversation.item.create", item=item)
        assert (await answer(client, output_modalities=["text"]))["status"] == "completed"

    drive(act, engines)
    assert 0.5 < len(read(engines)[0][0]) / 16_000 < 1.5


class ThinkingModel(ScriptedModel):
    """Notes which of its dialogues were computed before their first turn."""

    def __init__(self, replies: Any) -> None:
        super().__init__(replies)
        self.computed: list[str | None] = []

    def open(self, persona: Any) -> Any:
        dialogue: Any = super().open(persona)
        dialogue.prefill = lambda: iter([self.computed.append(persona.system)])
        return dialogue


def test_long_instructions_are_computed_before_the_first_turn_and_used_for_it() -> None:
    model = ThinkingModel(["Yes."])
    engines = replace(resident(), models={"mini": model})
    pirate, nurse = "You are a pirate. " * 120, "You are a nurse. " * 120

    async def act(client: Client) -> None:
        for instructions in (pirate, nurse):
            await client.update(instructions=instructions, output_modalities=["text"])
        async with asyncio.timeout(20):  # who asks at once is answered without
            while nurse not in model.computed:
                await asyncio.sleep(0.01)
        await create(client, "Hello.")
        await answer(client)

    drive(act, engines)
    assert model.computed[-1] == nurse
    with_words = [dialogue for dialogue in model.dialogues if dialogue.utterances]
    assert [dialogue.persona.system for dialogue in with_words] == [nurse]
