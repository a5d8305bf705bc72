"""Whose turn it is in a live talk: what is heard becomes marks, and what follows from each of them.

`TurnTaking.act` is the one place that says what the assistant does when the person begins, pauses,
goes on or is done.
"""

import asyncio
from dataclasses import replace
from functools import partial

from assistant import events
from assistant.audio.playout import level_db
from assistant.audio.protocols import Speaker
from assistant.audio.waveform import SPEECH_RATE_HZ
from assistant.conversation.conversation import Conversation
from assistant.conversation.live.captions import Captions
from assistant.conversation.live.ducking import Ducking
from assistant.conversation.live.listening import HeardFrame, Listening
from assistant.conversation.live.pauses import Pauses
from assistant.conversation.live.prefill import Prefill
from assistant.conversation.live.push_to_talk import PushToTalk
from assistant.conversation.live.replies import BargeIn, Replies
from assistant.conversation.live.said_questions import SaidQuestions
from assistant.conversation.question import SaidSpan
from assistant.turns.ear import Heard
from assistant.turns.endpointing import Endpointer
from assistant.turns.interjections import InterjectionJudge
from assistant.turns.marks import Boundary, Floor, TurnMark, Verdict
from assistant.turns.push_to_talk import KeyChange
from assistant.turns.settings import TalkSettings

IDLE_KEEP_S = 3.0
"""Sound kept while nobody speaks; more than any lead."""


class TurnTaking:
    """Takes turns with one person: `take` for each frame, the rest is what somebody orders."""

    def __init__(
        self,
        conversation: Conversation,
        listening: Listening,
        speaker: Speaker,
        group: asyncio.TaskGroup,
        settings: TalkSettings,
    ) -> None:
        """Prepares to take turns in `conversation`; its replies are tasks of `group`."""
        engines = conversation.engines
        self._conversation = conversation
        self._emit = conversation.emit
        self._listening = listening
        self._settings = settings
        self._pauses = Pauses(settings.patience, rejoin_ms=settings.rejoin_ms)
        self.replies = Replies(
            conversation, speaker, group, rejoin_samples=self._pauses.rejoin_samples
        )
        """The answers."""
        self._questions = SaidQuestions(conversation, listening, self.replies)
        # The model is asked for anew each time: it may be exchanged before the first turn.
        self._floor = InterjectionJudge(lambda: engines.model, engines.model_worker)
        self._endpointer = Endpointer(
            settings.endpointing,
            frame_samples=listening.frame_samples,
            completeness=lambda: self.replies.completeness,
            verdict=lambda: self._floor.verdict,
        )
        self._captions = Captions(
            lambda: engines.model,
            engines.model_worker,
            tell=lambda text: self._emit(partial(events.CaptionHeard, text=text)),
            expect=self._expect,
        )
        self._group = group
        self.prefill = Prefill(engines.model_worker)
        """What the model computes before it is asked."""
        self._way = Ducking(speaker, self._emit, duck_db=lambda: self._settings.duck_db)
        self._key = PushToTalk(listening)

    @property
    def _clock(self) -> int:
        """Samples of microphone sound so far."""
        return self._conversation.clock_samples

    @property
    def settings(self) -> TalkSettings:
        """How turns are taken."""
        return self._settings

    @property
    def is_idle(self) -> bool:
        """Whether the person says nothing that may become a turn."""
        return self._endpointer.is_idle

    @property
    def in_turn(self) -> bool:
        """Whether the person has the floor."""
        return self._endpointer.in_turn

    @property
    def turn_s(self) -> float:
        """How long the person has been speaking, in seconds."""
        return self._endpointer.turn_samples / SPEECH_RATE_HZ

    def tune(self, settings: TalkSettings) -> None:
        """Goes on with other settings."""
        self._settings = settings
        self._endpointer.settings = settings.endpointing
        self._pauses.tune(settings.patience, rejoin_ms=settings.rejoin_ms)

    def take(self, taken: HeardFrame) -> None:
        """Takes a frame, and acts on what is decided by it."""
        heard = taken.heard
        # Before its marks are acted on: the utterance that they cut out may end with this frame.
        self._listening.keep(taken, self._kept_s())
        patience = self._pauses.patience
        self._endpointer.patience = patience.factor
        self._endpointer.least_silence_ms = patience.least_silence_ms
        self._endpointer.least_beyond_doubt_ms = patience.least_known_ms
        for mark in self._endpointer.feed(
            self._probability(heard),
            floor=self._floor_now(),
            level_db=self._level_db(heard),
            is_withheld=heard.is_withheld,
        ):
            self.act(mark)

    def caption(self) -> None:
        """Has words shown of somebody who still speaks, if it is time and they are wanted."""
        # Nobody watches a file being read, and what is said in a pause is not for Attune.
        is_paused = self._conversation.memory.controls.is_paused
        # In a silence that may be a pause a reading would hold up the answer.
        is_speaking = self._endpointer.pause_ms == 0.0
        is_wanted = self._listening.is_watched and self._settings.captions and not is_paused
        if is_wanted and is_speaking:
            self._captions.look(self._clock, lambda start: self._listening.cut(start, self._clock))

    def _expect(self, words: str) -> None:
        """Has the model compute what an answer to the words so far begins with."""
        if self._settings.answers:
            dialogue = self._conversation.memory.dialogue
            self.prefill.begin(self._group, partial(dialogue.expect, words))

    def close(self) -> None:
        """The talk is over: what is read or computed ahead of an answer is not wanted any more."""
        # A reading that is under way would begin to compute in a talk that has ended.
        self._captions.end()
        self.prefill.end()

    def learn(self, event: events.EmotionHeard) -> None:
        """How the person sounded says how much time they are given."""
        self._pauses.heard(event)

    def _kept_s(self) -> float:
        """Returns how much sound is kept: as far back as a question may still begin."""
        replies = self.replies
        is_idle = replies.is_idle and replies.unheard_start is None
        # Also after the turn: who goes on while nothing was heard of the answer is joined to it,
        # and its sound is needed again.
        is_over = is_idle and self._endpointer.is_idle
        return IDLE_KEEP_S + (0.0 if is_over else self._settings.endpointing.longest_turn_s)

    def _probability(self, heard: Heard) -> float:
        if self._settings.turns == "open":
            is_deaf = self._listening.own_voice.is_deaf(self._clock, self._settings)
            return 0.0 if is_deaf else heard.probability
        return self._key.probability(heard.probability, self._settings.endpointing)

    def _is_contested(self) -> bool:
        """Whether the assistant, or its echo, may be in the room."""
        return self._listening.own_voice.is_contested(self._clock, self._settings)

    def _floor_now(self) -> Floor:
        """Who else is heard, for speech that sets in now."""
        if not self._is_contested():
            return Floor.FREE
        return self.replies.floor(self._clock)

    def _level_db(self, heard: Heard) -> float | None:
        """The level by which voices are told apart; None where a key says whose turn it is."""
        return level_db(heard.samples) if self._settings.turns == "open" else None

    def press(self, pressed: bool) -> None:
        """Push-to-talk: the key goes down or up."""
        if self._settings.turns != "push-to-talk":
            return
        match self._key.move(pressed):
            case KeyChange.OPENED:
                self.interrupt()
            case KeyChange.FINISHED:
                self.finish()
            case KeyChange.EMPTY:
                self.abandon()
            case KeyChange.NOTHING:
                pass

    def interrupt(self) -> None:
        """Silences the assistant."""
        if not self.replies.is_prepared:
            # Only what is heard can be silenced. The hold is taken off with it: it would keep the
            # next answer silent, too.
            self.replies.interrupt()
            self._way.speak_again()

    def finish(self) -> None:
        """Ends the turn under way without waiting for silence."""
        for mark in self._endpointer.finish():
            self.act(mark)

    def abandon(self) -> None:
        """Forgets the turn under way and what was prepared for it."""
        for mark in self._endpointer.cancel():
            self.act(mark)
        self._way.go_on()
        self.replies.forget_question()

    def act(self, mark: TurnMark) -> None:
        """Does what follows from a boundary of the person's turn."""
        said = SaidSpan.of_samples(mark.start_samples, mark.end_samples)
        start_s, end_s = said.start_s, said.end_s
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
                self._captions.begin(self._questions.start_of(mark))
            case Boundary.PAUSED:
                # The reply that is prepared now has the model read the same sound: it is not to
                # wait for that.
                self._captions.stop()
                self.prefill.end()
                self._pauses.begun(mark.speech_end_samples)
                if self._settings.answers:
                    self._questions.prepare(mark)
            case Boundary.RESUMED:
                self._pauses.ended(mark.speech_end_samples)
                self.replies.withdraw()
            case Boundary.ENDED if self._settings.turns == "push-to-talk":
                self._answer_key_turn(mark)
            case Boundary.ENDED if self._settings.answers:
                self._pauses.turn_ended()
                self._captions.end()
                self._questions.answer(mark)
            case Boundary.ENDED:  # whoever drives the loop decides what becomes of the turn
                self._pauses.turn_ended()
                self._captions.end()
                self.replies.forget_question()
                self._emit(lambda at_s: events.TurnHeld(at_s, start_s, end_s))

    def _ask_floor(self, mark: TurnMark) -> None:
        """Has brief words judged; by their sound without lead and tail, which hold echo anyway."""
        self._floor.ask(
            self._listening.cut(mark.start_samples, mark.end_samples),
            self._listening.own_sound(self._onset(mark), mark.speech_end_samples),
        )

    def _take_floor(self, mark: TurnMark) -> None:
        """The person has the floor: what was a pause of theirs is learnt before it is judged."""
        onset = self._onset(mark)
        # `barge_in` asks how long a pause may be (`rejoin_samples`), and this one counts for that.
        answered = None if self.replies.is_prepared else self.replies.answered
        is_cut = not self.replies.is_idle
        # Who says "stop" has heard the answer, and had not paused.
        claims = self._floor.verdict is Verdict.CLAIMS
        has_learnt = not claims and self._pauses.broken(onset, answered, is_cut=is_cut)
        joins = self.replies.barge_in(BargeIn(onset, claims, self._way.is_silent))
        self._pauses.turn_began(onset, joins=joins, has_learnt=has_learnt)
        # Last: with the hold taken off before the queue was cleared, the answer would be heard
        # again.
        self._way.go_on()

    def _answer_key_turn(self, mark: TurnMark) -> None:
        """The key was let go: answers what was said meanwhile, if anything was."""
        turn = self._key.turn(mark, self._settings.endpointing)
        if turn is None:
            self.act(replace(mark, boundary=Boundary.DROPPED))
            return
        self._captions.end()
        self._questions.answer_sounds(turn.mark, turn.sounds)

    def _onset(self, mark: TurnMark) -> int:
        """Returns where speech sets in, behind the lead that is kept before it."""
        return mark.start_samples + round(
            self._settings.endpointing.lead_ms * SPEECH_RATE_HZ / 1_000
        )
