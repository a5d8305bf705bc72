"""The replies of one conversation: at most one under way, the model kept in step with it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from assistant import events
from assistant.audio.protocols import Speaker
from assistant.conversation.conversation import Conversation
from assistant.conversation.question import Question, SaidSpan
from assistant.conversation.reply_task import Reply
from assistant.turns.marks import Floor

ENDING_S = 0.6
"""What is left of an answer that is about to end, so that a word which begins now belongs to what
comes after it. People begin to answer up to half a second early; a word is noticed 0.1 s late."""


@dataclass(frozen=True, slots=True)
class BargeIn:
    """Speech of the person while an answer is under way."""

    onset_samples: int
    """Where it sets in on the audio clock."""
    claims: bool = False
    """Whether it is a word to the assistant, such as "stop": said to an answer that is heard, it is
    not the rest of the question."""
    was_yielded_to: bool = False
    """Whether the assistant fell silent for it: it would have to speak again, over the person, for
    an answer that is about to end to be heard to its last word."""


@dataclass(frozen=True, slots=True)
class _CutOff:
    """Where an answer was cut off."""

    heard: str
    unheard_samples: int
    """Of speech that was ready, on the speaker's clock."""


class Replies:
    """Begins, commits, withdraws and interrupts replies."""

    def __init__(
        self,
        conversation: Conversation,
        speaker: Speaker,
        group: asyncio.TaskGroup,
        *,
        rejoin_samples: Callable[[], int],
    ) -> None:
        """Runs its replies as tasks of `group`.

        A person who goes on within `rejoin_samples` was answered too soon: see `barge_in`.
        """
        self._rejoin_samples = rejoin_samples
        self._conversation = conversation
        self._speaker = speaker
        self._dialogue = conversation.memory.dialogue
        self._emit = conversation.emit
        self._group = group
        self._current: Reply | None = None
        self._latest: Reply | None = None
        self._task: asyncio.Task[None] | None = None
        self._settling: asyncio.Task[None] | None = None
        self._next_turn = 0
        self._joined_start: int | None = None

    @property
    def is_idle(self) -> bool:
        """Whether no reply is under way."""
        return self._current is None

    @property
    def is_prepared(self) -> bool:
        """Whether a reply is being prepared for a turn that may still go on."""
        return self._current is not None and not self._current.is_committed

    @property
    def completeness(self) -> float | None:
        """Probability that the paused utterance is a whole turn, once it is known."""
        return self._current.completeness if self._current is not None else None

    @property
    def is_unheard(self) -> bool:
        """Whether an answer is under way of which nothing was heard yet."""
        return self._current is not None and not self._current.is_audible

    @property
    def unheard_start(self) -> int | None:
        """Where the sound of a question begins that nothing was heard of in answer, if any."""
        if self._current is not None and self.is_unheard:
            return self._current.question.start_samples
        return self._joined_start

    @property
    def answered(self) -> Reply | None:
        """The answer that is being spoken, or was spoken last; None where there is none yet."""
        return self._latest

    def floor(self, now: int) -> Floor:
        """Returns who has the floor for speech that sets in at `now`, on the audio clock.

        The assistant is taken to be in the room: with a reply under way it speaks.
        """
        reply = self._current
        if reply is None or not reply.is_committed:
            return Floor.ECHO
        if self._is_ending(reply):
            return Floor.OFFERED if reply.asks else Floor.ENDING
        return Floor.TAKEN if self._was_soon(reply, now) else Floor.HELD

    def _was_soon(self, reply: Reply, onset_samples: int) -> bool:
        """Returns whether speech that sets in then may be the rest of the question."""
        question = reply.question
        if question.is_whole:
            return False
        return onset_samples - question.speech_end_samples <= self._rejoin_samples()

    def _is_ending(self, reply: Reply) -> bool:
        """Returns whether little is left of an answer of which as much was heard."""
        # A reply of a word or two is near its end from its first sample on: who speaks then has not
        # heard it, and does not answer it.
        least = ENDING_S * self._speaker.sample_rate
        is_left = self._speaker.queued_samples <= least
        return reply.is_made and is_left and reply.played_samples >= least

    @property
    def next_turn(self) -> int:
        """Index of the turn that is answered next."""
        return self._next_turn

    async def at_rest(self) -> None:
        """Returns when no reply is under way any more."""
        while (task := self._task) is not None and not task.done():
            await asyncio.wait({task})

    async def settled(self) -> None:
        """Returns when the model is in step with what was heard of answers that were cut off."""
        while (settling := self._settling) is not None and not settling.done():
            await asyncio.wait({settling})

    def prepare(self, question: Question) -> Reply:
        """Begins the reply to `question`; nothing of it is seen or heard until `commit`."""
        reply = Reply(question, self._conversation, self._speaker)
        self._current = reply
        self._task = self._group.create_task(self._run(reply, self._settling))
        return reply

    def commit(self) -> None:
        """The turn is over: the prepared reply may be seen and heard."""
        if self._current is not None:
            self._next_turn = self._current.question.turn + 1
            self._joined_start = None
            self._latest = self._current
            self._current.commit()

    def end_turn(self, said: SaidSpan, speech_end_s: float, reason: str) -> None:
        """Tells that the turn is over of which a reply is prepared, and lets that go ahead.

        Args:
            said: Where the turn lies, its tail included.
            speech_end_s: Its last sample of speech on the audio clock.
            reason: Why it is over, see `UtteranceEnded`.
        """
        turn, start_s, end_s = self._next_turn, said.start_s, said.end_s
        # Before `commit`, which tells what was held back: all of that names this turn.
        self._emit(
            lambda at_s: events.UtteranceEnded(at_s, turn, start_s, end_s, speech_end_s, reason)
        )
        self.commit()

    def withdraw(self) -> None:
        """The person went on: forgets the reply under way, if it is not committed."""
        if self.is_prepared:
            self._end(self._dialogue.withdraw, forget=True)

    def forget_question(self) -> None:
        """The person's turn under way is void, with what it would have been joined to."""
        self.withdraw()
        self._joined_start = None

    def correct_heard(self, turn: int, played_samples: int) -> str | None:
        """Keeps of the last answer only its first `played_samples`; returns their words.

        Returns None, and changes nothing, where `turn` is not the one answered last.
        """
        reply = self._latest
        if reply is None or reply.question.turn != turn or self.is_prepared:
            return None
        heard = reply.heard_within(played_samples)
        unheard = self._speaker.clear() if self._current is reply else 0
        settle = partial(self._dialogue.truncate, heard)
        # An answer that is over has no task to stop, but the step it asks of the model waits its
        # turn.
        if self._current is reply:
            self._end(settle)
        else:
            self._settling = self._group.create_task(self._settle(reply, settle, self._settling))
        self._report(reply, _CutOff(heard, unheard))
        return heard

    def interrupt(self) -> None:
        """Cuts off the answer by an order: a key, or another question."""
        if (reply := self._to_be_cut()) is not None:
            self._cut(reply, self._silence(reply))

    def barge_in(self, speech: BargeIn) -> bool:
        """The person takes the floor by speaking: cuts off the answer, or lets it end.

        Speech goes on with the question where nothing was heard of the answer, or where the pause
        before it was so short that the answer came too soon. With recorded sound nobody goes on:
        that stays as it was asked.

        Returns:
            Whether it does: the answer was begun in a pause, and both parts are one turn.
        """
        reply = self._to_be_cut()
        if reply is None:
            return False
        continues = not reply.is_audible or self._was_soon(reply, speech.onset_samples)
        # A question at the end of an answer asks for this very speech, however soon that comes.
        is_after = reply.asks or not continues
        if is_after and not speech.was_yielded_to and self._is_ending(reply):
            self._let_end()
            return False
        is_rest = not speech.claims or not reply.is_audible
        may_go_on = is_rest and not reply.question.is_recorded
        cut = self._silence(reply)
        # Nothing heard is no answer yet, so that speech goes on with its question. Cut off by an
        # order, the question stays as it was asked.
        if may_go_on and (continues or not cut.heard):
            self._join(reply, cut.heard)
            return True
        self._cut(reply, cut)
        return False

    def _to_be_cut(self) -> Reply | None:
        """Returns the answer under way; one of which nothing can be cut off is let go."""
        reply = self._current
        if reply is None:
            return None
        if not reply.is_committed:
            self.withdraw()
            return None
        if reply.is_over:
            # The next answer begins after its task.
            self._let_end()
            return None
        return reply

    def _silence(self, reply: Reply) -> _CutOff:
        # Silence first: the person waits for it, while a step of the engines may take long. What
        # was heard is read after it, when not a sample more can be played.
        unheard = self._speaker.clear()
        return _CutOff(reply.heard(), unheard)

    def _cut(self, reply: Reply, cut: _CutOff) -> None:
        """Stops the engines of a reply that is silent."""
        self._end(partial(self._dialogue.truncate, cut.heard))
        self._report(reply, cut)

    def _let_end(self) -> None:
        """The reply under way ends by itself; the next one begins after its last word."""
        self._current = None
        self._settling = self._task

    def _report(self, reply: Reply, cut: _CutOff) -> None:
        self._emit(
            partial(
                events.Interrupted,
                turn=reply.question.turn,
                heard=cut.heard,
                generated=reply.generated.strip(),
                unheard_s=cut.unheard_samples / self._speaker.sample_rate,
                underruns=reply.underruns,
            )
        )

    def _join(self, reply: Reply, heard: str) -> None:
        # Sound goes on from sound alone: typed words that speech cut off are given back to the
        # person by page and terminal.
        if reply.question.utterance is not None:
            self._joined_start = reply.question.start_samples
            self._next_turn = reply.question.turn
        self._end(self._dialogue.withdraw, forget=True)
        self._emit(partial(events.UtteranceJoined, turn=reply.question.turn, heard=heard))

    def _end(self, settle: Callable[[], None], *, forget: bool = False) -> None:
        """Stops the reply under way; the model is put in step once its last step is done.

        With `forget` the question goes too; otherwise its words are still taken in.
        """
        reply, task = self._current, self._task
        assert reply is not None and task is not None
        self._current = None
        # The flag before the task: engines look at it within a step, and a task that is cancelled
        # alone leaves their thread at work until the step is done.
        reply.stop(forget=forget)
        task.cancel()
        # A chain: after the reply that it ends and after what was settled before, so that the model
        # takes all of it in the order in which it happened.
        self._settling = self._group.create_task(self._settle(reply, settle, task, self._settling))

    async def _settle(
        self, reply: Reply, settle: Callable[[], None], *after: asyncio.Task[None] | None
    ) -> None:
        """Runs `settle` on the model's worker, once the tasks it follows are over."""
        pending = {task for task in after if task is not None}
        if pending:
            # `wait` takes a task that was cancelled or failed for over, too.
            await asyncio.wait(pending)
        await reply.settle(settle)

    async def _run(self, reply: Reply, settling: asyncio.Task[None] | None) -> None:
        if settling is not None:
            # Else the question would stand behind words in the model that nobody heard. By `wait`,
            # which does not cancel what it waits for: a reply that is withdrawn here must not stop
            # that.
            await asyncio.wait({settling})
        await reply.run()
        if self._current is reply:
            self._current = None
