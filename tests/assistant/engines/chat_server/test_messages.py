"""The conversation as servers are told it: alternating roles, calls, room."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from assistant.engines.chat_server.messages import (
    ChatTurn,
    common_words,
    end_of,
    make_room,
    messages,
    shortened,
    tokens,
)
from assistant.engines.tool_calls import written_call, written_result


def roles(*exchanges: ChatTurn) -> list[str]:
    return [message["role"] for message in messages("Be kind.", exchanges)]


def test_what_was_heard_of_each_answer_stands_between_the_questions() -> None:
    told = messages("Be kind.", [ChatTurn("Hello.", "Hi there."), ChatTurn("How are you?")])
    assert [message["content"] for message in told] == [
        "Be kind.",
        "Hello.",
        "Hi there.",
        "How are you?",
    ]


@given(st.lists(st.sampled_from(["", "Yes."]), max_size=8))
def test_roles_alternate_whatever_was_heard(replies: list[str]) -> None:
    found = roles(*(ChatTurn("Hm.", reply) for reply in replies), ChatTurn("And now?"))
    assert found[:2] == ["system", "user"]
    assert all(one != other for one, other in pairwise(found))


def test_calls_and_what_came_of_them_are_told_as_such() -> None:
    call = written_call("weather", '{"place": "Oslo"}')
    told = messages(
        "", [ChatTurn("Rain?", f"One moment.{call}"), ChatTurn(written_result("wet"), "It rains.")]
    )
    assert told[2]["content"] == "One moment."
    assert told[2]["tool_calls"][0]["function"] == {
        "name": "weather",
        "arguments": '{"place": "Oslo"}',
    }
    call_id = told[2]["tool_calls"][0]["id"]
    assert told[3] == {"role": "tool", "tool_call_id": call_id, "content": "wet"}
    assert told[4] == {"role": "assistant", "content": "It rains."}
    stray = messages("", [ChatTurn(written_result("wet"))])
    assert stray[1]["role"] == "user", "without a call there is nothing to answer for"


def test_the_oldest_exchanges_go_several_at_once_and_the_question_stays() -> None:
    exchanges = [ChatTurn(f"{n} " * 60, "Yes. " * 20) for n in range(10)]
    exchanges.append(ChatTurn("And now?"))
    room = sum(tokens(one.said) + tokens(one.reply or "") for one in exchanges) - 1
    make_room(exchanges, room)
    assert exchanges[-1].said == "And now?"
    assert 3 <= len(exchanges) <= 8
    kept = list(exchanges)
    make_room(exchanges, room)
    assert exchanges == kept
    alone = [ChatTurn("word " * 1000)]
    make_room(alone, 5)
    assert len(alone) == 1


def test_half_of_a_conversation_begins_with_the_person() -> None:
    told = messages("S", [ChatTurn(str(n), "Yes.") for n in range(4)] + [ChatTurn("now")])
    shorter = shortened(told)
    assert shorter is not None
    assert [m["role"] for m in shorter[:2]] == ["system", "user"]
    assert shorter[-1] == told[-1]
    assert len(shorter) < len(told)
    assert shortened(messages("S", [ChatTurn("now")])) is None


@given(st.text(max_size=300), st.integers(1, 60))
def test_the_end_of_a_text_fits(text: str, room: int) -> None:
    end = end_of(text, room)
    assert text.encode(errors="replace").decode().endswith(end) or text.endswith(end)
    assert tokens(end) <= room + 1


def test_only_words_that_were_written_are_taken_for_heard() -> None:
    assert common_words("I am  here", "I am here for you.") == "I am here"
    assert common_words("I am there", "I am here for you.") == "I am"
    assert common_words("", "I am") == ""
