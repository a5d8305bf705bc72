"""One reply: from an utterance to its last played sample, prepared early and kept back.

The task may start while the person might still go on. Until `commit` nothing of it is seen or
heard; an uncommitted reply that is stopped leaves no trace.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, closing
from functools import partial

import numpy as np

from assistant import events
from assistant.audio.protocols import Speaker
from assistant.audio.waveform import AudioClip
from assistant.conversation.conversation import Conversation
from assistant.conversation.hearing import Hearing
from assistant.conversation.question import Emit, Question
from assistant.conversation.time_marks import Mark
from assistant.engines.protocols import Cancel, Dialogue, SpeakingStyle, TextDelta, Transcript
from assistant.errors import EngineFailed
from assistant.history import SpokenReply
from assistant.safety import SAD, reply_of
from assistant.voice.sentences import SentenceSplitter
from assistant.voice.speakable import ASK_AGAIN
from assistant.worker import Stream

JITTER_S = 0.06
"""Speech that must be ready before playback of a reply begins."""
QUESTION_ENDS = ("?", "？", "؟")
EAGER_S = 1.0
"""How long after the last word an answer is due whose turn may still go on."""


class Reply:
    """A reply under way. `run` is its task; the loop commits or stops it."""

    def __init__(self, question: Question, conversation: Conversation, speaker: Speaker) -> None:
        self.question = question
        self.generated = ""
        self.source = ""
        """Who made it, once it has begun; see `TextDelta.source`."""
        self.is_made = False
        """Whether all of it waits for the loudspeaker, or is over."""
        self.is_over = False
        """Whether it was heard to its end, which is told; its task may still tidy up."""
        self.style: SpeakingStyle | None = None
        """How it is spoken, once that is known."""
        self.failure: EngineFailed | None = None
        """What broke, if anything did; it is told when the turn is over."""
        self._engines = conversation.engines
        self._speaker = speaker
        self._memory = conversation.memory
        self._publish = conversation.emit
        self._held: list[Callable[[float], events.Event]] | None = []
        self._committed = asyncio.Event()
        self._cancel = Cancel()
        self.hearing = Hearing(question, conversation, self._emit, mark=self.mark, due=self.due_s)
        """What the person said and how."""
        self._spoken = SpokenReply(speaker.sample_rate)
        self._first_played: int | None = None
        self._wanted_s = question.speech_end_s + EAGER_S
        self._made_s = 0.0
        self._has_called = False
        self._marks_ms: dict[str, float] = {}
        self._underruns = speaker.underruns

    @property
    def completeness(self) -> float | None:
        """Probability that the utterance is a whole turn, once it is known."""
        return self.hearing.completeness

    @property
    def is_audible(self) -> bool:
        """Whether playback has begun."""
        return self._first_played is not None

    @property
    def asks(self) -> bool:
        """Whether it ends with a question, as far as it is made."""
        return self.generated.rstrip(" \n\"'”’»)]*_").endswith(QUESTION_ENDS)

    @property
    def is_committed(self) -> bool:
        """Whether the person's turn is over and the reply may be seen and heard."""
        return self._committed.is_set()

    @property
    def underruns(self) -> int:
        """Gaps in the playback of this reply so far."""
        return self._speaker.underruns - self._underruns

    def commit(self) -> None:
        """The turn is over: publishes what was held back and lets playback begin."""
        self.mark(Mark.ENDPOINT)
        # From now on somebody waits for it: until then it was due `EAGER_S` after the last word
        # only, behind the answers of talks that share the engines.
        self._wanted_s = asyncio.get_running_loop().time()
        held, self._held = self._held or [], None
        self._committed.set()
        self.hearing.is_over = True
        if self.question.utterance is None:
            # Known at once, and told although this task may end before the model reads them.
            typed = Transcript(self.question.words, source="typed")
            self._publish(partial(events.WordsHeard, turn=self.question.turn, transcript=typed))
        for make in held:
            self._publish(make)

    def mark(self, mark: Mark) -> None:
        """Notes when `mark` was first reached, in milliseconds since the last speech sample."""
        now_s = asyncio.get_running_loop().time()
        self._marks_ms.setdefault(mark.value, 1_000.0 * (now_s - self.question.speech_end_s))

    @property
    def marks_ms(self) -> dict[str, float]:
        """The marks reached so far, by name."""
        return dict(self._marks_ms)

    def due_s(self) -> float:
        """Returns when more of the answer is wanted: at once, or when what is made was heard."""
        return self._wanted_s + self._made_s

    def heard(self) -> str:
        """Returns the words of the reply that have been played."""
        return self.heard_within(self.played_samples) if self.is_audible else ""

    @property
    def played_samples(self) -> int:
        """Samples of it that have been played."""
        if self._first_played is None:
            return 0
        return self._speaker.played_samples - self._first_played

    def heard_within(self, played_samples: int) -> str:
        """Returns the words of the reply that ended within its first `played_samples`."""
        return self._spoken.heard(played_samples)

    def stop(self, *, forget: bool) -> None:
        """Asks the engines to stop; the caller silences the speaker first and cancels the task.

        With `forget` the person's words are not wanted any more either.
        """
        self._cancel.set()
        if forget:
            self.hearing.forget()

    async def run(self) -> None:
        """Hears, answers and speaks; returns when the last sample has been played.

        Where an engine breaks, `failure` says so.
        """
        # However the answer ends: what the person said is still taken in, where it is wanted, and
        # the model's iterator is closed.
        try:
            try:
                await self._answer()
            finally:
                await self._stop_hearing()
        except EngineFailed as error:
            await self._fail(error)

    async def settle(self, step: Callable[[], None]) -> None:
        """Has the model take `step`, by which it keeps of question and answer what was heard.

        Not where it was never given the question: the step would hit the one before.
        """
        try:
            await self._engines.model_worker.call(partial(self._step_if_taken_in, step))
        except EngineFailed as error:
            self._tell_failure(self._publish, error)

    def _step_if_taken_in(self, step: Callable[[], None]) -> None:
        """Runs on the model's worker."""
        if self.hearing.is_taken_in:
            step()

    async def _fail(self, error: EngineFailed) -> None:
        """The turn fails when it is over; what was spoken already is played to its end."""
        self.failure = error
        self._tell_failure(self._emit, error)
        await self._committed.wait()
        if self.is_audible:
            await self._speaker.drain()
        # Where nothing was heard of a failed answer the question goes, too: it would stand in the
        # model without an answer.
        heard, dialogue = self.heard(), self._memory.dialogue
        await self.settle(partial(dialogue.truncate, heard) if heard else dialogue.withdraw)

    def _tell_failure(self, emit: Emit, error: EngineFailed) -> None:
        emit(partial(events.TurnFailed, turn=self.question.turn, message=str(error)))

    async def _answer(self) -> None:
        hearing = self.hearing
        await hearing.begin()
        if hearing.is_passed_over:
            await self._say_nothing()
            return
        style = self._engines.policy.style(SAD if hearing.help else hearing.estimate)
        turn = self.question.turn
        asked = self._memory.controls.asked(turn, hearing.control)
        self._emit(partial(events.StyleChosen, turn=turn, style=style, asked=asked))
        self.style = style = style.with_asked(asked)
        async with aclosing(self._sentences()) as sentences:
            async for sentence in sentences:
                # Not before there is a sentence: judging takes steps of the model, and the first
                # sound would wait for them.
                hearing.go_on()
                await self._speak(sentence, style)
        if self._made_s == 0.0 and not self._has_called:
            await self._ask_again(style)
        await hearing.finish()
        self.is_made = True
        self.mark(Mark.SPOKEN)
        await self._committed.wait()
        await self._speaker.drain()
        self.is_over = True
        # All was played, so that all was heard: `heard` would place words by their letters only.
        self._emit(
            partial(
                events.ReplyFinished,
                turn=self.question.turn,
                heard=self.generated.strip(),
                generated=self.generated.strip(),
                underruns=self.underruns,
            )
        )

    async def _say_nothing(self) -> None:
        """Ends a turn that is not for Attune; the model keeps nothing of it."""
        await self._engines.model_worker.call(self.hearing.let_go)
        await self.hearing.finish()
        self.is_made = True
        await self._committed.wait()
        self._emit(partial(events.ReplyFinished, turn=self.question.turn, heard="", generated=""))

    async def _ask_again(self, style: SpeakingStyle) -> None:
        """Says a word where the answer held nothing to say; it is part of the answer then.

        A voice that is not to speak, as of a client that wants text, does not say it either.
        """
        stream = self._clips(ASK_AGAIN, style)
        with closing(stream):
            clips = [clip async for clip in stream]
        # Made whole before it is told: only a clip shows that the voice speaks at all.
        if not clips:
            return
        text = f" {ASK_AGAIN}" if self.generated.strip() else ASK_AGAIN
        self.generated += text
        self._tell(text, "fixed")
        keep = partial(self._memory.dialogue.replace_reply, self.generated.strip())
        await self._engines.model_worker.call(keep)
        self._spoken.begin(text)
        await self._play(_joined(clips))
        self._spoken.complete()

    def _tell(self, text: str, source: str) -> None:
        """Publishes a piece of the answer; what it began with says whose it is."""
        self.source = self.source or source
        self._emit(partial(events.ReplyText, turn=self.question.turn, text=text, source=source))

    async def _stop_hearing(self) -> None:
        try:
            await self.hearing.end()
        except EngineFailed as error:
            self._tell_failure(self._emit, error)

    async def _sentences(self) -> AsyncGenerator[str, None]:
        """Yields speakable pieces while the text is still being generated."""
        splitter = SentenceSplitter()
        deltas = self._engines.model_worker.stream(
            self._reply,
            ahead=64,
            due=self.due_s,
            awaits=lambda delta: delta.awaits,
        )
        with closing(deltas):
            async for delta in deltas:
                self.mark(Mark.FIRST_TOKEN)
                if delta.call is not None or delta.problem:
                    self._call(delta)
                    continue
                if delta.text:
                    self.generated += delta.text
                    self._tell(delta.text, delta.source)
                for sentence in splitter.push(delta.text):
                    yield sentence
                if delta.ends_sentence:
                    for sentence in splitter.end_sentence():
                        yield sentence
            self.mark(Mark.REPLY)
            for sentence in splitter.finish():
                yield sentence

    def _reply(self) -> Iterator[TextDelta]:
        """Yields the text of the reply; runs on the model's worker."""
        dialogue, hearing = self._memory.dialogue, self.hearing
        if hearing.control is not None:
            return self._memory.controls.reply(dialogue, hearing.control)
        if hearing.order is not None:
            return _said(dialogue, hearing.order.reply)
        return reply_of(dialogue, hearing.help, self._cancel)

    def _call(self, delta: TextDelta) -> None:
        """Publishes a call of a function, or why it was left out."""
        if delta.call is None:
            self._emit(partial(events.Noticed, message=delta.problem, is_warning=True))
            return
        self._has_called = True
        call = delta.call
        told = {"turn": self.question.turn, "name": call.name, "arguments": call.arguments}
        self._emit(partial(events.ToolCalled, **told))

    async def _speak(self, sentence: str, style: SpeakingStyle) -> None:
        self.mark(Mark.FIRST_SENTENCE)
        speaker = self._speaker
        self._spoken.begin(sentence)
        help_ = self.hearing.help
        clips = self._clips(help_.to_say(sentence) if help_ else sentence, style)
        waiting: list[AudioClip] = []
        with closing(clips):
            async for clip in clips:
                self.mark(Mark.FIRST_AUDIO)
                self._made_s += clip.duration_s
                waiting.append(clip)
                # On an idle speaker so short a clip would be over before the next is made, which is
                # heard as a gap; behind others it may follow at once.
                is_idle = speaker.queued_samples == 0
                if is_idle and sum(item.duration_s for item in waiting) < JITTER_S:
                    continue
                await self._play(_joined(waiting))
                waiting = []
        if waiting:
            await self._play(_joined(waiting))
        self._spoken.complete()

    def _clips(self, text: str, style: SpeakingStyle) -> Stream[AudioClip]:
        """Speaks `text` on the voice's worker."""
        return self._engines.voice_worker.stream(
            lambda: self._engines.voice.synthesize(text, style, self._cancel),
            ahead=4,
            due=self.due_s,
        )

    async def _play(self, clip: AudioClip) -> None:
        # Here a prepared reply waits: what was made so far can be withdrawn, what is played cannot.
        await self._committed.wait()
        speaker = self._speaker
        if self._first_played is None:
            self._first_played = speaker.played_samples
            # The speech that is made is heard from now on, and more is wanted when it runs out.
            self._wanted_s = asyncio.get_running_loop().time()
            self.mark(Mark.PLAYED)
            self._emit(partial(events.ReplyStarted, turn=self.question.turn))
            marks_ms = self.marks_ms
            self._emit(partial(events.TurnTimed, turn=self.question.turn, marks_ms=marks_ms))
        # Before `play`, which waits while the queue is full: who interrupts then has heard a part
        # of this clip.
        self._spoken.add(round(len(clip.samples) * speaker.sample_rate / clip.sample_rate))
        await speaker.play(clip)

    def _emit(self, make: Callable[[float], events.Event]) -> None:
        if self._held is None:
            self._publish(make)
        else:
            self._held.append(make)


def _said(dialogue: Dialogue, text: str) -> Iterator[TextDelta]:
    """Yields a text that the model did not write, and takes for its own."""
    dialogue.replace_reply(text)
    yield TextDelta(text, source="fixed")


def _joined(clips: list[AudioClip]) -> AudioClip:
    if len(clips) == 1:
        return clips[0]
    return AudioClip(np.concatenate([clip.samples for clip in clips]), clips[0].sample_rate)
