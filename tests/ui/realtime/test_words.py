"""Words of what is committed and not answered: many clients decide by them what to do."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from assistant.audio.waveform import Waveform
from assistant.engines.protocols import Transcript
from tests.fakes import WritingModel, speech_like
from tests.ui.driving import Client, drive
from tests.ui.serving import pcm, resident

KIND = "conversation.item.input_audio_transcription"
SOUND = speech_like((0.3, 1.5), length_s=3.5)
HELD = {"turn_detection": {"type": "server_vad", "create_response": False}}
BY_HAND = {"turn_detection": None}


async def speak(client: Client, how: dict[str, Any]) -> str:
    """Says something; returns its item."""
    await client.update(audio={"input": how}, output_modalities=["text"])
    await client.speak(SOUND)
    if how is BY_HAND:
        await client.send("input_audio_buffer.commit")
    return (await client.until("conversation.item.done"))[-1]["item"]["id"]


def told(client: Client, what: str = "completed") -> list[tuple[str, str]]:
    return [(e["item_id"], e["transcript"]) for e in client.seen if e["type"] == f"{KIND}.{what}"]


@pytest.mark.parametrize("how", [HELD, BY_HAND], ids=["held", "by hand"])
def test_words_come_without_an_answer_and_once(how: dict[str, Any]) -> None:
    items: list[str] = []

    async def act(client: Client) -> None:
        items.append(await speak(client, how))
        await client.until(f"{KIND}.completed")
        await client.send("conversation.item.retrieve", item_id=items[0])
        item = (await client.until("conversation.item.retrieved"))[-1]["item"]
        assert item["content"][0]["transcript"] == "what is it"
        await client.send("response.create")
        await client.until("response.done")

    engines = replace(resident(), models={"mini": WritingModel("what is it")})
    assert told(drive(act, engines)) == [(items[0], "what is it")]


def test_an_answer_that_is_ordered_at_once_tells_them_itself() -> None:
    model = WritingModel("what is it")

    async def act(client: Client) -> None:
        await client.update(audio={"input": BY_HAND}, output_modalities=["text"])
        sound = pcm(speech_like((0.1, 1.1), length_s=1.2, rate=24_000))
        await client.send("input_audio_buffer.append", audio=sound)
        await client.send("input_audio_buffer.commit")
        await client.send("response.create")
        await client.until("response.done")
        await asyncio.sleep(1.0)

    client = drive(act, replace(resident(), models={"mini": model}))
    assert [words for _, words in told(client)] == ["utterance 0"]
    assert not model.lengths_s, "the same sound is read once"


def test_who_wants_no_words_gets_none() -> None:
    model = WritingModel("what is it")

    async def act(client: Client) -> None:
        await speak(client, {**HELD, "transcription": None})
        await asyncio.sleep(1.0)

    assert not told(drive(act, replace(resident(), models={"mini": model})))
    assert not model.lengths_s


class CountingModel(WritingModel):
    """Tells of what it is given apart how long it is."""

    def transcribe(self, utterance: Waveform) -> Transcript:
        super().transcribe(utterance)
        return Transcript(f"{len(utterance) / 16_000:.0f} seconds", confidence=0.9)


@pytest.mark.parametrize("pause_s", [0.0, 1.0], ids=["at once", "after a while"])
def test_several_commits_that_are_answered_together_each_get_their_own_words(
    pause_s: float,
) -> None:
    items: list[str] = []

    async def act(client: Client) -> None:
        await client.update(audio={"input": BY_HAND}, output_modalities=["text"])
        for seconds in (1, 2):
            sound = pcm(speech_like((0.1, 0.1 + seconds), length_s=seconds + 0.2, rate=24_000))
            await client.send("input_audio_buffer.append", audio=sound)
            await client.send("input_audio_buffer.commit")
            items.append((await client.until("input_audio_buffer.committed"))[-1]["item_id"])
            await asyncio.sleep(pause_s)
        await client.send("response.create")
        await client.until("response.done")
        await asyncio.sleep(3.0)
        for item_id, words in zip(items, ("1 seconds", "2 seconds"), strict=True):
            await client.send("conversation.item.retrieve", item_id=item_id)
            item = (await client.until("conversation.item.retrieved"))[-1]["item"]
            assert item["content"][0]["transcript"] == words

    model = CountingModel("")
    client = drive(act, replace(resident(), models={"mini": model}))
    assert told(client) == [(items[0], "1 seconds"), (items[1], "2 seconds")]
    assert len(model.lengths_s) == 2, "the same sound is read once"
