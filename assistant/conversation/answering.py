"""Questions that are there already, recorded or typed, answered one after the other.

Nobody interrupts and nobody waits: each answer is made to its end, as fast as the engines can, and
"pause" is a word like others.
All else is as in a live talk, for the answer is made by the same `Reply`.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from assistant import events
from assistant.audio.clip_speaker import ClipSpeaker
from assistant.audio.waveform import SPEECH_RATE_HZ, AudioClip
from assistant.conversation.conversation import Conversation
from assistant.conversation.question import Question
from assistant.conversation.reply_task import Reply
from assistant.engines.protocols import EmotionEstimate, SpeakingStyle, Transcript
from assistant.safety import Help
from assistant.turns.cutter import SpokenTurn


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one question."""

    turn: int
    estimate: EmotionEstimate | None
    """How it sounds; None for a typed one."""
    words: Transcript
    reply: str
    style: SpeakingStyle
    marks_ms: Mapping[str, float]
    """Milliseconds since the question was handed over, by `Mark`."""
    source: str
    """Who made the reply; see `TextDelta.source`."""
    help: Help | None = None
    """What was said instead of a reply of the model's, to a person in danger."""


class Answering:
    """Holds a conversation by its questions; one at a time."""

    def __init__(self, conversation: Conversation) -> None:
        """Begins with the first turn of `conversation`."""
        self._conversation = conversation
        # Each question is there to be answered: nothing that follows may be passed over.
        conversation.memory.controls.can_pause = False
        self._next_turn = 0

    async def answer(
        self, question: SpokenTurn | str, speak: Callable[[AudioClip], None]
    ) -> Answer:
        """Answers a spoken or a typed question; `speak` gets each clip as soon as it exists.

        Raises:
            EngineFailed: The model or the voice broke; the conversation can go on.
        """
        asked = self._question(question)
        speaker = ClipSpeaker(speak, sample_rate=self._conversation.engines.voice.sample_rate)
        reply = Reply(asked, self._conversation, speaker)
        self._tell_over(asked)
        # Before it runs: a question that is there already cannot go on, so that nothing is held
        # back.
        reply.commit()
        await self._run(reply)
        if reply.failure is not None:
            raise reply.failure
        hearing = reply.hearing
        return Answer(
            asked.turn,
            hearing.estimate,
            hearing.words,
            reply.generated.strip(),
            reply.style or SpeakingStyle(),
            reply.marks_ms,
            reply.source,
            hearing.help,
        )

    async def _run(self, reply: Reply) -> None:
        """Makes the answer; where nobody waits for it any more, the question is forgotten."""
        task = asyncio.create_task(reply.run())
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            # As in a talk (`Replies._end`): stop the engines, wait until the task is over, and only
            # then put the model in step.
            reply.stop(forget=True)
            task.cancel()
            await asyncio.wait({task})
            await reply.settle(self._conversation.memory.dialogue.withdraw)
            raise

    def _question(self, question: SpokenTurn | str) -> Question:
        """Returns it with its place on the conversation's clock, which goes on by its sound."""
        turn, self._next_turn = self._next_turn, self._next_turn + 1
        start, now_s = self._conversation.clock_samples, asyncio.get_running_loop().time()
        if isinstance(question, str):
            return Question(turn, None, question, start, start, now_s, question)
        end = self._conversation.clock_samples = start + len(question.waveform)
        return Question(turn, question.waveform, "", start, end, now_s, is_recorded=True)

    def _tell_over(self, asked: Question) -> None:
        start_s = asked.start_samples / SPEECH_RATE_HZ
        end_s = asked.speech_end_samples / SPEECH_RATE_HZ
        over = partial(
            events.UtteranceEnded,
            turn=asked.turn,
            start_s=start_s,
            end_s=end_s,
            speech_end_s=end_s,
            reason="typed" if asked.utterance is None else "asked",
        )
        self._conversation.emit(over)
