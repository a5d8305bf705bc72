"""Functions that a client offers: called by models that can, refused alone for others."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from assistant.engines.tool_calls import written_call, written_result
from assistant.safety import HelpFinder
from tests.fakes import CallingModel, ToneVoice
from tests.ui.driving import Client, drive
from tests.ui.realtime.orders.test_orders import answer, create, message, personas, read
from tests.ui.realtime.test_openai import types, until
from tests.ui.serving import resident, serving, spoken
from ui.realtime.choices import GREETING
from ui.realtime.hosting.engines import Resident

WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "weather",
    "description": "Tells the weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
NOW: dict[str, Any] = {"type": "function", "name": "now"}
ASKED = written_call("weather", '{"city": "Oslo"}')
DELTA, DONE = "response.function_call_arguments.delta", "response.function_call_arguments.done"


def calling(*replies: str) -> Resident:
    return replace(resident(), models={"caller": CallingModel(replies)})


def offered(engines: Resident) -> list[list[str]]:
    (model,) = engines.models.values()
    assert isinstance(model, CallingModel)
    return model.offered


def spoken_texts(engines: Resident) -> list[str]:
    voice = engines.voices["tone"]
    assert isinstance(voice, ToneVoice)
    return [text for text, _ in voice.spoken]


async def result(client: Client, call_id: str, output: str) -> dict[str, Any]:
    """Tells what came of a call; returns the item, or the error."""
    item = {"type": "function_call_output", "call_id": call_id, "output": output}
    await client.send("conversation.item.create", item=item)
    last = (await client.until("conversation.item.done", "error"))[-1]
    return last["item"] if last["type"] != "error" else last["error"]


def test_a_call_its_result_and_the_answer() -> None:
    engines = calling(ASKED, "It rains in Oslo.")

    async def act(client: Client) -> None:
        updated = await client.update(tools=[WEATHER, NOW])
        assert updated["session"]["tools"] == [WEATHER, NOW]
        await create(client, "How is the weather in Oslo?")
        await client.send("response.create")
        seen = await client.until("response.done")
        kinds = [event["type"] for event in seen if event["type"].startswith(("resp", "conv"))]
        assert kinds == [
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            DELTA,
            DONE,
            "response.output_item.done",
            "conversation.item.done",
            "response.done",
        ]
        (call,) = seen[-1]["response"]["output"]
        assert seen[-1]["response"]["status"] == "completed"
        assert (call["type"], call["name"], call["status"]) == (
            "function_call",
            "weather",
            "completed",
        )
        assert json.loads(call["arguments"]) == {"city": "Oslo"}
        (done,) = [event for event in seen if event["type"] == DONE]
        assert done["arguments"] == call["arguments"]
        assert (done["item_id"], done["call_id"]) == (call["id"], call["call_id"])
        item = await result(client, call["call_id"], '{"rain": true}')
        assert item["call_id"] == call["call_id"]
        response = await answer(client)
        assert response["output"][0]["content"][0]["transcript"] == "It rains in Oslo."

    drive(act, engines)
    assert read(engines)[-1] == ["How is the weather in Oslo?", written_result('{"rain": true}')]
    assert offered(engines)[-1] == ["weather", "now"]
    assert spoken_texts(engines) == ["It rains in Oslo."]


@pytest.mark.parametrize("modality", ["audio", "text"])
def test_what_is_said_beside_calls_is_said_and_the_calls_are_not(modality: str) -> None:
    engines = calling(f"Let me look. {ASKED}\n{written_call('now', '{}')}")

    async def act(client: Client) -> None:
        await client.update(tools=[WEATHER, NOW], output_modalities=[modality])
        await create(client, "And now?")
        await client.send("response.create")
        seen = await client.until("response.done")
        output = seen[-1]["response"]["output"]
        assert [item["type"] for item in output] == ["message", "function_call", "function_call"]
        words = output[0]["content"][0]
        assert words.get("transcript", words.get("text")) == "Let me look."
        added = [e for e in seen if e["type"] == "response.output_item.added"]
        assert [e["output_index"] for e in added] == [0, 1, 2]
        assert [e["item"]["id"] for e in added] == [item["id"] for item in output]
        shown = [e for e in seen if e["type"].endswith(("transcript.delta", "text.delta"))]
        assert "".join(e["delta"] for e in shown) == "Let me look."

    drive(act, engines)
    assert spoken_texts(engines) == (["Let me look."] if modality == "audio" else [])


def test_a_call_that_cannot_be_read_is_never_spoken() -> None:
    engines = calling("<tool_call>weather(Oslo)</tool_call>", "<tool_call>{}</tool_call> Hm.")

    async def act(client: Client) -> None:
        await client.update(tools=[WEATHER])
        for _ in range(2):
            await create(client, "And now?")
            response = await answer(client)
            (item,) = response["output"]
            assert "tool" not in json.dumps(item)

    client = drive(act, engines)
    assert not [text for text in spoken_texts(engines) if "<" in text or "Oslo" in text]
    told = [event for event in client.happened if type(event).__name__ == "Noticed"]
    assert len(told) == 2


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("auto", ["weather", "now"]),
        ("none", []),
        ("required", ["weather", "now"]),
        ({"type": "function", "name": "now"}, ["now"]),
    ],
    ids=str,
)
def test_the_choice_of_functions(choice: Any, names: Sequence[str]) -> None:
    engines = calling("Yes.")

    async def act(client: Client) -> None:
        updated = await client.update(tools=[WEATHER, NOW], tool_choice=choice)
        assert updated["session"]["tool_choice"] == choice
        await create(client, "And now?")
        await answer(client)

    drive(act, engines)
    assert offered(engines) == [list(names)]
    (persona,) = personas(engines)
    assert ("Answer by a call" in (persona or "")) == (choice not in ("auto", "none"))


def test_functions_of_one_answer_alone() -> None:
    engines = calling("One.", ASKED, "Three.")

    async def act(client: Client) -> None:
        for options in ({}, {"tools": [WEATHER], "tool_choice": "required"}, {}):
            await create(client, "And now?")
            await answer(client, **options)

    drive(act, engines)
    assert offered(engines) == [[], ["weather"], []]


def test_the_past_is_told_anew_with_its_calls() -> None:
    engines = calling(f"Let me look. {ASKED}", "It rains.", "Arr.")

    async def act(client: Client) -> None:
        await client.update(tools=[WEATHER], output_modalities=["text"])
        await create(client, "And Oslo?")
        call = (await answer(client))["output"][1]
        await result(client, call["call_id"], "rain")
        await answer(client)
        await client.update(instructions="Be a pirate.")
        await create(client, "And now?")
        await answer(client)

    drive(act, engines)
    assert read(engines)[-1] == ["And Oslo?", written_result("rain"), "And now?"]
    (model,) = engines.models.values()
    assert isinstance(model, CallingModel)
    assert model.dialogues[-1].replaced == [f"Let me look.\n{ASKED}", "It rains."]


def test_what_comes_of_a_call_is_not_taken_for_words_of_the_person() -> None:
    engines = replace(calling("He lives.", "Stay there."), help_finder=HelpFinder("GB"))
    output = "My house is on fire and I want to kill myself."
    call = {"type": "function_call", "call_id": "c1", "name": "novel", "arguments": "{}"}
    helps: list[tuple[str, str, bool | None]] = []

    async def ask(client: Client) -> None:
        await client.send("response.create")
        for event in await client.until("response.done"):
            if event["type"].startswith("attune.help"):
                helps.append((event["type"], event["topic"], event.get("was_none")))

    async def act(client: Client) -> None:
        await client.send("conversation.item.create", item=call)
        await client.until("conversation.item.done")
        await result(client, "c1", output)
        await ask(client)
        await result(client, "c1", output)
        await create(client, "I smell gas")
        await ask(client)
        await create(client, "and now")
        await ask(client)
        await create(client, "I meant the film")
        await ask(client)

    drive(act, engines)
    assert helps == [("attune.help", "fire", None), ("attune.help.ended", "fire", True)]
    told = written_result(output)
    heard = [text for texts in read(engines) for text in texts]
    assert told in heard and f"{told}\nI smell gas" in heard


def test_calls_that_the_client_tells_of() -> None:
    engines = calling("Cold.")
    call = {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c1", "output": "2 degrees"}

    async def act(client: Client) -> None:
        assert "no call of this id" in (await result(client, "c1", "2 degrees"))["message"]
        await client.send("conversation.item.create", item=call)
        item = (await client.until("conversation.item.done"))[-1]["item"]
        assert {key: item[key] for key in call} == call
        assert (await result(client, "c1", "2 degrees"))["type"] == "function_call_output"
        await answer(client)
        await answer(client, input=[message("And Oslo?"), call, output], conversation="none")

    drive(act, engines)
    assert read(engines) == [
        [GREETING, written_result("2 degrees")],
        ["And Oslo?", written_result("2 degrees")],
    ]


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"type": "function_call", "name": "f", "arguments": "{"}, "item.arguments"),
        ({"type": "function_call", "name": "f", "arguments": "[]"}, "item.arguments"),
        ({"type": "function_call", "arguments": "{}"}, "item.name"),
        ({"type": "function_call_output", "output": "x"}, "item.call_id"),
        ({"type": "function_call_output", "call_id": "c", "output": 3}, "item.output"),
        ({"type": "mcp_call"}, "item"),
    ],
    ids=str,
)
def test_items_that_cannot_be_taken(item: dict[str, Any], param: str) -> None:
    async def act(client: Client) -> None:
        await client.send("conversation.item.create", item=item)
        assert (await client.error())["param"] == param

    drive(act, calling("Yes."))


NO_FUNCTIONS: list[tuple[dict[str, Any], str, str]] = [
    ({"tools": [{}]}, "session.tools", "a name"),
    ({"tools": [{"type": "mcp", "server_label": "x"}]}, "session.tools", "functions"),
    ({"tools": [{"type": "function", "name": "a b"}]}, "session.tools", "letters"),
    ({"tools": [{**NOW, "parameters": 3}]}, "session.tools", "JSON schema"),
    ({"tools": "all"}, "session.tools", "list"),
    ({"tool_choice": "perhaps"}, "session.tool_choice", "required"),
    (
        {"tools": [NOW], "tool_choice": {"type": "function", "name": "f"}},
        "session.tool_choice",
        "now",
    ),
]


@pytest.mark.parametrize(("session", "param", "remedy"), NO_FUNCTIONS, ids=str)
def test_functions_that_are_none(session: dict[str, Any], param: str, remedy: str) -> None:
    async def act(client: Client) -> None:
        await client.send("session.update", session={"instructions": "Be brief.", **session})
        seen = await client.until("error")
        assert seen[-1]["error"]["param"] == param
        assert remedy in seen[-1]["error"]["message"]
        (updated,) = [e for e in seen if e["type"] == "session.updated"]
        assert updated["session"]["instructions"] == "Be brief."

    drive(act, calling("Yes."))


@pytest.mark.parametrize("kind", ["function_call", "function_call_output"])
def test_a_model_that_cannot_refuses_functions_alone(kind: str) -> None:
    async def act(client: Client) -> None:
        change = {"tools": [WEATHER], "tool_choice": "required", "instructions": "Be brief."}
        await client.send("session.update", session=change)
        seen = await client.until("session.updated")
        assert seen[-1]["session"]["instructions"] == "Be brief."
        assert seen[-1]["session"]["tools"] == []
        for param in ("session.tools", "session.tool_choice"):
            error = await client.error()
            assert error["param"] == param and "calls no functions" in error["message"]
        item = {"type": kind, "call_id": "c", "name": "f", "arguments": "{}", "output": ""}
        await client.send("conversation.item.create", item=item)
        assert "function calls are not known" in (await client.error())["message"]

    drive(act)


@pytest.mark.filterwarnings("ignore:connect.. must be used as:DeprecationWarning")
def test_the_official_client_calls_by_voice() -> None:
    openai = pytest.importorskip("openai")
    realtime = pytest.importorskip("openai.types.realtime")
    with serving(calling(f"Let me look. {ASKED}", "It rains in Oslo.")) as (host, _site):
        client = openai.OpenAI(api_key="none", base_url=f"http://{host}/v1")
        with client.realtime.connect(model="caller") as connection:
            connection.session.update(
                session={"type": "realtime", "tools": [WEATHER], "tool_choice": "auto"}
            )
            until(connection, "session.updated")
            connection.input_audio_buffer.append(audio=spoken())
            seen = until(connection, "response.done")
            assert DELTA in types(seen)
            (done,) = [event for event in seen if event.type == DONE]
            assert isinstance(done, realtime.ResponseFunctionCallArgumentsDoneEvent)
            assert json.loads(done.arguments) == {"city": "Oslo"}
            call = seen[-1].response.output[1]
            assert isinstance(call, realtime.RealtimeConversationItemFunctionCall)
            connection.conversation.item.create(
                item={"type": "function_call_output", "call_id": call.call_id, "output": "rain"}
            )
            connection.response.create()
            seen = until(connection, "response.done")
            assert seen[-1].response.output[0].content[0].transcript == "It rains in Oslo."


def test_functions_beside_what_is_none_can_be_called() -> None:
    engines = calling(ASKED)

    async def act(client: Client) -> None:
        mcp = {"type": "mcp", "server_label": "x", "server_url": "https://example.org"}
        await client.send("session.update", session={"tools": [mcp, WEATHER]})
        seen = await client.until("error")
        assert [e["session"]["tools"] for e in seen if e["type"] == "session.updated"] == [
            [WEATHER]
        ]
        assert seen[-1]["error"]["param"] == "session.tools"
        assert "stands at 0:" in seen[-1]["error"]["message"]
        await create(client, "How is the weather?")
        assert (await answer(client))["output"][0]["name"] == "weather"

    drive(act, engines)


def test_a_function_may_give_much() -> None:
    engines = calling(ASKED, "It rains.")
    output = json.dumps({"hours": ["rain"] * 2_000})

    async def act(client: Client) -> None:
        await client.update(tools=[WEATHER])
        await create(client, "How is the weather?")
        (call,) = (await answer(client))["output"]
        assert (await result(client, call["call_id"], output))["output"] == output
        assert (await answer(client))["status"] == "completed"
        assert (await result(client, call["call_id"], "x" * 40_000))["param"] == "item.output"

    drive(act, engines)
    assert read(engines)[-1][-1] == written_result(output)
