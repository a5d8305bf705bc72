"""The `reply` command: recordings and typed questions in, spoken answers and transcripts out."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from assistant import events
from assistant.audio.soundfiles import AnswerFile, Recording
from assistant.audio.waveform import SPEECH_RATE_HZ, AudioClip, Waveform
from assistant.conversation.answering import Answer, Answering
from assistant.conversation.engines import Engines
from assistant.errors import EngineFailed, InputError
from assistant.files.plan import Input, Numbered, Planned
from assistant.records.transcript import (
    ConversationRecord,
    EmotionRecord,
    HelpRecord,
    StyleRecord,
    TranscriptFiles,
    TurnRecord,
    describe_latency,
)
from assistant.session import open_conversation
from assistant.turns.cutter import SpokenTurn, TurnCutter
from assistant.turns.endpointing_settings import EndpointingSettings

_PAUSE_BETWEEN_ANSWERS_S = 0.6
_NO_SPEECH = (
    "no speech was found in {path}: speak closer to the microphone, "
    "or lower --endpointing.start-threshold"
)
_SILENT = "{path} is silent: check the microphone's level and record it again"


class Report(Protocol):
    """Who is told how the run goes."""

    def opened(self, record: ConversationRecord) -> None:
        """A conversation begins."""
        ...

    def progress(self, done_s: float, total_s: float | None) -> None:
        """So much of the recording has been worked through; its length may not be known.

        Comes from the thread that listens.
        """
        ...

    def answered(self, record: TurnRecord) -> None:
        """A turn is finished and written."""
        ...

    def problem(self, message: str) -> None:
        """A part of the run failed, or went other than expected; the rest goes on."""
        ...

    def written(self, paths: list[Path]) -> None:
        """These files are complete."""
        ...


@dataclass(frozen=True, slots=True)
class Manner:
    """How the conversations of a run are held."""

    endpointing: EndpointingSettings
    """Where recordings are cut into turns."""
    persona: str | None
    """The system line of the prompt; None for the model's own."""
    told: Mapping[str, object]
    """All settings, for the heads of the transcripts."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question, and where it comes from."""

    source: str
    question: SpokenTurn | str


class ReplyRun:
    """One run of the command: conversations in, spoken answers and transcripts out."""

    def __init__(
        self,
        outputs: Sequence[Planned],
        manner: Manner,
        report: Report,
        play: Callable[[AudioClip], None] | None = None,
    ) -> None:
        """Prepares a run.

        Args:
            outputs: What is answered, and where to.
            manner: How.
            report: Told how it goes.
            play: Gets the clips of each answer once it is complete.
        """
        self._outputs = outputs
        self._manner = manner
        self._report = report
        self._play = play
        self._problems = 0

    def run(self, engines: Engines) -> int:
        """Answers everything; returns the number of problems met on the way.

        Raises:
            OutputError: An output cannot be written; what was written before is kept.
        """
        return asyncio.run(self._run(engines))

    async def _run(self, engines: Engines) -> int:
        for output in self._outputs:
            with AnswerFile(output.path) as answers, TranscriptFiles(output.path) as transcript:
                for conversation in output.conversations:
                    await self._converse(conversation, engines, answers, transcript)
            written = (output.path, transcript.json_path, transcript.markdown_path)
            self._report.written([file for file in written if file.exists()])
        return self._problems

    async def _converse(
        self,
        numbered: Numbered,
        engines: Engines,
        answers: AnswerFile,
        transcript: TranscriptFiles,
    ) -> None:
        source, turn = "", 0

        def listen(event: events.Event) -> None:
            if isinstance(event, events.Noticed):
                self._report.problem(f"{source}: {event.message}")

        conversation = open_conversation(engines, persona=self._manner.persona)
        conversation.follow(listen)
        answering = Answering(conversation)
        head = self._head(numbered.inputs, engines)
        transcript.open_conversation(head)
        self._report.opened(head)
        async with aclosing(self._questions(numbered.inputs, engines)) as questions:
            async for asked in questions:
                source = asked.source
                spoken = _Spoken(answers, keeps=self._play is not None)
                try:
                    answer = await answering.answer(asked.question, spoken.write)
                except EngineFailed as error:
                    self._problem(f"{source}: a turn could not be answered: {error}")
                    continue
                record = _turn_record(answer, asked, (numbered.index, turn), spoken.span_s)
                under = {"model": head.model, "voice": head.voice, "policy": head.policy}
                record = record.model_copy(update={"settings": under})
                transcript.add(record)
                self._report.answered(record)
                self._play_back(spoken.kept)
                turn += 1

    async def _questions(self, inputs: list[Input], engines: Engines) -> AsyncGenerator[_Asked]:
        """Yields each question; an input that cannot be used is a problem, not the end."""
        for item in inputs:
            if isinstance(item, str):
                yield _Asked("text", item)
                continue
            try:
                async with aclosing(self._spoken_turns(item, engines)) as turns:
                    async for turn in turns:
                        yield _Asked(_source(item), turn)
            except InputError as error:
                self._problem(str(error))

    async def _spoken_turns(self, path: Path, engines: Engines) -> AsyncGenerator[SpokenTurn]:
        recording = Recording(path)
        if recording.notice:
            self._report.problem(recording.notice)
        cutter = TurnCutter(engines.detector, self._manner.endpointing)
        found = 0
        # Block by block: who stops the program need not wait for the end of a long recording.
        heard = engines.ear_worker.stream(lambda: cutter.ended(self._watched(recording)), ahead=0)
        with closing(heard):
            async for ended in heard:
                for turn in ended:
                    found += 1
                    yield turn
        if recording.damage:
            raise InputError(recording.damage)
        if found == 0:
            raise InputError((_SILENT if cutter.is_silent else _NO_SPEECH).format(path=path))

    def _watched(self, recording: Recording) -> Iterator[Waveform]:
        done_s = 0.0
        for block in recording.blocks():
            done_s += len(block) / SPEECH_RATE_HZ
            yield block
            self._report.progress(done_s, recording.duration_s)

    def _play_back(self, clips: list[AudioClip]) -> None:
        if self._play is not None:
            for clip in clips:
                self._play(clip)

    def _problem(self, message: str) -> None:
        self._problems += 1
        self._report.problem(message)

    def _head(self, inputs: list[Input], engines: Engines) -> ConversationRecord:
        return ConversationRecord(
            started=datetime.now().astimezone().isoformat(timespec="seconds"),
            sources=[_source(item) for item in inputs if isinstance(item, Path)],
            model=engines.model.name,
            voice=engines.voice_name,
            policy=engines.policy.name,
            settings=dict(self._manner.told),
        )


class _Spoken:
    """The sound of one answer, written behind those before it, with a pause between."""

    def __init__(self, answers: AnswerFile, *, keeps: bool) -> None:
        """Keeps the clips too, where they are to be played.

        That is done once the answer is complete: a stage's time is then that of the stage alone.
        """
        self.kept: list[AudioClip] = []
        self._answers = answers
        self._keeps = keeps
        self._start_s: float | None = None

    @property
    def span_s(self) -> tuple[float, float]:
        """Where it starts in the file, and ends."""
        end_s = self._answers.duration_s
        return end_s if self._start_s is None else self._start_s, end_s

    def write(self, clip: AudioClip) -> None:
        """Appends `clip`."""
        if self._start_s is None:
            self._answers.pause(_PAUSE_BETWEEN_ANSWERS_S)
            self._start_s = self._answers.duration_s
        self._answers.write(clip)
        if self._keeps:
            self.kept.append(clip)


def _source(path: Path) -> str:
    """Returns the name of a sound file as text, also where the system stores odd bytes."""
    return os.fsencode(path.name).decode("utf-8", errors="replace")


def _turn_record(
    answer: Answer, asked: _Asked, position: tuple[int, int], answer_span_s: tuple[float, float]
) -> TurnRecord:
    """Returns the record of one answered question; `position` is (conversation, turn)."""
    confidence, question = answer.words.confidence, asked.question
    spoken = isinstance(question, SpokenTurn)
    return TurnRecord(
        conversation=position[0],
        turn=position[1],
        source=asked.source,
        start_s=round(question.start_s, 3) if spoken else None,
        end_s=round(question.end_s, 3) if spoken else None,
        words=answer.words.text,
        words_source=answer.words.source,
        words_confidence=None if confidence is None else round(confidence, 4),
        emotion=None if answer.estimate is None else EmotionRecord.of(answer.estimate),
        reply=answer.reply,
        reply_source=answer.source,
        help=None if answer.help is None else HelpRecord.of(answer.help),
        style=StyleRecord.of(answer.style),
        answer_start_s=round(answer_span_s[0], 3),
        answer_end_s=round(answer_span_s[1], 3),
        latency_ms=describe_latency(answer.marks_ms),
    )
