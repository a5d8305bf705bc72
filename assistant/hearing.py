"""What the person said: how it sounds at once, the words and whether it was all beside the reply.

Most models answer what they hear, not what is written down: the first sentence of the reply then
comes first, and the words after it. They are still wanted where the person cuts the reply short.
"""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from assistant import events
from assistant.audio import Waveform
from assistant.engines.protocols import (
    SHORTENED,
    Cancel,
    CompletenessScorer,
    EmotionEstimate,
    Shortens,
    Transcript,
)
from assistant.errors import EngineFailed
from assistant.reply_parts import Emit, Question, ReplyParts
from assistant.turn_judges import together
from assistant.worker import Due, Stream

WORDS_AFTER_S = 1.0
"""How much longer the words of a finished turn may take than its answer."""


class Hearing:
    """One question on its way into the model; `begin`, then `go_on`, and `end` in any case."""

    def __init__(
        self,
        question: Question,
        parts: ReplyParts,
        emit: Emit,
        *,
        mark: Callable[[str], None],
        due: Due,
    ) -> None:
        """Publishes what is heard by `emit` and notes the times of its stages by `mark`.

        `due` says by when the answer is wanted.
        """
        self.words = Transcript("")
        """The person's words, once they are known."""
        self.completeness: float | None = None
        """Probability that the utterance is a whole turn, once it is known."""
        self.is_over = False
        """Whether the person's turn is over, so that its completeness need not be known."""
        self.is_taken_in = False
        """Whether the model was given anything of the question; belongs to its worker."""
        self._question = question
        self._parts = parts
        self._emit = emit
        self._mark = mark
        self._due = due
        self._unwanted = Cancel()
        self._items: Stream[EmotionEstimate | Transcript] | None = None
        self._rest: asyncio.Task[None] | None = None
        self._is_failure_told = False

    async def begin(self) -> EmotionEstimate | None:
        """Returns how the question sounds, as soon as the model can answer it.

        Returns None for a typed question.

        Raises:
            EngineFailed: The model broke.
        """
        estimate = await self._begin()
        dialogue = self._parts.dialogue
        if isinstance(dialogue, Shortens) and dialogue.is_shortened:
            self._emit(partial(events.Noticed, message=SHORTENED, is_warning=False))
        return estimate

    async def _begin(self) -> EmotionEstimate | None:
        parts, utterance = self._parts, self._question.utterance
        if utterance is None:
            await parts.model_worker.call(self._read, due=self._due)
            self.words = Transcript(self._question.text, source="typed")
            self._publish_words()
            return None
        self._items = parts.model_worker.stream(
            partial(self._hear, utterance), ahead=0, due=self._rest_due
        )
        async for item in self._items:
            if isinstance(item, EmotionEstimate):
                return self._sounds(item)
            self._reads(item)
        return None

    def _read(self) -> None:
        self.is_taken_in = True
        self._parts.dialogue.read(self._question.text)

    def _hear(self, utterance: Waveform) -> Iterator[EmotionEstimate | Transcript]:
        self.is_taken_in = True
        return self._parts.dialogue.hear(utterance, self._unwanted)

    def _rest_due(self) -> float:
        """Words are wanted soon only where they say whether the turn is over."""
        is_rest = self._rest is not None
        return self._due() + (WORDS_AFTER_S if is_rest and self.is_over else 0.0)

    def go_on(self) -> None:
        """Takes in the rest beside the reply."""
        if self._rest is None:
            self._rest = asyncio.create_task(self._take_rest())

    async def finish(self) -> None:
        """Waits until all is taken in.

        Raises:
            EngineFailed: The model broke meanwhile.
        """
        self.go_on()
        assert self._rest is not None
        try:
            await asyncio.shield(self._rest)
        except EngineFailed:
            self._is_failure_told = True
            raise

    def forget(self) -> None:
        """The person went on: nothing of this is wanted any more."""
        self._unwanted.set()

    async def end(self) -> None:
        """Takes the rest in where it is still wanted, and lets go of the model.

        Raises:
            EngineFailed: The model broke meanwhile.
        """
        try:
            if not self._unwanted.is_set() and not self._is_failure_told:
                await self.finish()
        finally:
            if self._items is not None:
                self._items.close()
            if self._rest is not None:
                await _stopped(self._rest)

    async def _take_rest(self) -> None:
        by_sound = await self._score(self._parts.judges.by_sound)
        self.completeness = by_sound
        if self._items is not None:
            async for item in self._items:
                if isinstance(item, Transcript):
                    self._reads(item)
                else:
                    self._sounds(item)
        by_words = await self._score(self._parts.judges.by_words)
        self.completeness = together(by_sound, by_words, self.words)

    async def _score(self, judge: CompletenessScorer | None) -> float | None:
        """Returns what `judge` says of the question, if there is one and it is still asked."""
        utterance = self._question.utterance
        if judge is None or utterance is None or self.is_over:
            return None
        score = partial(judge.score, utterance, self.words)
        completeness = await self._parts.model_worker.call(score, due=self._due)
        self._mark("completeness")
        return completeness

    def _sounds(self, estimate: EmotionEstimate) -> EmotionEstimate:
        self._mark("heard")
        estimate = self._parts.prior.apply(estimate)
        heard: dict[str, Any] = {"turn": self._question.turn, "estimate": estimate}
        self._emit(partial(events.EmotionHeard, **heard))
        return estimate

    def _reads(self, words: Transcript) -> None:
        self._mark("words")
        self.words = words
        self._publish_words()

    def _publish_words(self) -> None:
        turn, transcript = self._question.turn, self.words
        self._emit(partial(events.WordsHeard, turn=turn, transcript=transcript))


async def _stopped(task: asyncio.Task[None]) -> None:
    """Stops `task`; raises what it died of, engines excepted, whose work is not wanted any more."""
    task.cancel()
    await asyncio.wait({task})
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, EngineFailed):
        raise error
