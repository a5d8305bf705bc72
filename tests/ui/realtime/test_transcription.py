"""Sessions that listen, cut turns, tell the words and answer nothing."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from assistant.audio.waveform import Waveform
from assistant.engines.protocols import Transcript
from assistant.errors import EngineFailed
from tests.fakes import WritingModel, speech_like
from tests.ui.driving import Client, drive
from tests.ui.realtime.test_openai import until
from tests.ui.serving import pcm, resident, serving, spoken

openai = pytest.importorskip("openai")
# The client opens its socket in a way that its own library has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:connect.. must be used as:DeprecationWarning")

KIND = "conversation.item.input_audio_transcription"
SOUND = speech_like((0.3, 1.5), length_s=3.5)


def writing(text: str = "what is it") -> Any:
    return replace(resident(), models={"mini": WritingModel(text)})


async def listen(client: Client, **audio_input: Any) -> dict[str, Any]:
    return await client.update(type="transcription", audio={"input": audio_input})


async def commit(client: Client) -> None:
    sound = pcm(speech_like((0.1, 1.1), length_s=1.2, rate=24_000))
    await client.send("input_audio_buffer.append", audio=sound)
    await client.send("input_audio_buffer.commit")


def kinds(client: Client) -> list[str]:
    return [event["type"] for event in client.seen]


def test_turns_are_cut_and_written_down_and_nothing_is_answered() -> None:
    async def act(client: Client) -> None:
        told = await listen(client, turn_detection={"type": "server_vad"})
        assert told["session"]["object"] == "realtime.transcription_session"
        await client.speak(SOUND)
        seen = await client.until(f"{KIND}.completed")
        assert seen[-1]["transcript"] == "what is it"
        assert "input_audio_buffer.speech_stopped" in [event["type"] for event in seen]
        await client.speak(SOUND)
        await client.until(f"{KIND}.completed")

    engines = writing()
    client = drive(act, engines)
    told = kinds(client)
    assert f"{KIND}.delta" in told
    assert told.count("input_audio_buffer.committed") == 2
    assert not [kind for kind in told if kind.startswith(("response.", "output_audio", "error"))]


def test_more_is_written_down_than_would_wait_for_one_answer() -> None:
    async def act(client: Client) -> None:
        await listen(client, turn_detection=None)
        for _ in range(20):
            await commit(client)
            await client.until(f"{KIND}.completed")

    assert "error" not in kinds(drive(act, writing()))


class BrokenModel(WritingModel):
    def transcribe(self, utterance: Waveform) -> Transcript:
        raise EngineFailed("the model broke: try again")


def test_words_that_cannot_be_had_are_told_to_have_failed() -> None:
    async def act(client: Client) -> None:
        await listen(client, turn_detection=None)
        await commit(client)
        failed = (await client.until(f"{KIND}.failed"))[-1]
        assert "broke" in failed["error"]["message"]
        assert failed["item_id"] == client.seen[-2]["item"]["id"]

    drive(act, replace(resident(), models={"mini": BrokenModel("")}))


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("response.create", {}),
        ("conversation.item.create", {"item": {"type": "message", "role": "user"}}),
    ],
)
def test_what_asks_for_an_answer_is_refused(kind: str, fields: dict[str, Any]) -> None:
    async def act(client: Client) -> None:
        await listen(client)
        await client.send(kind, **fields)
        error = await client.error()
        assert error["code"] == "unsupported"
        assert "transcription session, which answers nothing" in error["message"]

    drive(act)


def test_what_belongs_to_answers_is_named_in_a_warning_and_the_rest_holds() -> None:
    async def act(client: Client) -> None:
        detection = {"type": "server_vad", "silence_duration_ms": 700, "create_response": True}
        told = await client.update(
            type="transcription",
            instructions="Be brief.",
            include=["item.input_audio_transcription.logprobs"],
            audio={"input": {"turn_detection": detection}, "output": {"voice": "other"}},
        )
        warning = (await client.until("attune.warning"))[-1]
        assert set(warning["ignored"]) == {
            "session.instructions",
            "session.include",
            "session.audio.output",
            "session.audio.input.turn_detection.create_response",
        }
        session = told["session"]
        assert session["type"] == "transcription"
        assert session["instructions"] is None
        assert session["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 700
        assert "tools" not in session
        again = await client.update(**session)
        assert again["session"] == session, "what is told can be sent back"

    drive(act)


def test_the_type_can_change_before_the_first_words_only() -> None:
    async def act(client: Client) -> None:
        await listen(client, turn_detection=None)
        assert (await client.update(type="realtime"))["session"]["type"] == "realtime"
        assert (await listen(client))["session"]["type"] == "transcription"
        await commit(client)
        refused = await client.update(type="realtime")
        assert refused["error"]["code"] == "session_in_use"

    drive(act)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(writing("utterance")) as (host, _site):
        yield host


@pytest.mark.parametrize("way", ["update", "key", "beta key", "address"])
def test_the_official_client_has_speech_written_down(address: str, way: str) -> None:
    client = openai.OpenAI(api_key="none", base_url=f"http://{address}/v1")
    session = {
        "type": "transcription",
        "audio": {"input": {"turn_detection": {"type": "server_vad"}}},
    }
    query = {"intent": "transcription"} if way == "address" else {}
    if way == "key":
        made = client.realtime.client_secrets.create(session=session)
        assert made.session.type == "transcription"
        client = openai.OpenAI(api_key=made.value, base_url=f"http://{address}/v1")
    if way == "beta key":
        made = client.beta.realtime.transcription_sessions.create(
            input_audio_format="pcm16", turn_detection={"type": "server_vad"}
        )
        assert (made.input_audio_format, made.turn_detection.type) == ("pcm16", "server_vad")
        key = made.client_secret.value
        client = openai.OpenAI(api_key=key, base_url=f"http://{address}/v1")
    with client.realtime.connect(model="gpt-realtime-whisper", extra_query=query) as connection:
        created = connection.recv()
        is_set = way != "update"
        assert created.session.type == ("transcription" if is_set else "realtime")
        if way == "update":
            connection.session.update(session=session)
        connection.input_audio_buffer.append(audio=spoken())
        words = until(connection, f"{KIND}.completed")[-1]
        assert words.transcript == "utterance"
        assert words.usage.seconds > 0.5


def test_a_beta_key_that_cannot_be_is_refused(address: str) -> None:
    client = openai.OpenAI(api_key="none", base_url=f"http://{address}/v1", max_retries=0)
    with pytest.raises(openai.BadRequestError, match=r"input\.format"):
        client.beta.realtime.transcription_sessions.create(input_audio_format="mp3")
