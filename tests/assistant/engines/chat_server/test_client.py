"""A server that is down, slow, busy, talks nonsense, wants a key or lacks the model."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import Any

import pytest
from starlette.responses import Response, StreamingResponse

from assistant.engines.address import read_address
from assistant.engines.chat_server.asking import Asker
from assistant.engines.chat_server.client import ChatClient
from assistant.engines.chat_server.finding import open_client
from assistant.engines.settings import GenerationSettings, LlmSettings
from assistant.errors import EngineFailed
from tests.assistant.engines.chat_server.fake_server import KINDS, FakeServer, Json, error

TOLD: list[Json] = [{"role": "system", "content": "S"}, {"role": "user", "content": "Hello."}]


@pytest.fixture
def server() -> Iterator[FakeServer]:
    server = FakeServer()
    yield server
    server.close()


def ask(
    server: FakeServer,
    *,
    told: list[Json] = TOLD,
    tools: tuple[Json, ...] = (),
    key: str = "",
    times: int = 1,
    generation: GenerationSettings | None = None,
    **settings: Any,
) -> tuple[str, Asker]:
    """Returns what was said, and what asked."""

    async def asked() -> tuple[str, Asker]:
        llm = LlmSettings(server=server.url, **settings)
        client = ChatClient(read_address(llm.server), key=key, patience_s=llm.patience_s)
        asker = Asker(client, llm.name or server.models[0], llm, generation or GenerationSettings())
        said = ""
        try:
            for _ in range(times):
                async with aclosing(asker.replies(told, tools)) as deltas:
                    said += "".join([delta.text or delta.problem async for delta in deltas])
        finally:
            await client.close()
        return said, asker

    return asyncio.run(asked())


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_server_streams_the_same_reply(server: FakeServer, kind: str) -> None:
    server.kind = kind
    said, _ = ask(server)
    assert said.split() == server.replies[0].split()  # pyright: ignore[reportAttributeAccessIssue]


def test_a_server_that_does_not_stream_is_read_whole(server: FakeServer) -> None:
    whole = {"choices": [{"message": {"role": "assistant", "content": "Whole."}}]}
    server.answer = lambda _question: error(200, whole)
    assert ask(server)[0] == "Whole."


def test_what_a_server_does_not_know_is_left_out_from_then_on(server: FakeServer) -> None:
    def strict(question: Json) -> Response | None:
        for name in ("reasoning_effort", "chat_template_kwargs"):
            if name in question:
                return error(400, {"error": {"message": f"Unrecognized argument: {name}"}})
        return None

    server.answer = strict
    ask(server, times=2)
    assert len(server.asked) == 2
    assert "reasoning_effort" not in server.asked[0]


def test_the_model_is_asked_not_to_think_unless_it_may(server: FakeServer) -> None:
    ask(server)
    ask(server, thinks=True)
    assert server.asked[0]["chat_template_kwargs"] == {"enable_thinking": False}
    assert server.asked[0]["max_tokens"] == 160
    assert "chat_template_kwargs" not in server.asked[1]
    assert server.asked[1]["max_tokens"] > 1_000


def test_the_server_samples_as_it_is_used_to_unless_it_is_told(server: FakeServer) -> None:
    ask(server)
    ask(server, generation=GenerationSettings(temperature=0.7, longest_tokens=30))
    assert "temperature" not in server.asked[0]
    assert (server.asked[1]["temperature"], server.asked[1]["max_tokens"]) == (0.7, 30)


def test_a_model_that_thinks_all_the_same_gets_room_for_it(server: FakeServer) -> None:
    server.replies = ["<think>They greet me.</think> Hello.", "Hello."]
    said, _ = ask(server, times=2)
    assert said == "Hello.Hello."
    assert [question["max_tokens"] > 1_000 for question in server.asked] == [False, True]


def test_functions_that_are_refused_are_left_out_and_said(server: FakeServer) -> None:
    def toolless(question: Json) -> Response | None:
        return (
            error(400, {"error": "gemma does not support tools"}) if "tools" in question else None
        )

    server.answer = toolless
    tool: Json = {"type": "function", "function": {"name": "clock", "parameters": {}}}
    said, asker = ask(server, tools=(tool,))
    assert "calls no functions" in said
    assert "hard" in said
    assert not asker.calls_functions


def test_a_talk_that_is_too_long_for_the_server_is_shortened(server: FakeServer) -> None:
    def small(question: Json) -> Response | None:
        if len(question["messages"]) > 4:
            return error(400, {"error": {"message": "request exceeds the available context size"}})
        return None

    server.answer = small
    turns = [
        {"role": role, "content": f"{role} {n}"} for n in range(4) for role in ("user", "assistant")
    ]
    ask(server, told=[TOLD[0], *turns, TOLD[1]])
    [question] = server.asked
    assert [m["role"] for m in question["messages"][:2]] == ["system", "user"]
    assert question["messages"][-1] == TOLD[1]
    assert "reasoning_effort" in question, "only what was too long is left out"


def test_a_server_that_still_loads_is_waited_for(server: FakeServer) -> None:
    busy = [error(503, {"error": {"message": "Loading model"}})] * 2
    server.answer = lambda _question: busy.pop() if busy else None
    assert "hard" in ask(server)[0]


def odd_stream(*lines: str) -> Callable[[Json], Response]:
    return lambda _question: StreamingResponse(iter(lines), media_type="text/event-stream")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda _q: error(200, "<html>Welcome</html>"), "usually ends in /v1"),
        (odd_stream("data: {oops\n\n"), "usually ends in /v1"),
        (odd_stream(), "usually ends in /v1"),
        (odd_stream('data: {"error": {"message": "out of memory"}}\n\n'), "out of memory"),
        (odd_stream('{"error": "out of memory"}\n'), "out of memory"),
        (lambda _q: error(500, {"error": {"message": "CUDA"}}), r"status 500 \(CUDA\).*its log"),
        (lambda _q: error(429, {"error": {"message": "quota"}}), "busy.*quota.*try again"),
        (lambda _q: error(400, {"error": {"message": "bad"}}), "refuses the question.*bad"),
        (lambda _q: Response(status_code=307, headers={"location": "/"}), "usually ends in /v1"),
    ],
)
def test_what_a_server_does_wrong_is_one_sentence_with_the_remedy(
    server: FakeServer, answer: Callable[[Json], Response], told: str
) -> None:
    server.answer = answer
    with pytest.raises(EngineFailed, match=told) as failure:
        ask(server, patience_s=1)
    assert "\n" not in str(failure.value)


def test_a_silent_server_is_not_waited_for_forever(server: FakeServer) -> None:
    server.kind = "vllm"  # it sends comments all the while
    server.held.clear()
    with pytest.raises(EngineFailed, match=r"said nothing for 1 s.*--llm-patience-s"):
        ask(server, patience_s=1)


def test_a_server_that_dies_in_the_middle_is_a_failure(server: FakeServer) -> None:
    async def dying() -> AsyncIterator[str]:
        yield f"data: {json.dumps({'choices': [{'delta': {'content': 'Well, '}}]})}\n\n"
        raise ConnectionAbortedError

    server.answer = lambda _question: StreamingResponse(dying(), media_type="text/event-stream")
    with pytest.raises(EngineFailed, match="broke the connection off"):
        ask(server)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(EngineFailed, match=r"no LLM server answers at .*start it.*--llm-server"):
        asyncio.run(open_client(LlmSettings(server=url), ""))


def opened(server: FakeServer, name: str = "", key: str = "") -> str:
    async def asked() -> str:
        client, found = await open_client(LlmSettings(server=server.url, name=name), key)
        await client.close()
        return found

    return asyncio.run(asked())


def test_the_only_model_needs_no_name_and_a_tag_may_be_left_out(server: FakeServer) -> None:
    assert opened(server) == "llama3.2:latest"
    assert opened(server, "llama3.2") == "llama3.2:latest"


def test_a_model_that_is_not_there_is_told_with_those_that_are(server: FakeServer) -> None:
    server.models = ("llama3.2:latest", "qwen3:8b")
    with pytest.raises(EngineFailed, match=r"no model 'lama3'.*did you mean llama3.2:latest\?"):
        opened(server, "lama3")
    with pytest.raises(EngineFailed, match=r"several.*--llm-name.*llama3.2:latest, qwen3:8b"):
        opened(server)
    server.models = ()
    with pytest.raises(EngineFailed, match="has no models: load one"):
        opened(server, "qwen3:8b")


def test_a_model_that_was_removed_meanwhile_is_told_so(server: FakeServer) -> None:
    with pytest.raises(EngineFailed, match=r"no model 'llama3.1'.*did you mean llama3.2"):
        ask(server, name="llama3.1")


def test_a_key_that_is_wanted_is_asked_for_by_its_variable(server: FakeServer) -> None:
    server.key = "secret"
    with pytest.raises(EngineFailed, match="ATTUNE_LLM_KEY") as failure:
        opened(server, key="wrong")
    assert "wrong" not in str(failure.value)
    assert opened(server, key="secret") == "llama3.2:latest"
