"""What was said in a live talk, as questions: prepared in a pause, answered at its end."""

import asyncio
from collections.abc import Sequence

import numpy as np

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.conversation.conversation import Conversation
from assistant.conversation.live.listening import Listening
from assistant.conversation.live.replies import Replies
from assistant.conversation.question import Question, SaidSpan
from assistant.turns.marks import TurnMark


class SaidQuestions:
    """Makes a question of what a mark says was said, with what it goes on from."""

    def __init__(self, conversation: Conversation, listening: Listening, replies: Replies) -> None:
        """Has `replies` answer what `listening` keeps, on the clock of `conversation`."""
        self._conversation = conversation
        self._listening = listening
        self._replies = replies

    def start_of(self, mark: TurnMark) -> int:
        """Returns where the question begins: earlier than `mark` where it was answered too soon."""
        start = self._replies.unheard_start
        return mark.start_samples if start is None else start

    def prepare(self, mark: TurnMark) -> None:
        """Has an answer made to what was said so far; nothing of it is seen or heard."""
        sound = self._listening.cut(self.start_of(mark), mark.end_samples)
        self._replies.prepare(self._question(mark, sound))

    def answer(self, mark: TurnMark) -> None:
        """The turn is over: lets the reply that was prepared in its last pause go ahead."""
        # Without a pause before its end, cut by hand or at its longest, nothing is prepared yet.
        if not self._replies.is_prepared:
            self.prepare(mark)
        self._end(mark)

    def answer_sounds(self, mark: TurnMark, sounds: Sequence[Waveform]) -> None:
        """The turn is over, of which only `sounds` are to be heard."""
        # Nothing but what a question that is joined to this one has before it.
        before = self._listening.cut(self.start_of(mark), mark.start_samples)
        self._replies.prepare(self._question(mark, np.concatenate([before, *sounds])))
        self._end(mark)

    def _question(self, mark: TurnMark, utterance: Waveform) -> Question:
        # Counted back from now: the audio clock does not tell the event loop's time, by which
        # latencies are measured.
        silence = self._conversation.clock_samples - mark.speech_end_samples
        return Question(
            turn=self._replies.next_turn,
            utterance=utterance,
            text="",
            start_samples=self.start_of(mark),
            speech_end_samples=mark.speech_end_samples,
            speech_end_s=asyncio.get_running_loop().time() - silence / SPEECH_RATE_HZ,
        )

    def _end(self, mark: TurnMark) -> None:
        said = SaidSpan.of_samples(self.start_of(mark), mark.end_samples)
        speech_end_s = mark.speech_end_samples / SPEECH_RATE_HZ
        self._replies.end_turn(said, speech_end_s, str(mark.reason))
