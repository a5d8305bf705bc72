"""Talks that wait for one model share its steps, on the worker of a server or of a replica."""

import asyncio
from pathlib import Path

import pytest
import torch

from assistant.engines.blsp_emo import BlspEmoModel
from assistant.engines.cluster.course import Asked, Course
from assistant.engines.cluster.serving import ServedTalks
from assistant.engines.protocols import Cancel, Dialogue, Persona
from assistant.engines.settings import GenerationSettings, ModelSettings
from assistant.errors import EngineFailed
from assistant.worker import Stream, Worker
from tests.assistant.engines.tiny_checkpoint import write_tiny_checkpoint

GENERATION = GenerationSettings(longest_tokens=24)
QUESTIONS = ("How are you?", "What a day that was, I tell you!", "No.", "Who is there, please?")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("tiny"))


def engine(checkpoint: Path, **options: int) -> BlspEmoModel:
    torch.set_num_threads(1)
    run = ModelSettings(device="cpu", dtype="float32", threads=1, **options)  # pyright: ignore
    return BlspEmoModel(str(checkpoint), run, GENERATION)


def asked(dialogue: Dialogue, question: str) -> Dialogue:
    dialogue.read(question)
    return dialogue


def alone(checkpoint: Path, question: str) -> str:
    model = engine(checkpoint, together=1)
    dialogue = asked(model.open(Persona()), question)
    return "".join(delta.text for delta in dialogue.reply(Cancel()))


async def text_of(stream: Stream) -> str:
    return "".join([delta.text async for delta in stream])


async def test_talks_of_one_worker_share_steps_and_say_what_each_says_alone(
    checkpoint: Path,
) -> None:
    model = engine(checkpoint)
    steps = model.model.steps
    assert steps is not None
    worker = Worker("model")
    dialogues = [asked(model.open(Persona()), question) for question in QUESTIONS]
    streams = [worker.stream(lambda d=d: d.reply(Cancel()), ahead=64) for d in dialogues]
    said = await asyncio.gather(*(text_of(stream) for stream in streams))
    worker.close()
    assert said == [alone(checkpoint, question) for question in QUESTIONS]
    assert 2 * steps.given > 3 * steps.taken > 0
    assert not steps.seated


async def test_one_that_is_interrupted_leaves_the_others_as_they_are(checkpoint: Path) -> None:
    model = engine(checkpoint)
    worker = Worker("model")
    dialogues = [asked(model.open(Persona()), question) for question in QUESTIONS[:3]]
    cancels = [Cancel() for _ in dialogues]
    streams = [
        worker.stream(lambda d=d, c=c: d.reply(c), ahead=1)
        for d, c in zip(dialogues, cancels, strict=True)
    ]
    begun = [await anext(stream) for stream in streams]
    cancels[1].set()
    streams[1].close()
    rest = await asyncio.gather(text_of(streams[0]), text_of(streams[2]))
    await worker.call(lambda: dialogues[1].truncate(begun[1].text))
    await worker.call(lambda: asked(dialogues[1], QUESTIONS[3]))
    again = await text_of(worker.stream(lambda: dialogues[1].reply(Cancel())))
    worker.close()
    assert begun[0].text + rest[0] == alone(checkpoint, QUESTIONS[0])
    assert begun[2].text + rest[1] == alone(checkpoint, QUESTIONS[2])
    single = asked(engine(checkpoint, together=1).open(Persona()), QUESTIONS[1])
    replying = single.reply(Cancel())
    assert next(iter(replying)).text == begun[1].text
    single.truncate(begun[1].text)
    asked(single, QUESTIONS[3])
    assert again == "".join(delta.text for delta in single.reply(Cancel()))


async def test_talks_of_a_replica_share_steps(checkpoint: Path) -> None:
    model = engine(checkpoint)
    steps = model.model.steps
    assert steps is not None
    served = ServedTalks(model)
    worker = Worker("replica")
    courses = [
        Course(str(number), Persona(), asked=(Asked(number, question, None),))
        for number, question in enumerate(QUESTIONS)
    ]
    streams = [
        worker.stream(lambda course=course: served.reply(course, "", Cancel()))
        for course in courses
    ]
    said = await asyncio.gather(*(text_of(stream) for stream in streams))
    worker.close()
    assert said == [alone(checkpoint, question) for question in QUESTIONS]
    assert 2 * steps.given > 3 * steps.taken > 0


def test_one_talk_at_a_time_shares_nothing_on_a_cpu(checkpoint: Path) -> None:
    model = engine(checkpoint)
    for question in QUESTIONS:
        list(asked(model.open(Persona()), question).reply(Cancel()))
    assert model.model.steps is not None and model.model.steps.taken == 0


def test_a_gpu_without_memory_says_what_helps(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = engine(checkpoint)
    dialogue = asked(model.open(Persona()), "How are you?")

    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")

    monkeypatch.setattr(model.model.llm, "forward", full)
    with pytest.raises(EngineFailed, match=r"GPU has no memory left.*--together.*--dtype int8"):
        list(dialogue.reply(Cancel()))
