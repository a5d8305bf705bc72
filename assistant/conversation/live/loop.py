"""The real-time loop of one conversation: frames in, clips out, events to whoever listens.

The event loop owns all state here. Engines run on workers; nothing on the loop takes longer than
a fraction of a frame. Terminal, browser and file use the same loop with their own devices.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, closing
from functools import partial

import numpy as np

from assistant import events
from assistant.audio.protocols import Ends
from assistant.audio.waveform import SPEECH_RATE_HZ, AudioFrame, Waveform
from assistant.conversation.conversation import Conversation, EventListener
from assistant.conversation.earlier import Earlier
from assistant.conversation.live.asked_questions import AskedQuestions
from assistant.conversation.live.listening import Listening, Tap
from assistant.conversation.live.resumption import Resumption
from assistant.conversation.live.turn_taking import TurnTaking
from assistant.conversation.question import SaidSpan
from assistant.turns.settings import TalkSettings
from models.emotions import Emotion


class TalkLoop:
    """One conversation. `run` holds it; the other methods are what a person can do by key."""

    def __init__(self, conversation: Conversation, ends: Ends, settings: TalkSettings) -> None:
        """Prepares to hold `conversation`; `follow` tells who is to know of it, `run` starts it.

        Args:
            conversation: What is talked about, and with whom.
            ends: The devices.
            settings: How turns are taken.
        """
        self.conversation = conversation
        self._emit = conversation.emit
        self._listening = Listening(conversation, ends)
        # Entered by `run`: no reply can be begun before, nor after it.
        self._group = asyncio.TaskGroup()
        self._is_running = self._is_stopping = False
        self._turns = TurnTaking(conversation, self._listening, ends.speaker, self._group, settings)
        self._replies = self._turns.replies
        self._asked = AskedQuestions(
            conversation, self._listening, self._turns, is_open=lambda: self._is_running
        )
        self._resumption = Resumption(conversation, conversation.engines.model_worker)
        conversation.follow(self._learn)
        conversation.name_in_force({"patience": settings.patience.base, "turns": settings.turns})
        ends.follow_changes(self._device_changed)

    @property
    def clock_s(self) -> float:
        """Seconds of microphone sound so far."""
        return self.conversation.clock_s

    @property
    def is_spoken_to(self) -> bool:
        """Whether the person says something that may become a turn."""
        return self._is_running and not self._turns.is_idle

    @property
    def is_stopping(self) -> bool:
        """Whether the conversation has been asked to end."""
        return self._is_stopping

    def follow(self, listener: EventListener, tap: Tap | None = None) -> None:
        """Tells `listener` every event from now on, after those who follow already."""
        self.conversation.follow(listener)
        if tap is not None:
            self._listening.tap(tap)

    def go_on_from(self, earlier: Earlier, tell_model: Callable[[], None]) -> None:
        """This talk goes on from another; to be called before the first turn.

        Args:
            earlier: The other talk.
            tell_model: Tells the dialogue of it; runs on the model's worker, before any turn.
        """
        self._resumption.choose(earlier, tell_model)
        if self._is_running:
            self._go_on()

    def _go_on(self) -> None:
        self._group.create_task(self._resumption.tell_model())
        self._resumption.announce(self._replies.next_turn)

    def _device_changed(self, message: str, lost: bool) -> None:
        self.conversation.publish(events.DeviceChanged(self.clock_s, message, lost))

    async def run(self) -> None:
        """Holds the conversation until the input ends or `stop` is called.

        Raises:
            DeviceError: A device was lost and did not come back.
            ExceptionGroup: Several things broke at once: a bug.
        """
        self.conversation.tell_opening()
        reason = "failed"
        try:
            async with self._group:
                self._is_running = True
                if self._resumption.is_wanted:
                    self._go_on()
                self.prefill()
                with closing(self._turns):
                    async with aclosing(self._frames()) as frames:
                        async for frame in frames:
                            await self._take(frame)
                # Asked to stop, a reply may still be under way: the group would wait for it to be
                # spoken out.
                self._replies.interrupt()
            reason = "stopped" if self._is_stopping else "input ended"
        except BaseExceptionGroup as errors:
            # One cause is raised as itself: callers tell a lost device from a bug by its type.
            if len(errors.exceptions) == 1:
                raise errors.exceptions[0] from None
            raise
        finally:
            self._is_running = False
            self._asked.end()
            self._emit(partial(events.ConversationEnded, reason=reason))

    def prefill(self) -> None:
        """Has the model compute what the dialogue begins with, before anything is said."""
        if self._is_running:
            dialogue = self.conversation.memory.dialogue
            self._turns.prefill.begin(self._group, lambda _gives_way: dialogue.prefill())

    def stop(self) -> None:
        """Ends the conversation at the next frame."""
        self._is_stopping = True

    def interrupt(self, *, keeps_unheard: bool = False) -> None:
        """Silences the assistant; not an answer that is still to begin, with `keeps_unheard`."""
        if keeps_unheard and self._replies.is_unheard:
            return
        self._turns.interrupt()

    def mute(self, muted: bool) -> None:
        """Closes or opens the microphone."""
        self._listening.is_muted = muted
        # Half of what is said across the change is not heard: the other half is no turn to answer.
        self.abandon_turn()
        self._emit(partial(events.Muted, muted=muted))

    def press(self, pressed: bool) -> None:
        """Push-to-talk: the key goes down or up."""
        self._turns.press(pressed)

    def tune(self, settings: TalkSettings) -> None:
        """Goes on with other settings."""
        self._turns.tune(settings)

    def prepare_again(self) -> None:
        """What is prepared for a turn that is not over yet is void: engines have changed."""
        self._replies.withdraw()

    def type_text(self, text: str, words: str | None = None) -> None:
        """Answers `text` as if it had been said; `words` of it are the person's, None for all.

        What is being said meanwhile is answered first: neither is lost. A turn that does not end
        is ended for it, and an answer that takes long is interrupted.
        """
        self._asked.type_text(text, text if words is None else words)

    def sound(self, start_s: float, end_s: float) -> Waveform:
        """Returns what was heard lately between two times on the audio clock, 16 kHz."""
        return self._listening.cut(round(start_s * SPEECH_RATE_HZ), round(end_s * SPEECH_RATE_HZ))

    async def spoken_part(self, sound: Waveform) -> Waveform | None:
        """Returns what of 16 kHz `sound` is speech, or None; see `assistant.turns.speech_gate`."""
        return await self._asked.spoken_part(sound)

    def ask(
        self, sound: Waveform, *, said: SaidSpan | None = None, is_spoken: bool = False
    ) -> asyncio.Task[bool]:
        """Answers what is spoken in recorded `sound` (16 kHz) as if it had just been said.

        What the person is saying is a turn as far as it goes, of which nothing is heard in answer:
        who would rather hear it to its end waits for `at_rest`.

        Args:
            sound: Of any kind; silence around speech is cut off.
            said: Where in this talk it was said; None where it was recorded elsewhere.
            is_spoken: Whether it is the spoken part already.

        Returns:
            A task, True where there was speech to answer.
        """
        return self._asked.ask(sound, said, is_spoken=is_spoken)

    async def at_rest(self) -> None:
        """Returns when nobody speaks, no answer is under way any more, and the last one was heard.

        A turn that does not end is ended for it, and who never stops is not waited for.
        """
        await self._asked.at_rest()

    async def settled(self) -> None:
        """Returns when the model has taken in what came of answers that were cut off."""
        await self._replies.settled()

    def end_turn(self) -> bool:
        """Ends the turn under way without waiting for silence; False where there is none."""
        in_turn = self._turns.in_turn
        self._turns.finish()
        return in_turn

    def abandon_turn(self) -> None:
        """Forgets the turn under way and what was prepared for it."""
        self._turns.abandon()

    def correct_heard(self, turn: int, played_samples: int) -> str | None:
        """The listener's side knows better how much of the answer to `turn` was played.

        Args:
            turn: The turn that was answered last.
            played_samples: Samples of its answer that were heard, on the speaker's clock.

        Returns:
            The words that were heard; None where `turn` is not the one answered last.
        """
        return self._replies.correct_heard(turn, played_samples)

    def correct_emotion(self, turn: int, emotion: Emotion) -> None:
        """Takes the person's word for how turn `turn` was meant."""
        self.conversation.correct_emotion(turn, emotion)

    async def _frames(self) -> AsyncGenerator[AudioFrame, None]:
        """Yields the microphone's frames, then silence until the last answer is over."""
        async with aclosing(self._listening.frames()) as frames:
            async for frame in frames:
                if self._is_stopping:
                    return
                yield frame
        # The input may end amid a turn: what was said until then is answered.
        self._turns.finish()
        size = self._listening.frame_samples
        while self._is_busy and not self._is_stopping:
            # As fast as sound comes: the clock, and all that waits by it, goes by frames alone.
            await asyncio.sleep(size / SPEECH_RATE_HZ)
            yield AudioFrame(np.zeros(size, dtype=np.float32), self.conversation.clock_samples)

    @property
    def _is_busy(self) -> bool:
        """Whether something is still to be answered."""
        return self._asked.is_waiting or not self._replies.is_idle

    async def _take(self, frame: AudioFrame) -> None:
        taken = await self._listening.take(frame)
        self._turns.take(taken)
        self._listening.measure(taken)
        self._turns.caption()
        self._asked.look()
        self._listening.notice_silence(frame)

    def _learn(self, event: events.Event) -> None:
        if isinstance(event, events.EmotionHeard):
            self._turns.learn(event)
        if self._listening.own_voice.learn(event):
            # Not from within this event, which belongs to the answer that is to end.
            asyncio.get_running_loop().call_soon(self.interrupt)
