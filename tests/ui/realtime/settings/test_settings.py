"""Session settings: field by field, in the names of today's clients and of older ones."""

import json
from typing import Any

import pytest

from tests.ui.driving import Client, drive
from ui.realtime.protocol.changes import BETA, changed
from ui.realtime.protocol.config import SessionConfig

PIRATE = "You are a pirate."
MEANINGLESS: list[dict[str, Any]] = [
    {"temperature": 0.8},
    {"colour": {"hue": [1, 2]}},
    {"tracing": "auto", "include": ["item.input_audio_transcription.logprobs"]},
    {"audio": {"input": {"transcription": {"model": "x", "languages": ["en"], "delay": "low"}}}},
    {"audio": {"input": {"noise_reduction": {"type": "near_field"}, "gain": 3}}},
    {"audio": {"output": {"codec": "opus"}, "middle": {}}},
    {"audio": {"input": {"turn_detection": {"type": "server_vad", "patience": 3}}}},
    {"prompt": {"id": "pmpt_1"}, "reasoning": {"effort": "low"}, "truncation": "disabled"},
]
UNDERSTOOD: list[dict[str, Any]] = [
    {"modalities": ["text", "audio"]},
    {"output_modalities": ["audio", "text"]},
    {"voice": "marin"},
    {"voice": "alloy", "speed": 1.2},
    {"audio": {"output": {"voice": {"id": "verse"}}}},
    {"max_response_output_tokens": "inf"},
    {"max_response_output_tokens": 4096, "input_audio_format": "pcm16"},
    {"turn_detection": {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300}},
    {"turn_detection": {"type": "server_vad", "threshold": 0.0}},
    {"turn_detection": {"type": "server_vad", "threshold": 1.0}},
    {"turn_detection": None, "input_audio_transcription": {"model": "whisper-1"}},
    {"tools": [], "tool_choice": "auto"},
    {"tools": None, "tool_choice": None, "max_output_tokens": None, "audio": {"output": None}},
]
IMPOSSIBLE: list[tuple[dict[str, Any], str, str]] = [
    ({"tools": [{"type": "function", "name": "f"}]}, "session.tools", "calls no functions"),
    ({"audio": {"output": {"speed": 9}}}, "session.audio.output.speed", "0.25 to 1.5"),
    ({"audio": {"input": {"format": {"type": "audio/opus"}}}}, "input.format.type", "audio/pcm"),
    ({"audio": {"output": {"format": {"rate": 11_025}}}}, "output.format.rate", "24000"),
    ({"turn_detection": {"type": "magic_vad"}}, "turn_detection.type", "server_vad"),
    ({"turn_detection": {"silence_duration_ms": 1}}, "silence_duration_ms", "32 to 20000"),
    ({"output_modalities": ["video"]}, "session.output_modalities", "text"),
    ({"max_output_tokens": 0}, "session.max_output_tokens", "inf"),
    ({"audio": 3}, "session.audio", "an object"),
    ({"attune": {"view": "perhaps"}}, "session.attune.view", "true or false"),
    ({"attune": {"policy": "/etc"}}, "session.attune.policy", "empathetic"),
    ({"type": "translation"}, "session.type", "realtime"),
]


async def answers(client: Client, **session: Any) -> list[dict[str, Any]]:
    """Returns all that an update is answered by."""
    await client.send("session.update", session=session, event_id="mine")
    await client.send("conversation.item.retrieve", item_id="end of the answers")
    seen: list[dict[str, Any]] = []
    while True:
        seen += await client.until("error")
        if "end of the answers" in seen[-1]["error"]["message"]:
            return [event for event in seen[:-1] if event["type"] != "conversation.created"]


@pytest.mark.parametrize("extra", MEANINGLESS, ids=str)
def test_what_means_nothing_is_named_and_costs_nothing_else(extra: dict[str, Any]) -> None:
    async def act(client: Client) -> None:
        updated, warning = await answers(client, type="realtime", instructions=PIRATE, **extra)
        assert updated["session"]["instructions"] == PIRATE
        assert warning["type"] == "attune.warning"
        assert warning["client_event_id"] == "mine"
        assert warning["ignored"]
        for path in warning["ignored"]:
            value = updated
            for name in path.split("."):
                value = value[name]
            assert value is None

    drive(act)


@pytest.mark.parametrize("extra", UNDERSTOOD, ids=str)
def test_what_agrees_with_the_session_is_taken_without_a_word(extra: dict[str, Any]) -> None:
    async def act(client: Client) -> None:
        (updated,) = await answers(client, instructions=PIRATE, **extra)
        assert updated["type"] == "session.updated"
        assert updated["session"]["instructions"] == PIRATE

    drive(act)


@pytest.mark.parametrize(("extra", "param", "remedy"), IMPOSSIBLE, ids=str)
def test_the_impossible_is_refused_alone(extra: dict[str, Any], param: str, remedy: str) -> None:
    async def act(client: Client) -> None:
        before = (await client.update())["session"]
        updated, error = await answers(client, instructions=PIRATE, **extra)
        assert updated["session"]["instructions"] == PIRATE
        assert error["error"]["event_id"] == "mine"
        assert error["error"]["param"].endswith(param)
        assert remedy in error["error"]["message"]
        shown = json.dumps(error)
        assert "Input should" not in shown and "Extra inputs" not in shown
        rest = updated["session"]
        assert rest["audio"]["output"] == before["audio"]["output"]
        assert rest["audio"]["input"]["format"] == before["audio"]["input"]["format"]
        (alone,) = await answers(client, **extra)
        assert alone["type"] == "error" or "turn_detection" in extra

    drive(act)


def test_every_name_of_the_beta_means_the_field_of_today() -> None:
    values: dict[str, Any] = {
        "modalities": ["text"],
        "voice": "rms",
        "speed": 1.25,
        "input_audio_format": "g711_ulaw",
        "output_audio_format": "g711_alaw",
        "input_audio_transcription": None,
        "input_audio_noise_reduction": None,
        "turn_detection": {"type": "server_vad", "silence_duration_ms": 700},
        "max_response_output_tokens": 77,
    }
    assert values.keys() == BETA.keys()
    changes = changed(SessionConfig(), values)
    assert not changes.ignored and not changes.refused
    config = changes.config
    assert config.output_modalities == ["text"] and config.max_output_tokens == 77
    assert (config.audio.output.voice, config.audio.output.speed) == ("rms", 1.25)
    assert (config.audio.input.format.type, config.audio.input.format.rate) == ("audio/pcmu", 8_000)
    assert config.audio.output.format.type == "audio/pcma"
    assert config.audio.input.transcription is None
    detection = config.audio.input.turn_detection
    assert detection is not None and detection.silence_duration_ms == 700


def test_a_voice_that_is_not_here_is_replaced_with_a_word() -> None:
    async def act(client: Client) -> None:
        updated, warning = await answers(client, audio={"output": {"voice": "bella"}})
        assert updated["session"]["audio"]["output"]["voice"] == "tone"
        assert "bella" in warning["message"] and "other" in warning["message"]
        (updated,) = await answers(client, audio={"output": {"voice": "other"}})
        assert updated["session"]["audio"]["output"]["voice"] == "other"

    drive(act)


def test_what_the_server_tells_can_be_sent_back() -> None:
    async def act(client: Client) -> None:
        session = (await answers(client, temperature=1.0, instructions=PIRATE))[0]["session"]
        (again,) = await answers(client, **session)
        assert again["session"] == session

    client = drive(act)
    created = client.seen[0]["session"]

    async def echo(client: Client) -> None:
        (again,) = await answers(client, **created)
        assert {**again["session"], "id": ""} == {**created, "id": ""}

    drive(echo)
