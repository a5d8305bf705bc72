"""What servers stream → what is said: chunks cut anywhere, thoughts, calls, errors."""

import json
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.engines.chat_server.reading import Json, ReplyReader, ThoughtFilter, server_message
from assistant.engines.tool_calls import written_call
from assistant.errors import EngineFailed


def chunk(delta: Json, finish: str | None = None) -> Json:
    return {"choices": [{"delta": delta, "finish_reason": finish}]}


def read(chunks: Sequence[object], *, begins_thinking: bool = False) -> str:
    reader = ReplyReader(begins_thinking=begins_thinking)
    said = [delta.text for one in chunks for delta in reader.push(one)]
    return "".join([*said, *(delta.text for delta in reader.finish())])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello there.", "Hello there."),
        ("<think>They greet me.</think>\n\nHello.", "Hello."),
        ("<think>\n</think>Hello. <think>more</think>You?", "Hello. You?"),
        ("[THINK]Hm.[/THINK]Hello.", "Hello."),
        ("It is 3 < 4 and <b>.", "It is 3 < 4 and <b>."),
        ("<think>It never ends", ""),
        ("Hello <", "Hello <"),
    ],
)
@given(data=st.data())
def test_thoughts_are_never_said_however_they_are_cut(
    text: str, said: str, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    places = [0, *cuts, len(text)]
    filter_ = ThoughtFilter()
    found = [filter_.push(text[a:b]) for a, b in pairwise(places)]
    assert "".join([*found, filter_.finish()]) == said


def test_a_thought_without_its_first_mark_is_known_the_next_time() -> None:
    text = "They greet me.</think>Hello."
    filter_ = ThoughtFilter()
    assert filter_.push(text) == "Hello."
    assert filter_.lacked_mark
    reader = ReplyReader(begins_thinking=True)
    said = [
        d.text
        for word in ("They greet", " me.</thi", "nk>Hello.")
        for d in reader.push(chunk({"content": word}))
    ]
    assert "".join(said) == "Hello."
    assert read([chunk({"content": "Never ended"})], begins_thinking=True) == ""


def test_roles_usage_and_reasoning_say_nothing() -> None:
    chunks = [
        chunk({"role": "assistant", "content": None}),
        chunk({"reasoning_content": "They greet me."}),
        chunk({"content": "Hel"}),
        chunk({"content": "lo."}),
        chunk({}, "stop"),
        {"choices": [], "usage": {"total_tokens": 3}},
    ]
    assert read(chunks) == "Hello."
    assert (
        read([{"choices": [{"message": {"role": "assistant", "content": "Whole."}}]}]) == "Whole."
    )


def test_calls_come_bit_by_bit_and_stand_whole_at_the_end() -> None:
    def call(index: int, name: str | None, arguments: object) -> Json:
        return chunk(
            {"tool_calls": [{"index": index, "function": {"name": name, "arguments": arguments}}]}
        )

    chunks = [
        chunk({"content": "One moment. "}),
        call(0, "weather", ""),
        call(0, None, '{"place": '),
        call(1, "clock", {}),
        call(0, None, '"Oslo"}'),
    ]
    calls = written_call("weather", '{"place": "Oslo"}') + written_call("clock", "{}")
    assert read(chunks) == f"One moment. {calls}"


@pytest.mark.parametrize("nonsense", [None, [], "text", {}, {"choices": 3}, {"choices": ["x"]}])
def test_what_is_no_chunk_is_a_failure_that_names_the_remedy(nonsense: object) -> None:
    with pytest.raises(EngineFailed, match=r"--llm-server"):
        read([nonsense])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": {"message": "out of\nmemory", "type": "x"}}, "out of memory"),
        ({"error": "model not found"}, "model not found"),
        ({"object": "error", "message": "too long"}, "too long"),
        ({"detail": "Not Found"}, "Not Found"),
        (None, ""),
        ({"error": 5}, ""),
        ({"error": "x" * 500}, "x" * 200 + "…"),
    ],
)
def test_what_servers_say_of_errors_is_found_in_each_form(body: object, said: str) -> None:
    assert server_message(body) == said
    if isinstance(body, dict) and body.get("error"):
        with pytest.raises(EngineFailed, match="broke off"):
            read([json.loads(json.dumps(body))])
