"""Questions that nobody says at the microphone of a live talk: typed words and recorded sound."""

import asyncio
from collections.abc import Callable

from assistant.audio.waveform import Waveform
from assistant.conversation.conversation import Conversation
from assistant.conversation.live.listening import Listening
from assistant.conversation.live.turn_taking import TurnTaking
from assistant.conversation.live.typed import MOST_AHEAD, Typed, WaitingSince
from assistant.conversation.question import Question, SaidSpan


class AskedQuestions:
    """Has them answered as if they had just been said, in turn with what is said."""

    def __init__(
        self,
        conversation: Conversation,
        listening: Listening,
        turns: TurnTaking,
        *,
        is_open: Callable[[], bool],
    ) -> None:
        """Asks in `conversation`, of which `is_open` says whether it has begun and is not over."""
        self._conversation = conversation
        self._listening = listening
        self._turns = turns
        self._is_open = is_open
        self._typed = Typed()
        self._sounds: set[asyncio.Task[bool]] = set()
        self._looked = asyncio.Event()

    @property
    def is_waiting(self) -> bool:
        """Whether something is not asked yet."""
        return bool(self._sounds or self._typed)

    def type_text(self, text: str, words: str) -> None:
        """Answers `text`, of which the person typed `words`; what is being said goes first."""
        self._typed.add(text, words, self._conversation.clock_s)
        # Else `look` answers it, with every frame.
        if self._is_open() and self._turns.is_idle:
            self._answer_typed()

    def look(self) -> None:
        """Answers what was typed while somebody spoke, once that is answered."""
        self._wake()
        waiting = self._typed.waiting
        if not self._typed or not self._is_quiet(waiting):
            return
        if self._turns.replies.is_idle or waiting.outlasts_answer(self._conversation.clock_s):
            self._answer_typed()

    async def at_rest(self) -> None:
        """Returns when nobody speaks, and all answers that were begun are heard.

        A turn that does not end is ended for it, so that it is answered too.
        """
        await self._turns.replies.at_rest()
        for _ in range(MOST_AHEAD):
            if self._turns.is_idle or not self._is_open():
                return
            waiting = WaitingSince(self._conversation.clock_s)
            while self._is_open() and not self._is_quiet(waiting):
                await self._looked.wait()
            await self._turns.replies.at_rest()

    def end(self) -> None:
        """The talk is over: nobody waits for its frames any more."""
        self._wake()

    def _wake(self) -> None:
        self._looked.set()
        self._looked.clear()

    def _is_quiet(self, waiting: WaitingSince) -> bool:
        """Returns whether nobody speaks; a turn that outlasts what is waiting is ended."""
        turns = self._turns
        if not turns.is_idle and waiting.outlasts_speech(self._conversation.clock_s, turns.turn_s):
            turns.finish()
        return turns.is_idle

    def _answer_typed(self) -> None:
        text, words = self._typed.take()
        self._ask(None, text=text, words=words)

    async def spoken_part(self, sound: Waveform) -> Waveform | None:
        """Returns what of 16 kHz `sound` is speech, or None; see `assistant.turns.speech_gate`."""
        return await self._listening.spoken_part(sound, self._turns.settings.endpointing)

    def ask(
        self, sound: Waveform, said: SaidSpan | None, *, is_spoken: bool
    ) -> "asyncio.Task[bool]":
        """Answers recorded sound; see `TalkLoop.ask`."""
        task = asyncio.get_running_loop().create_task(self._ask_spoken(sound, said, is_spoken))
        self._sounds.add(task)
        task.add_done_callback(self._sounds.discard)
        return task

    async def _ask_spoken(self, sound: Waveform, said: SaidSpan | None, is_spoken: bool) -> bool:
        part = sound if is_spoken else await self.spoken_part(sound)
        if part is not None:
            self._ask(part, said=said)
        return part is not None

    def _ask(
        self,
        utterance: Waveform | None,
        *,
        text: str = "",
        words: str = "",
        said: SaidSpan | None = None,
    ) -> None:
        if not self._is_open():
            return
        turns, replies, now = self._turns, self._turns.replies, self._conversation.clock_samples
        # What is being said is a turn as far as it goes: its words are kept, and whoever goes on
        # speaking interrupts this answer.
        turns.finish()
        replies.forget_question()
        replies.interrupt()
        now_s = asyncio.get_running_loop().time()
        # Sound that was recorded elsewhere has no place on this clock: it is taken to end now.
        start = max(0, now - (0 if utterance is None else len(utterance)))
        is_recorded = utterance is not None
        replies.prepare(
            Question(replies.next_turn, utterance, text, start, now, now_s, words, is_recorded)
        )
        said = said or SaidSpan.of_samples(start, now)
        replies.end_turn(said, said.end_s, "typed" if utterance is None else "asked")
