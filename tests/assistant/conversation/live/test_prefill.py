"""What a dialogue begins with is computed while nobody has spoken, and stands in nobody's way."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import pairwise

import numpy as np

from assistant.audio.waveform import SPEECH_RATE_HZ
from assistant.conversation.live.prefill import Prefill
from assistant.engines.protocols import Persona
from assistant.errors import EngineFailed
from assistant.worker import Worker
from tests.fakes import ScriptedDialogue, ScriptedModel, scripted, speech_like
from tests.talking import Talk, talk

SILENCE = np.zeros(SPEECH_RATE_HZ, dtype=np.float32)


class Slow(ScriptedDialogue):
    """Computes its system line in so many steps, and fails at one of them if told so."""

    def __init__(self, steps: int, *, fails_at: int | None = None) -> None:
        super().__init__(ScriptedModel(["Yes."]), Persona())
        self.steps, self.fails_at = steps, fails_at
        self.done, self.is_closed, self.done_before_hearing = 0, False, -1

    def prefill(self) -> Iterator[None]:
        try:
            while self.done < self.steps:
                if self.done == self.fails_at:
                    raise EngineFailed("the scripted model broke: try again")
                self.done += 1
                yield
        finally:
            self.is_closed = True

    def hear(self, utterance, cancel):  # type: ignore[no-untyped-def]
        if self.done_before_hearing < 0:
            self.done_before_hearing = self.done
        return super().hear(utterance, cancel)


def held(dialogue: Slow, sound=SILENCE, **options) -> Talk:  # type: ignore[no-untyped-def]
    return talk(sound, engines=scripted(dialogue.model), dialogue=dialogue, **options)


def test_a_system_line_is_computed_before_anybody_speaks() -> None:
    dialogue = Slow(4)
    held(dialogue, speech_like((0.5, 1.5), length_s=4.0))
    assert dialogue.done_before_hearing == 4 and dialogue.is_closed


async def under_way(dialogue: Slow, act: Callable[[Prefill, Worker], Awaitable[None]]) -> None:
    """Begins to compute, and does something meanwhile, in real time."""
    worker = Worker("model")
    prefill = Prefill(worker)
    try:
        async with asyncio.TaskGroup() as group:
            prefill.begin(group, lambda _gives_way: dialogue.prefill())
            await worker.call(lambda: None)
            await act(prefill, worker)
            prefill.end()
    finally:
        await asyncio.to_thread(worker.close)


def test_a_talk_that_ends_meanwhile_does_not_wait_for_it() -> None:
    dialogue = Slow(10**9)

    async def act(prefill: Prefill, worker: Worker) -> None:
        pass

    asyncio.run(under_way(dialogue, act))
    assert dialogue.done < dialogue.steps and dialogue.is_closed == (dialogue.done > 0)


def test_any_other_step_goes_first() -> None:
    dialogue = Slow(10**9)
    seen: list[int] = []

    async def act(prefill: Prefill, worker: Worker) -> None:
        for _ in range(3):
            seen.append(await worker.call(lambda: dialogue.done))

    asyncio.run(under_way(dialogue, act))
    # Between two steps that somebody waits for at most the one under way and the next are computed.
    assert all(later - earlier <= 2 for earlier, later in pairwise(seen))


def test_one_that_fails_leaves_it_to_the_first_turn() -> None:
    dialogue = Slow(4, fails_at=2)
    result = held(dialogue, speech_like((0.5, 1.5), length_s=4.0))
    assert [turn.heard for turn in result.history.turns] == ["Yes."]
