"""Keys as terminals send them, and what each asks for."""

import pytest

from models.emotions import Emotion
from ui.terminal.keys import (
    BINDINGS,
    PASTED,
    Action,
    KeyCommand,
    KeyDecoder,
    command_of,
    key_help,
)


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"m", ["m"]),
        (b"qs", ["q", "s"]),
        ("é".encode(), ["é"]),
        (b"\x1b", ["\x1b"]),
        (b"\x1b[A\x1b[6~", ["up", "page down"]),
        (b"\x1b[H", []),
        (b"\x1b[1;5Cm", ["m"]),
        (b"\x1bOPm", ["m"]),
        (b"\x1bxm", ["m"]),
        (b"a\x1b[<0;1;2Mb", ["a", "b"]),
        (b"\xff", ["\ufffd"]),
    ],
)
def test_what_a_terminal_sends_becomes_keys(data: bytes, keys: list[str]) -> None:
    assert KeyDecoder().keys(data) == keys


def test_a_letter_cut_in_two_arrives_whole() -> None:
    decoder = KeyDecoder()
    first, second = "ü".encode()[:1], "ü".encode()[1:]
    assert decoder.keys(first) + decoder.keys(second) == ["ü"]


def test_a_pasted_text_is_one_key_however_it_is_cut() -> None:
    pasted = b"\x1b[200~quiet\nsq\x1b[201~t"
    twice = KeyDecoder().keys(b"m" + pasted + pasted)
    assert twice == ["m", f"{PASTED}quiet\nsq", "t", f"{PASTED}quiet\nsq", "t"]
    for cut in range(6, len(pasted)):
        decoder = KeyDecoder()
        keys = decoder.keys(pasted[:cut]) + decoder.keys(pasted[cut:])
        assert "".join(keys).replace(PASTED, "") == "quiet\nsqt"
        assert [key for key in keys if not key.startswith(PASTED)] == ["t"]


def test_digits_name_the_emotions_in_their_order() -> None:
    for emotion in Emotion:
        assert command_of(str(emotion + 1)) == KeyCommand(Action.CORRECT, emotion)
    assert command_of("6") is None
    assert command_of("0") is None
    assert command_of("²") is None


def test_every_action_has_a_key_and_a_line_in_the_help() -> None:
    reached = {
        command.action
        for key in [*" imtsh?q1\x03", "page up", "down"]
        if (command := command_of(key))
    }
    assert reached | {Action.INTERRUPT} == set(Action)
    for binding in BINDINGS.values():
        assert binding.about in key_help()
    for emotion in Emotion:
        assert emotion.label in key_help()


def test_capitals_do_the_same_and_other_keys_nothing() -> None:
    assert command_of("M") == command_of("m")
    assert command_of("z") is None
