"""Fields and spellings that other clients bring along: named or understood, never refused whole."""

import base64
import typing
from typing import Any

import numpy as np
import pytest

from tests.ui.driving import Client, drive
from tests.ui.serving import pcm, spoken
from ui.realtime.protocol.formats import sound_bytes
from ui.realtime.protocol.known import foreign_fields, usual_item
from ui.realtime.protocol.messages import ProtocolError

SAYING = {"type": "input_text", "text": "Hello."}


def message(**fields: Any) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [SAYING], **fields}


@pytest.mark.parametrize(
    ("kind", "fields", "named"),
    [
        ("session.update", {"session": {}, "extra": 1}, ["extra"]),
        ("input_audio_buffer.clear", {"final": True}, ["final"]),
        ("conversation.item.create", {"item": message(phase="x")}, ["item.phase"]),
        (
            "conversation.item.create",
            {"item": message(content=[{**SAYING, "cache": 1}]), "after": "y"},
            ["after", "item.content.0.cache"],
        ),
        (
            "response.create",
            {"response": {"conversation": "none", "input": [message(name="Ann")]}},
            ["response.input.0.name"],
        ),
        (
            "response.create",
            {"response": {"instructions": "Hi", "audio": {"input": {"turn_detection": None}}}},
            ["response.audio.input"],
        ),
    ],
)
def test_what_means_nothing_is_named_and_the_rest_is_done(
    kind: str, fields: dict[str, Any], named: list[str]
) -> None:
    async def act(client: Client) -> None:
        await client.send(kind, event_id="mine", **fields)
        (told,) = (await client.until("attune.warning"))[-1:]
        assert told["ignored"] == named
        assert told["client_event_id"] == "mine"

    client = drive(act)
    assert not [event for event in client.seen if event["type"] == "error"]


def test_sound_with_a_foreign_field_is_named_once() -> None:
    async def act(client: Client) -> None:
        for _ in range(5):
            sound = pcm(np.zeros(480, np.float32))
            await client.send("input_audio_buffer.append", audio=sound, seq=1)
        await client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")

    client = drive(act)
    assert len([event for event in client.seen if event["type"] == "attune.warning"]) == 1


def test_every_field_of_the_newest_client_is_known() -> None:
    realtime = pytest.importorskip("openai.types.realtime")
    for model in typing.get_args(typing.get_args(realtime.RealtimeClientEvent)[0]):
        kind = typing.get_args(model.model_fields["type"].annotation)[0]
        event: dict[str, Any] = dict.fromkeys(model.model_fields) | {"type": kind}
        assert list(foreign_fields(event)) == []


@pytest.mark.parametrize(
    "item",
    [
        {"role": "user", "content": [SAYING]},
        {"role": "user", "content": "Hello."},
        {"type": "message", "role": "user", "content": ["Hello."]},
        {"type": "message", "role": "user", "content": [{"type": "text", "text": "Hello."}]},
    ],
)
def test_a_message_may_be_written_as_in_other_protocols(item: dict[str, Any]) -> None:
    async def act(client: Client) -> None:
        await client.send("conversation.item.create", item=item)
        (told,) = (await client.until("conversation.item.done", "error"))[-1:]
        assert told["item"]["content"] == [SAYING]
        await client.send("response.create")
        (done,) = (await client.until("response.done", "error"))[-1:]
        assert done["response"]["status"] == "completed"

    drive(act)


def test_what_a_developer_says_is_a_line_of_the_system() -> None:
    async def act(client: Client) -> None:
        item = {"type": "message", "role": "developer", "content": [SAYING]}
        await client.send("conversation.item.create", item=item)
        (told,) = (await client.until("conversation.item.done", "error"))[-1:]
        assert told["item"]["role"] == "system"

    drive(act)


@pytest.mark.parametrize("item", [None, 5, [], {}, {"type": ["x"]}, {"role": 5}, {"content": "x"}])
def test_what_is_no_item_is_refused_in_one_sentence(item: Any) -> None:
    async def act(client: Client) -> None:
        await client.send("conversation.item.create", item=item)
        error = await client.error()
        assert "must be a message of the user, the assistant or the system" in error["message"]
        assert "function" not in error["message"]

    drive(act)


@pytest.mark.parametrize("name", ["", "root"])
def test_an_id_that_stands_for_a_place_is_no_name(name: str) -> None:
    async def act(client: Client) -> None:
        await client.send("conversation.item.create", item=message(id=name))
        assert (await client.error())["param"] == "item.id"

    drive(act)


def test_what_is_usual_already_stays() -> None:
    item = message(id="one", status="completed")
    assert usual_item(item) == item


BYTES = bytes(range(256))
PLAIN = base64.b64encode(BYTES).decode()


@pytest.mark.parametrize(
    "written",
    [
        PLAIN,
        PLAIN.rstrip("="),
        base64.encodebytes(BYTES).decode(),
        PLAIN.replace("+", "-").replace("/", "_"),
        f"data:audio/pcm;base64,{PLAIN}",
        f" {PLAIN}\r\n",
    ],
)
def test_base64_of_any_writer_is_read(written: str) -> None:
    assert sound_bytes(written, param="audio") == BYTES


@pytest.mark.parametrize("written", ["!!!", "A", "AAAA=AAA", "é", None, 5, ["AAAA"]])
def test_what_is_no_base64_is_refused(written: Any) -> None:
    with pytest.raises(ProtocolError, match="base64"):
        sound_bytes(written, param="audio")


def test_a_time_with_a_fraction_truncates_an_answer() -> None:
    async def act(client: Client) -> None:
        await client.send("conversation.item.create", item=message())
        await client.send("response.create")
        (done,) = (await client.until("response.done"))[-1:]
        item_id = done["response"]["output"][0]["id"]
        await client.send(
            "conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=40.6
        )
        (cut,) = (await client.until("conversation.item.truncated", "error"))[-1:]
        assert cut["audio_end_ms"] == 41

    drive(act)


@pytest.mark.parametrize("detection", [{"type": "none"}, "none", False])
def test_no_detection_of_turns_may_be_called_none(detection: Any) -> None:
    async def act(client: Client) -> None:
        told = await client.update(turn_detection=detection)
        assert told["session"]["audio"]["input"]["turn_detection"] is None
        await client.send("input_audio_buffer.append", audio=spoken(tail_s=0.1))
        await client.send("input_audio_buffer.commit")
        await client.until("input_audio_buffer.committed")

    drive(act)


def test_a_rate_that_telephones_do_not_have_is_refused() -> None:
    async def act(client: Client) -> None:
        form = {"type": "audio/pcmu", "rate": 16_000}
        told = await client.update(audio={"input": {"format": form}}, instructions="Be kind.")
        assert told["session"]["instructions"] == "Be kind."
        assert told["session"]["audio"]["input"]["format"]["type"] == "audio/pcm"
        assert "use 8000" in (await client.error())["message"]

    drive(act)
