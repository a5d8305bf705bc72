"""The real-time loop of one conversation: frames in, clips out, events to whoever listens.

The event loop owns all state here. Engines run on workers; nothing on the loop takes longer than
a fraction of a frame. Terminal, browser and file use the same loop with their own devices.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial

import numpy as np

from assistant import events
from assistant.audio.playout import level_db
from assistant.audio.protocols import Ends
from assistant.audio.waveform import SPEECH_RATE_HZ, AudioFrame, Waveform
from assistant.conversation.conversation import Conversation, EventListener
from assistant.conversation.earlier import Earlier
from assistant.conversation.live.captions import Captions
from assistant.conversation.live.ducking import Ducking
from assistant.conversation.live.listening import Listening, Tap
from assistant.conversation.live.pauses import Pauses
from assistant.conversation.live.prefill import Prefill
from assistant.conversation.live.replies import Replies
from assistant.conversation.live.resumption import Resumption
from assistant.conversation.live.typed import Typed
from assistant.conversation.question import Question, SaidSpan
from assistant.turns.ear import Heard
from assistant.turns.endpointing import Endpointer
from assistant.turns.interjections import InterjectionJudge
from assistant.turns.marks import Boundary, Floor, TurnMark, Verdict
from assistant.turns.push_to_talk import KeyChange, TalkKey
from assistant.turns.settings import TalkSettings
from assistant.turns.speech_gate import spoken_spans
from models.emotions import Emotion

IDLE_KEEP_S = 3.0
"""Sound kept while nobody speaks; more than any lead."""


class TalkLoop:
    """One conversation. `run` holds it; the other methods are what a person can do by key."""

    def __init__(self, conversation: Conversation, ends: Ends, settings: TalkSettings) -> None:
        """Prepares to hold `conversation`; `follow` tells who is to know of it, `run` starts it.

        Args:
            conversation: What is talked about, and with whom.
            ends: The devices.
            settings: How turns are taken.
        """
        engines = conversation.engines
        self.conversation = conversation
        self._settings = settings
        self._emit = conversation.emit
        self._listening = Listening(conversation, ends)
        # Entered by `run`: no reply can be begun before, nor after it.
        self._group = asyncio.TaskGroup()
        self._is_running = False
        self._pauses = Pauses(settings.patience, rejoin_ms=settings.rejoin_ms)
        self._replies = Replies(
            conversation, ends.speaker, self._group, rejoin_samples=self._pauses.rejoin_samples
        )
        conversation.follow(self._learn)
        conversation.name_in_force({"patience": settings.patience.base, "turns": settings.turns})
        # The model is asked for anew each time: it may be exchanged before the first turn.
        self._floor = InterjectionJudge(lambda: engines.model, engines.model_worker)
        self._endpointer = Endpointer(
            settings.endpointing,
            frame_samples=self._listening.frame_samples,
            completeness=lambda: self._replies.completeness,
            verdict=lambda: self._floor.verdict,
        )
        self._captions = Captions(
            lambda: engines.model,
            engines.model_worker,
            lambda text: self._emit(partial(events.CaptionHeard, text=text)),
        )
        self._way = Ducking(ends.speaker, self._emit, duck_db=lambda: self._settings.duck_db)
        self._key = TalkKey()
        self._is_stopping = False
        self._asking: set[asyncio.Task[bool]] = set()
        self._prefill = Prefill(conversation.memory.dialogue, engines.model_worker)
        self._resumption = Resumption(conversation, engines.model_worker)
        self._typed = Typed()
        ends.follow_changes(self._device_changed)

    @property
    def clock_s(self) -> float:
        """Seconds of microphone sound so far."""
        return self.conversation.clock_s

    @property
    def _clock(self) -> int:
        """Samples of it."""
        return self.conversation.clock_samples

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
                async with aclosing(self._frames()) as frames:
                    async for frame in frames:
                        await self._take(frame)
                # Asked to stop, a reply may still be under way: the group would wait for it to be
                # spoken out.
                self._replies.interrupt()
                self._prefill.end()
            reason = "stopped" if self._is_stopping else "input ended"
        except BaseExceptionGroup as errors:
            # One cause is raised as itself: callers tell a lost device from a bug by its type.
            if len(errors.exceptions) == 1:
                raise errors.exceptions[0] from None
            raise
        finally:
            self._is_running = False
            self._emit(partial(events.ConversationEnded, reason=reason))

    def prefill(self) -> None:
        """Has the model compute what the dialogue begins with, before anything is said."""
        if self._is_running:
            self._prefill.begin(self._group)

    def stop(self) -> None:
        """Ends the conversation at the next frame."""
        self._is_stopping = True

    def interrupt(self, *, keeps_unheard: bool = False) -> None:
        """Silences the assistant; not an answer that is still to begin, with `keeps_unheard`."""
        if keeps_unheard and self._replies.is_unheard:
            return
        if not self._replies.is_prepared:
            # Only what is heard can be silenced. The hold is taken off with it: it would keep the
            # next answer silent, too.
            self._replies.interrupt()
            self._way.speak_again()

    def mute(self, muted: bool) -> None:
        """Closes or opens the microphone."""
        self._listening.is_muted = muted
        # Half of what is said across the change is not heard: the other half is no turn to answer.
        self.abandon_turn()
        self._emit(partial(events.Muted, muted=muted))

    def press(self, pressed: bool) -> None:
        """Push-to-talk: the key goes down or up."""
        if self._settings.turns != "push-to-talk":
            return
        match self._key.move(pressed):
            case KeyChange.OPENED:
                self.interrupt()
            case KeyChange.FINISHED:
                self._finish_turn()
            case KeyChange.EMPTY:
                self.abandon_turn()
            case KeyChange.NOTHING:
                pass

    def tune(self, settings: TalkSettings) -> None:
        """Goes on with other settings."""
        self._settings = settings
        self._endpointer.settings = settings.endpointing
        self._pauses.tune(settings.patience, rejoin_ms=settings.rejoin_ms)

    def prepare_again(self) -> None:
        """What is prepared for a turn that is not over yet is void: engines have changed."""
        self._replies.withdraw()

    def type_text(self, text: str, words: str | None = None) -> None:
        """Answers `text` as if it had been said; `words` of it are the person's, None for all.

        What is being said meanwhile is answered first: neither is lost. A turn that does not end
        is ended for it, and an answer that takes long is interrupted.
        """
        self._typed.add(text, text if words is None else words, self.clock_s)
        # Else `_look_at_typed` answers it, which looks with every frame.
        if self._is_running and self._endpointer.is_idle:
            self._answer_typed()

    def _answer_typed(self) -> None:
        text, words = self._typed.take()
        self._ask(None, "typed", text=text, words=words)

    def _look_at_typed(self) -> None:
        """Answers what was typed while somebody spoke, once that is answered."""
        if not self._typed:
            return
        if not self._endpointer.is_idle:
            spoken_s = _seconds(self._endpointer.turn_samples)
            if not self._typed.outlasts_speech(self.clock_s, spoken_s):
                return
            self._finish_turn()
        if self._replies.is_idle or self._typed.outlasts_answer(self.clock_s):
            self._answer_typed()

    def sound(self, start_s: float, end_s: float) -> Waveform:
        """Returns what was heard lately between two times on the audio clock, 16 kHz."""
        return self._listening.cut(round(start_s * SPEECH_RATE_HZ), round(end_s * SPEECH_RATE_HZ))

    async def spoken_part(self, sound: Waveform) -> Waveform | None:
        """Returns what of 16 kHz `sound` is speech, or None; see `assistant.turns.speech_gate`."""
        return await self._listening.spoken_part(sound, self._settings.endpointing)

    def ask(
        self, sound: Waveform, *, said: SaidSpan | None = None, is_spoken: bool = False
    ) -> asyncio.Task[bool]:
        """Answers what is spoken in recorded `sound` (16 kHz) as if it had just been said.

        Args:
            sound: Of any kind; silence around speech is cut off.
            said: Where in this talk it was said; None where it was recorded elsewhere.
            is_spoken: Whether it is the spoken part already.

        Returns:
            A task, True where there was speech to answer.
        """
        task = asyncio.get_running_loop().create_task(self._ask_spoken(sound, said, is_spoken))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        return task

    async def _ask_spoken(self, sound: Waveform, said: SaidSpan | None, is_spoken: bool) -> bool:
        part = sound if is_spoken else await self.spoken_part(sound)
        if part is not None:
            self._ask(part, "asked", said=said)
        return part is not None

    async def at_rest(self) -> None:
        """Returns when no answer is under way any more, and the last one was heard."""
        await self._replies.at_rest()

    async def settled(self) -> None:
        """Returns when the model has taken in what came of answers that were cut off."""
        await self._replies.settled()

    def end_turn(self) -> bool:
        """Ends the turn under way without waiting for silence; False where there is none."""
        in_turn = self._endpointer.in_turn
        self._finish_turn()
        return in_turn

    def abandon_turn(self) -> None:
        """Forgets the turn under way and what was prepared for it."""
        for mark in self._endpointer.cancel():
            self._act(mark)
        self._way.go_on()
        self._replies.forget_question()

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

    def _ask(
        self,
        utterance: Waveform | None,
        reason: str,
        *,
        text: str = "",
        words: str = "",
        said: SaidSpan | None = None,
    ) -> None:
        if not self._is_running:
            return
        self.abandon_turn()
        self._replies.interrupt()
        now_s = asyncio.get_running_loop().time()
        turn = self._replies.next_turn
        # Whoever speaks now goes on with what was asked by this order. Sound that was recorded
        # elsewhere has no other place on this clock: it is taken to end now.
        start = max(0, self._clock - (0 if utterance is None else len(utterance)))
        self._replies.prepare(Question(turn, utterance, text, start, self._clock, now_s, words))
        said = said or SaidSpan(_seconds(start), self.clock_s)
        self._commit(said.start_s, said.end_s, said.end_s, reason)

    async def _frames(self) -> AsyncGenerator[AudioFrame, None]:
        """Yields the microphone's frames, then silence until the last answer is over."""
        async with aclosing(self._listening.frames()) as frames:
            async for frame in frames:
                if self._is_stopping:
                    return
                yield frame
        # The input may end amid a turn: what was said until then is answered.
        self._finish_turn()
        size = self._listening.frame_samples
        while self._is_busy and not self._is_stopping:
            # As fast as sound comes: the clock, and all that waits by it, goes by frames alone.
            await asyncio.sleep(size / SPEECH_RATE_HZ)
            yield AudioFrame(np.zeros(size, dtype=np.float32), self._clock)

    @property
    def _is_busy(self) -> bool:
        """Whether something is still to be answered."""
        return bool(self._asking or self._typed) or not self._replies.is_idle

    async def _take(self, frame: AudioFrame) -> None:
        taken = await self._listening.take(frame)
        heard = taken.heard
        # Before its marks are acted on: the utterance that they cut out may end with this frame.
        self._listening.keep(taken, self._kept_s())
        self._endpointer.patience = self._pauses.patience.factor
        self._endpointer.least_silence_ms = self._pauses.patience.least_silence_ms
        self._endpointer.least_beyond_doubt_ms = self._pauses.patience.least_known_ms
        for mark in self._endpointer.feed(
            self._probability(heard),
            floor=self._floor_now(),
            level_db=self._level_db(heard),
            is_withheld=heard.is_withheld,
        ):
            self._act(mark)
        self._listening.measure(taken)
        self._look_at_captions()
        self._look_at_typed()
        self._listening.notice_silence(frame)

    def _look_at_captions(self) -> None:
        # Nobody watches a file being read, and what is said in a pause is not for Attune.
        is_paused = self.conversation.memory.controls.is_paused
        if self._listening.is_watched and self._settings.captions and not is_paused:
            self._captions.look(self._clock, lambda start: self._listening.cut(start, self._clock))

    def _kept_s(self) -> float:
        """Returns how much sound is kept: as far back as a question may still begin."""
        replies = self._replies
        is_idle = replies.is_idle and replies.unheard_start is None
        # Also after the turn: who goes on while nothing was heard of the answer is joined to it,
        # and its sound is needed again.
        is_over = is_idle and self._endpointer.is_idle
        return IDLE_KEEP_S + (0.0 if is_over else self._settings.endpointing.longest_turn_s)

    def _probability(self, heard: Heard) -> float:
        if self._settings.turns == "open":
            is_deaf = self._listening.own_voice.is_deaf(self._clock, self._settings)
            return 0.0 if is_deaf else heard.probability
        threshold = self._settings.endpointing.start_threshold
        return self._key.probability(heard.probability, threshold=threshold)

    def _is_contested(self) -> bool:
        """Whether the assistant, or its echo, may be in the room."""
        return self._listening.own_voice.is_contested(self._clock, self._settings)

    def _floor_now(self) -> Floor:
        """Who else is heard, for speech that sets in now."""
        if not self._is_contested():
            return Floor.FREE
        return self._replies.floor(self._clock)

    def _level_db(self, heard: Heard) -> float | None:
        """The level by which voices are told apart; None where a key says whose turn it is."""
        return level_db(heard.samples) if self._settings.turns == "open" else None

    def _act(self, mark: TurnMark) -> None:
        start_s, end_s = _seconds(mark.start_samples), _seconds(mark.end_samples)
        contested = self._is_contested()
        match mark.boundary:
            case Boundary.STARTED:
                self._floor.forget()
                self._way.duck(contested)
                self._emit(lambda at_s: events.SpeechStarted(at_s, start_s, contested))
            case Boundary.YIELDED:
                self._way.fall_silent()
            case Boundary.BRIEF:
                self._ask_floor(mark)
            case Boundary.DROPPED:
                self._captions.end()
                self._way.go_on()
                self._emit(lambda at_s: events.SpeechDropped(at_s, start_s, end_s))
            case Boundary.CONFIRMED:
                self._emit(lambda at_s: events.SpeechConfirmed(at_s, start_s, contested))
                # Before captions begin: where the question begins is known once the answer is cut
                # or joined.
                self._take_floor(mark)
                self._captions.begin(self._start_of(mark))
            case Boundary.PAUSED:
                # The reply that is prepared now has the model read the same sound: it is not to
                # wait for that.
                self._captions.stop()
                self._pauses.begun(mark.speech_end_samples)
                if self._settings.answers:
                    self._replies.prepare(self._question(mark))
            case Boundary.RESUMED:
                self._pauses.ended(mark.speech_end_samples)
                self._replies.withdraw()
            case Boundary.ENDED if self._settings.turns == "push-to-talk":
                self._end_held(mark)
            case Boundary.ENDED if self._settings.answers:
                self._pauses.turn_ended()
                self._answer(mark)
            case Boundary.ENDED:  # whoever drives the loop decides what becomes of the turn
                self._pauses.turn_ended()
                self._captions.end()
                self._replies.forget_question()
                self._emit(lambda at_s: events.TurnHeld(at_s, start_s, end_s))

    def _ask_floor(self, mark: TurnMark) -> None:
        """Has brief words judged; by their sound without lead and tail, which hold echo anyway."""
        onset = mark.start_samples + _samples(self._settings.endpointing.lead_ms)
        self._floor.ask(
            self._listening.cut(mark.start_samples, mark.end_samples),
            self._listening.own_sound(onset, mark.speech_end_samples),
        )

    def _take_floor(self, mark: TurnMark) -> None:
        """The person has the floor: what was a pause of theirs is learnt before it is judged."""
        onset = mark.start_samples + _samples(self._settings.endpointing.lead_ms)
        # `interrupt` asks how long a pause may be (`rejoin_samples`), and this one counts for that.
        answered = None if self._replies.is_prepared else self._replies.answered
        is_cut = not self._replies.is_idle
        # Who says "stop" has heard the answer, and had not paused.
        goes_on = self._floor.verdict is not Verdict.CLAIMS
        has_learnt = goes_on and self._pauses.broken(onset, answered, is_cut=is_cut)
        # Fallen silent, the answer would have to speak again, over the person, to come to its end.
        may_end = not self._way.is_silent
        joins = self._replies.interrupt(onset_samples=onset, goes_on=goes_on, may_end=may_end)
        self._pauses.turn_began(onset, joins=joins, has_learnt=has_learnt)
        # Last: with the hold taken off before the queue was cleared, the answer would be heard
        # again.
        self._way.go_on()

    def _end_held(self, mark: TurnMark) -> None:
        """The key was let go: answers what was said meanwhile, if anything was."""
        size, settings = self._listening.frame_samples, self._settings.endpointing
        heard = self._key.take_heard()
        first = self._clock - size * len(heard)
        spans = spoken_spans(heard, frame_samples=size, settings=settings)
        if not spans:
            self._act(replace(mark, boundary=Boundary.DROPPED))
            return
        start, end = first + spans[0][0], first + spans[-1][1]
        held = replace(mark, start_samples=start, end_samples=end, speech_end_samples=end)
        said = [self._listening.cut(first + one, first + other) for one, other in spans]
        # Nothing but what a question that is joined to this one has before it. Silence between
        # words is left out: the key tells the end, so that nothing has to be judged by it.
        before = self._listening.cut(self._start_of(held), start)
        self._replies.prepare(self._question(held, np.concatenate([before, *said])))
        self._answer(held)

    def _question(self, mark: TurnMark, utterance: Waveform | None = None) -> Question:
        """Returns what `mark` says was said; the sound from its start to its end if not given."""
        start = self._start_of(mark)
        if utterance is None:
            utterance = self._listening.cut(start, mark.end_samples)
        # Counted back from now: the audio clock does not tell the event loop's time, by which
        # latencies are measured.
        silence_s = _seconds(self._clock - mark.speech_end_samples)
        return Question(
            turn=self._replies.next_turn,
            utterance=utterance,
            text="",
            start_samples=start,
            speech_end_samples=mark.speech_end_samples,
            speech_end_s=asyncio.get_running_loop().time() - silence_s,
        )

    def _answer(self, mark: TurnMark) -> None:
        """The turn is over: lets the reply that was prepared in its last pause go ahead."""
        # Without a pause before its end, cut by hand or at its longest, nothing is prepared yet.
        if not self._replies.is_prepared:
            self._replies.prepare(self._question(mark))
        start_s, speech_end_s = _seconds(self._start_of(mark)), _seconds(mark.speech_end_samples)
        self._commit(start_s, _seconds(mark.end_samples), speech_end_s, str(mark.reason))

    def _start_of(self, mark: TurnMark) -> int:
        """Returns where the question begins: earlier than `mark` where it was answered too soon."""
        start = self._replies.unheard_start
        return mark.start_samples if start is None else start

    def _commit(self, start_s: float, end_s: float, speech_end_s: float, reason: str) -> None:
        turn = self._replies.next_turn
        self._captions.end()
        # Before `commit`, which tells what was held back: all of that names this turn.
        self._emit(
            lambda at_s: events.UtteranceEnded(at_s, turn, start_s, end_s, speech_end_s, reason)
        )
        self._replies.commit()

    def _finish_turn(self) -> None:
        for mark in self._endpointer.finish():
            self._act(mark)

    def _learn(self, event: events.Event) -> None:
        if isinstance(event, events.EmotionHeard):
            self._pauses.heard(event)
        if self._listening.own_voice.learn(event):
            # Not from within this event, which belongs to the answer that is to end.
            asyncio.get_running_loop().call_soon(self.interrupt)


def _samples(duration_ms: float) -> int:
    return round(duration_ms * SPEECH_RATE_HZ / 1_000)


def _seconds(samples: int) -> float:
    return samples / SPEECH_RATE_HZ
