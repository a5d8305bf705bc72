"""What the person said: how it sounded, the words, and whether it was all.

Voice and words are known before the reply is begun, although most models answer the sound and
would not need to be told the words: who speaks of danger to life must not be answered before
that is known (see `assistant.safety`). Whether the turn is over is judged beside the reply.
"""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from assistant import events
from assistant.audio.waveform import Waveform
from assistant.conversation.conversation import Conversation
from assistant.conversation.question import Emit, Question
from assistant.conversation.remembering import MemoryRequest
from assistant.conversation.time_marks import Mark
from assistant.engines.protocols import (
    SHORTENED,
    Cancel,
    CompletenessScorer,
    EmotionEstimate,
    Transcript,
)
from assistant.errors import EngineFailed
from assistant.safety import Help, Stage
from assistant.turns.controls import Control
from assistant.turns.judges import together
from assistant.worker import Due, Stream


class Hearing:
    """One question on its way into the model; `begin`, then `go_on`, and `end` in any case."""

    def __init__(
        self,
        question: Question,
        conversation: Conversation,
        emit: Emit,
        *,
        mark: Callable[[Mark], None],
        due: Due,
    ) -> None:
        """Publishes what is heard by `emit` and notes the times of its stages by `mark`.

        `due` says by when the answer is wanted.
        """
        self.estimate: EmotionEstimate | None = None
        """How the question sounds, once it is known; None for a typed one."""
        self.words = Transcript("")
        """The person's words, once they are known."""
        self.help: Help | None = None
        """What is to be said instead of the model's reply, once the words are known."""
        self.control: Control | None = None
        """What the words ask of the talk itself, once they are known."""
        self.order: MemoryRequest | None = None
        """What the words ask of what is remembered between talks, once they are known."""
        self.is_passed_over = False
        """Whether the words are not for Attune, once they are known: the talk is paused."""
        self.completeness: float | None = None
        """Probability that the utterance is a whole turn, once it is known."""
        self.is_over = False
        """Whether the person's turn is over, so that its completeness need not be known."""
        self.is_taken_in = False
        """Whether the model was given anything of the question; belongs to its worker."""
        self._question = question
        self._engines = conversation.engines
        self._memory = conversation.memory
        self._emit = emit
        self._mark = mark
        self._due = due
        self._unwanted = Cancel()
        self._items: Stream[EmotionEstimate | Transcript] | None = None
        self._taking: asyncio.Task[None] | None = None
        self._judging: asyncio.Task[None] | None = None
        self._is_failure_told = False

    async def begin(self) -> None:
        """Takes the question in; then `estimate`, `words` and `help` are known.

        Raises:
            EngineFailed: The model broke.
        """
        self._taking = asyncio.create_task(self._take_in())
        await self._outcome(self._taking)
        if self._memory.dialogue.is_shortened:
            self._emit(partial(events.Noticed, message=SHORTENED, is_warning=False))

    def let_go(self) -> None:
        """Lets the model forget the question; runs on its worker."""
        self._memory.dialogue.withdraw()
        self.is_taken_in = False

    def go_on(self) -> None:
        """Judges beside the reply whether the turn is over."""
        if self._judging is None:
            self._judging = asyncio.create_task(self._judge())

    async def finish(self) -> None:
        """Waits until that is judged.

        Raises:
            EngineFailed: The model broke meanwhile.
        """
        self.go_on()
        assert self._judging is not None
        await self._outcome(self._judging)

    def forget(self) -> None:
        """The person went on: nothing of this is wanted any more."""
        self._unwanted.set()

    async def end(self) -> None:
        """Takes the question in to its end where it is still wanted, and lets go of the model.

        Raises:
            EngineFailed: The model broke meanwhile.
        """
        tasks = [task for task in (self._taking, self._judging) if task is not None]
        try:
            if not self._unwanted.is_set() and not self._is_failure_told:
                for task in tasks:
                    await self._outcome(task)
        finally:
            if self._items is not None:
                self._items.close()
            for task in tasks:
                await _stopped(task)

    async def _outcome(self, task: asyncio.Task[None]) -> None:
        """Waits for `task`, which goes on where the waiting is cut short."""
        try:
            await asyncio.shield(task)
        except EngineFailed:
            self._is_failure_told = True
            raise

    async def _take_in(self) -> None:
        utterance = self._question.utterance
        if utterance is None:
            await self._engines.model_worker.call(self._read, due=self._due)
            self._reads(Transcript(self._question.words, source="typed"))
            return
        # None ahead: between emotion and words the worker serves what is due sooner, and a question
        # that is withdrawn meanwhile costs no further step.
        self._items = self._engines.model_worker.stream(
            lambda: self._hear(utterance), ahead=0, due=self._due
        )
        async for item in self._items:
            if isinstance(item, EmotionEstimate):
                self._sounds(item)
            else:
                self._mark(Mark.WORDS)
                self._reads(item)

    def _read(self) -> None:
        # Set in the step itself: a question whose step never ran must not be taken back, for that
        # would take the one before it (`Reply.settle`).
        self.is_taken_in = True
        self._memory.dialogue.read(self._question.text)

    def _hear(self, utterance: Waveform) -> Iterator[EmotionEstimate | Transcript]:
        self.is_taken_in = True
        return self._memory.dialogue.hear(utterance, self._unwanted)

    async def _judge(self) -> None:
        by_sound = await self._score(self._engines.judge)
        # Told before the words are judged: the endpointer asks with every frame of the pause, and
        # the first score may be enough to end the turn.
        self.completeness = by_sound
        by_words = await self._score(self._memory.scorer)
        self.completeness = together(by_sound, by_words, self.words)

    async def _score(self, judge: CompletenessScorer | None) -> float | None:
        """Returns what `judge` says of the question, if there is one and it is still asked."""
        utterance = self._question.utterance
        # Nobody asks any more once the turn is over, and the step would delay the answer.
        if judge is None or utterance is None or self.is_over:
            return None
        score = partial(judge.score, utterance, self.words)
        completeness = await self._engines.model_worker.call(score, due=self._due)
        self._mark(Mark.COMPLETENESS)
        return completeness

    def _sounds(self, estimate: EmotionEstimate) -> None:
        self._mark(Mark.HEARD)
        self.estimate = self._memory.sounds(self._question.turn, estimate)
        if self._memory.controls.is_paused:
            return
        heard: dict[str, Any] = {"turn": self._question.turn, "estimate": self.estimate}
        self._emit(partial(events.EmotionHeard, **heard))

    def _reads(self, words: Transcript) -> None:
        """Takes the words, and what they call for; publishes both, typed words excepted."""
        turn = self._question.turn
        self.words = words
        self.help = self._memory.look(words.text, turn)
        controls = self._memory.controls
        # Danger first: it is heard in a pause, too.
        self.is_passed_over = self.help is None and controls.passes_over(words)
        if self.is_passed_over:
            self._emit(partial(events.PassedOver, turn=turn))
            return
        if self._question.utterance is not None:  # typed ones were told (`Reply.commit`)
            self._emit(partial(events.WordsHeard, turn=turn, transcript=words))
        match self.help:
            case Help(topic=topic, text=text, stage=Stage.BEGUN):
                self._emit(partial(events.HelpOffered, turn=turn, topic=topic, text=text))
            case Help(topic=topic, stage=Stage.OVER | Stage.MISTAKEN as stage):
                was_none = stage is Stage.MISTAKEN
                self._emit(partial(events.HelpEnded, turn=turn, topic=topic, was_none=was_none))
            case _:
                self.control = None if self.help else controls.look(words)
        if self.control is not None:
            self._emit(partial(events.ControlSpoken, turn=turn, control=self.control.value))
        elif self.help is None:
            self._remember(words)

    def _remember(self, words: Transcript) -> None:
        """Looks what is asked of what is remembered between talks."""
        turn, remembering = self._question.turn, self._memory.remembering
        self.order = order = remembering.look(words)
        if order is None:
            if fact := remembering.suggestion(words):
                self._emit(partial(events.FactSuggested, turn=turn, fact=fact))
        elif order.change is not None:
            change: dict[str, Any] = {"change": order.change.value, "fact": order.fact}
            self._emit(partial(events.MemoryChanged, turn=turn, **change))


async def _stopped(task: asyncio.Task[None]) -> None:
    """Stops `task`; raises what it died of, engines excepted, whose work is not wanted any more."""
    task.cancel()
    # `wait` does not raise what the task died of, which is looked at below.
    await asyncio.wait({task})
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, EngineFailed):
        raise error
