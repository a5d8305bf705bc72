"""Replies that the model has no time for: what was said before stays, and who waits goes first."""

import asyncio
import threading
from collections.abc import AsyncGenerator

import pytest

from assistant import events
from assistant.audio.file_devices import FileSpeaker
from assistant.audio.waveform import SPEECH_RATE_HZ
from assistant.conversation.conversation import Conversation
from assistant.conversation.engines import Engines
from assistant.conversation.live.replies import BargeIn, Replies
from assistant.conversation.question import Question
from assistant.conversation.reply_task import EAGER_S, Reply
from assistant.engines.protocols import Persona
from tests.fakes import ScriptedModel, scripted, speech_like

UTTERANCE = speech_like((0.0, 1.0), length_s=1.0)


def question(turn: int, *, speech_end_s: float = 0.0) -> Question:
    start = 10 * turn * SPEECH_RATE_HZ
    return Question(turn, UTTERANCE, "", start, start + SPEECH_RATE_HZ, speech_end_s)


@pytest.fixture
async def engines() -> AsyncGenerator[Engines]:
    made = scripted(ScriptedModel(["Yes."]))
    yield made
    made.close()


class Finished:
    """Listens for the end of a reply."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, events.ReplyFinished):
            self.event.set()


@pytest.mark.parametrize("is_committed", [False, True])
async def test_a_question_the_model_never_got_leaves_the_one_before(
    engines: Engines, is_committed: bool
) -> None:
    release, finished = threading.Event(), Finished()
    dialogue = ScriptedModel(["Yes."]).open(Persona())
    conversation = Conversation(engines, dialogue)
    conversation.follow(finished)
    async with asyncio.TaskGroup() as group:
        replies = Replies(conversation, FileSpeaker(), group, rejoin_samples=lambda: 0)
        replies.prepare(question(0))
        replies.commit()
        await finished.event.wait()
        busy = group.create_task(engines.model_worker.call(release.wait))
        await asyncio.sleep(0)
        replies.prepare(question(1))
        await asyncio.sleep(0)
        if is_committed:
            replies.commit()
            replies.barge_in(BargeIn(2 * SPEECH_RATE_HZ))
        else:
            replies.withdraw()
        release.set()
        await busy
    assert len(dialogue.utterances) == 1


async def test_an_answer_is_due_at_once_when_the_turn_is_over_and_later_once_it_sounds(
    engines: Engines,
) -> None:
    now_s = asyncio.get_running_loop().time()
    conversation = Conversation(engines, engines.model.open(Persona()))
    reply = Reply(question(0, speech_end_s=now_s), conversation, FileSpeaker())
    assert reply.due_s() == now_s + EAGER_S
    reply.commit()
    assert now_s <= reply.due_s() < now_s + EAGER_S / 2
    await reply.run()
    spoken_s = 0.05
    assert reply.due_s() >= now_s + spoken_s
