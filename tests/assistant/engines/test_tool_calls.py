"""Calls of functions are taken out of a reply's text, however it is cut."""

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.engines.blsp_emo import BlspEmoModel
from assistant.engines.protocols import TextDelta, ToolCall
from assistant.engines.tool_calls import (
    COMMON_MARKS,
    calls_apart,
    tool_lines,
    written_call,
    written_result,
)
from tests.fakes import CallingModel, ScriptedModel

NAMES = ("weather", "now")
OPEN, CLOSE = COMMON_MARKS


def read(*pieces: str) -> tuple[str, list[ToolCall], list[str]]:
    """Returns text, calls and problems of a reply that comes in pieces."""
    found = list(calls_apart(map(TextDelta, pieces), COMMON_MARKS, NAMES))
    calls = [delta.call for delta in found if delta.call is not None]
    return "".join(d.text for d in found), calls, [d.problem for d in found if d.problem]


REPLIES: list[tuple[str, str, list[tuple[str, dict[str, Any]]]]] = [
    ("Just words.", "Just words.", []),
    ("", "", []),
    (f'{OPEN}{{"name": "now"}}{CLOSE}', "", [("now", {})]),
    (f'{OPEN}\n{{"name": "now", "arguments": {{}}}}\n{CLOSE}\n', "", [("now", {})]),
    (f'One moment. {OPEN}{{"name":"now"}}{CLOSE}', "One moment.", [("now", {})]),
    (f'A {OPEN}{{"name":"now"}}{CLOSE} B', "A  B", [("now", {})]),
    (
        f'{OPEN}{{"name":"weather","arguments":{{"city":"Köln"}}}}{CLOSE}'
        f'\n{OPEN}{{"name":"now"}}{CLOSE}',
        "",
        [("weather", {"city": "Köln"}), ("now", {})],
    ),
    (
        f'{OPEN}{{"name":"weather","parameters":{{"a":[1]}}}}{CLOSE}',
        "",
        [("weather", {"a": [1]})],
    ),
    (f'{OPEN}{{"name":"now","arguments":"{{\\"a\\": 1}}"}}{CLOSE}', "", [("now", {"a": 1})]),
    (f'{OPEN}{{"name":"now","arguments":null}}', "", [("now", {})]),
    ("1 < 2 and <tool_kit> and <", "1 < 2 and <tool_kit> and <", []),
    ("<<tool_call", "<<tool_call", []),
]


@pytest.mark.parametrize(("reply", "text", "calls"), REPLIES)
def test_text_and_calls(reply: str, text: str, calls: list[tuple[str, dict[str, Any]]]) -> None:
    for pieces in ([reply], list(reply)):
        said, found, problems = read(*pieces)
        assert said == text
        assert [(call.name, json.loads(call.arguments)) for call in found] == calls
        assert not problems


def test_whose_words_they_are_and_where_a_sentence_ends_is_told_on() -> None:
    deltas = [
        TextDelta("One moment. ", source="written"),
        TextDelta("", ends_sentence=True, source="written"),
        TextDelta(f"{OPEN}{{", source="written"),
        TextDelta("", ends_sentence=True, source="written"),
    ]
    said, end, left_out = calls_apart(iter(deltas), COMMON_MARKS, NAMES)
    assert said == TextDelta("One moment.", source="written")
    assert end.ends_sentence and not end.text
    assert left_out.problem, "no sentence ends within a call"


@pytest.mark.parametrize(
    ("inside", "why"),
    [
        ("now()", "not in JSON"),
        ('{"name": "now"', "not in JSON"),
        ("", "not in JSON"),
        ('{"name": "now", "arguments": {"a": NaN}}', "not in JSON"),
        ('{"name": "now", "arguments": {"a": "\\ud800"}}', "not in JSON"),
        ('{"name": "now", "arguments": "a"}', "not in JSON"),
        ("[" * 20_000, "not in JSON"),
        ("[1]", "without a name"),
        ('{"arguments": {}}', "without a name"),
        ('{"name": 3}', "without a name"),
        ('{"name": "now", "arguments": [1]}', "without"),
        ('{"name": "rm", "arguments": {}}', "no such function"),
        ('{"name": "\\ud800"}', "no such function"),
    ],
)
def test_what_is_no_call_is_left_out_with_a_reason(inside: str, why: str) -> None:
    said, calls, (problem,) = read(f"Well. {OPEN}{inside}{CLOSE} So.")
    assert said == "Well.  So."
    assert not calls
    assert why in problem and problem.endswith("the call is left out")
    assert len(problem.encode()) < 200


WORDS = st.text(alphabet=st.sampled_from("ab <>/_tolc\n.")).filter(lambda text: OPEN not in text)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
CALLS = st.tuples(st.sampled_from(NAMES), st.dictionaries(st.text(max_size=5), VALUES, max_size=3))


@given(st.lists(st.tuples(WORDS, CALLS), max_size=3), WORDS, st.data())
def test_any_reply_cut_anywhere(
    parts: list[tuple[str, tuple[str, dict[str, Any]]]], last: str, data: st.DataObject
) -> None:
    reply = "".join(text + written_call(name, json.dumps(given)) for text, (name, given) in parts)
    reply += last
    cuts = data.draw(st.lists(st.integers(0, len(reply)), max_size=8).map(sorted))
    pieces = [reply[a:b] for a, b in zip([0, *cuts], [*cuts, len(reply)], strict=True)]
    said, calls, problems = read(*pieces)
    assert said == ("".join(text for text, _ in parts) + last).strip()
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [c for _, c in parts]
    assert not problems


def test_which_models_call() -> None:
    assert CallingModel([""]).call_marks == COMMON_MARKS
    assert ScriptedModel([""]).call_marks is None


@pytest.mark.parametrize(
    ("template", "marks"),
    [
        (None, None),
        ("{% for m in messages %}{{ m.content }}{% endfor %}", None),
        ("{% if tools %}… within <tool_call></tool_call> XML tags …{% endif %}", COMMON_MARKS),
    ],
)
def test_a_checkpoint_calls_if_its_chat_template_does(template: str | None, marks: Any) -> None:
    model = BlspEmoModel.__new__(BlspEmoModel)
    model.model = cast(Any, SimpleNamespace(tokenizer=SimpleNamespace(chat_template=template)))
    assert model.call_marks == marks


def test_what_a_model_reads() -> None:
    tool: dict[str, Any] = {"type": "function", "function": {"name": "now", "parameters": {}}}
    assert json.dumps(tool) in tool_lines([tool])
    assert written_result("12:00") == "<tool_response>\n12:00\n</tool_response>"
