"""The official `openai` client, unmodified, holds spoken conversations with the socket."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from models.emotions import Emotion
from tests.fakes import certain
from tests.ui.serving import LONG, resident, samples, serving, spoken
from ui.realtime.devices import AHEAD_S

openai = pytest.importorskip("openai")
# The client opens its socket in a way that its own library has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:connect.. must be used as:DeprecationWarning")


ENDLESS = f"{LONG} {LONG} {LONG}"
"""A reply longer than what is sent ahead of its playback."""


@pytest.fixture
def address() -> Iterator[str]:
    engines = resident(
        replies=["I am so sorry to hear that.", ENDLESS, "All right, I stop."],
        emotions=[certain(Emotion.SAD)],
    )
    with serving(engines) as (host, _site):
        yield host


def until(connection: Any, *kinds: str) -> list[Any]:
    """Returns events up to the first one of `kinds`."""
    seen: list[Any] = []
    for event in connection:
        seen.append(event)
        assert event.type != "error", event
        if event.type in kinds:
            break
    return seen


def until_heard(connection: Any, least_s: float) -> None:
    """Reads events until so much of the answer has been played: its end is sent no sooner."""
    sent_s = 0.0
    while sent_s < AHEAD_S + least_s:
        (event,) = until(connection, "response.output_audio.delta")[-1:]
        sent_s += len(samples(event.delta)) / 24_000


def types(seen: list[Any]) -> list[str]:
    """Returns the types of events, repeated ones once."""
    return [e.type for i, e in enumerate(seen) if not i or seen[i - 1].type != e.type]


def test_a_spoken_talk_with_an_interruption(address: str) -> None:
    client = openai.OpenAI(api_key="none", base_url=f"http://{address}/v1")
    with client.realtime.connect(model="gpt-realtime") as connection:
        created = connection.recv()
        assert created.type == "session.created"
        assert created.session.model == "mini"
        session = {"type": "realtime", "audio": {"output": {"voice": "marin"}}}
        connection.session.update(session=session)
        assert connection.recv().type == "session.updated"
        conversation = connection.recv()
        assert conversation.type == "conversation.created"
        assert conversation.conversation.object == "realtime.conversation"

        connection.input_audio_buffer.append(audio=spoken())
        first = until(connection, "response.done")
        assert types(first)[:6] == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "response.created",
        ]
        assert types(first)[-6:] == [
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "response.output_item.done",
            "conversation.item.done",
            "response.done",
        ]
        (heard,) = [e for e in first if e.type == "attune.emotion"]
        assert heard.emotion["label"] == "sad"
        words = "conversation.item.input_audio_transcription.completed"
        assert [e.transcript for e in first if e.type == words] == ["utterance 0"]
        words = "conversation.item.input_audio_transcription.delta"
        assert [e.delta for e in first if e.type == words] == ["utterance 0"]
        assert types(first).index(words) < types(first).index("response.done")
        done = first[-1].response
        assert done.status == "completed"
        assert done.output[0].content[0].transcript == "I am so sorry to hear that."
        sound = [samples(e.delta) for e in first if e.type == "response.output_audio.delta"]
        assert sum(map(len, sound)) == pytest.approx(7 * 0.05 * 24_000, rel=0.01)

        until(connection, "output_audio_buffer.stopped")
        # Speech within 1.5 s of the end of a turn would belong to the same turn.
        connection.input_audio_buffer.append(audio=spoken(tail_s=2.0))
        # Where no word of the answer was heard yet, the turn would be joined.
        until_heard(connection, 0.4)
        # So long that it interrupts whatever is said: it comes faster than its words are known.
        connection.input_audio_buffer.append(audio=spoken(1.6))
        stopped = until(connection, "conversation.item.truncated")
        assert "input_audio_buffer.speech_started" in types(stopped)
        (cancelled,) = [e.response for e in stopped if e.type == "response.done"]
        assert cancelled.status in ("cancelled", "completed")
        assert 0 < stopped[-1].audio_end_ms < 12_000

        last = until(connection, "response.done")
        assert last[-1].response.output[0].content[0].transcript == "All right, I stop."


async def test_a_talk_whose_turns_the_client_cuts(address: str) -> None:
    client = openai.AsyncOpenAI(api_key="none", base_url=f"http://{address}/v1")
    async with client.realtime.connect(model="mini") as connection:
        audio = {"input": {"turn_detection": None}}
        await connection.session.update(session={"type": "realtime", "audio": audio})
        await connection.input_audio_buffer.append(audio=spoken(tail_s=0.1))
        await connection.input_audio_buffer.commit()
        await connection.response.create()
        seen = await until_async(connection, "response.done")
        assert seen[-1].response.status == "completed"
        assert not [e for e in seen if e.type == "input_audio_buffer.speech_started"]

        text = {"type": "input_text", "text": "Tell me a long story."}
        item = {"type": "message", "role": "user", "content": [text]}
        await connection.conversation.item.create(item=item)
        await connection.response.create()
        seen = await until_async(connection, "response.done")
        assert "output_audio_buffer.started" in types(seen)
        answer = seen[-1].response.output[0].id
        await connection.conversation.item.truncate(
            item_id=answer, content_index=0, audio_end_ms=500
        )
        seen = await until_async(connection, "attune.heard")
        (cut,) = [e for e in seen if e.type == "conversation.item.truncated"]
        assert cut.audio_end_ms == 500
        assert LONG.startswith(seen[-1].heard)
        assert 8 <= len(seen[-1].heard.split()) <= 12
        await connection.conversation.item.retrieve(item_id=answer)
        seen = await until_async(connection, "conversation.item.retrieved")
        assert seen[-1].item.content[0].transcript.strip() != LONG


async def until_async(connection: AsyncIterator[Any], *kinds: str) -> list[Any]:
    seen: list[Any] = []
    async for event in connection:
        seen.append(event)
        assert event.type != "error", event
        if event.type in kinds:
            break
    return seen
