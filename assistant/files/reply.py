"""The `reply` command: recordings and typed questions in, spoken answers and transcripts out."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol

from assistant import events
from assistant.audio.soundfiles import AnswerFile, Recording
from assistant.audio.waveform import SPEECH_RATE_HZ, AudioClip, Waveform
from assistant.conversation.answering import Answer, Answering
from assistant.conversation.engines import Engines
from assistant.errors import EngineFailed, InputError, OutputError, SettingsError
from assistant.files.own_output import refuse_foreign
from assistant.output_file import write_trouble
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
from assistant.settings import ReplySettings
from assistant.turns.cutter import SpokenTurn, TurnCutter

_PAUSE_BETWEEN_ANSWERS_S = 0.6
_DEFAULT_FOLDER = Path("answers")
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
        """So much of the recording has been worked through; its length may not be known."""
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


_Input = Path | str
"""A sound file, or a typed question."""
_Numbered = tuple[int, list[_Input]]
"""Index of a conversation and its inputs in order."""


class ReplyRun:
    """One run of the command: conversations in, spoken answers and transcripts out."""

    def __init__(
        self,
        settings: ReplySettings,
        report: Report,
        play: Callable[[AudioClip], None] | None = None,
    ) -> None:
        """Prepares a run; `play` gets the clips of each answer once it is complete.

        Raises:
            SettingsError: There is nothing to answer, or an output would overwrite an input or
                what another program wrote.
            InputError: None of the inputs can be used.
        """
        self._settings = settings
        self._report = report
        self._play = play
        self._problems = 0
        self._to_play: list[AudioClip] = []
        self._planned = self._outputs(list(enumerate(self._conversations())))
        for path, _ in self._planned:
            self._check_overwrite(path)
            if not settings.force:
                refuse_foreign(path)
        self._check_inputs()

    def run(self, engines: Engines) -> int:
        """Answers everything; returns the number of problems met on the way.

        Raises:
            OutputError: An output cannot be written; what was written before is kept.
        """
        return asyncio.run(self._run(engines))

    async def _run(self, engines: Engines) -> int:
        for path, conversations in self._planned:
            with AnswerFile(path) as answers, TranscriptFiles(path) as transcript:
                for index, inputs in conversations:
                    await self._converse(index, inputs, engines, answers, transcript)
            written = (path, transcript.json_path, transcript.markdown_path)
            self._report.written([file for file in written if file.exists()])
        return self._problems

    def _check_inputs(self) -> None:
        """Looks at the files before a model is loaded, which may take long."""
        first: InputError | None = None
        for path in self._settings.questions:
            try:
                Recording(path).close()
                return
            except InputError as error:
                first = first or error
        if first is not None and self._settings.text is None:
            raise first

    def _outputs(self, conversations: list[_Numbered]) -> list[tuple[Path, list[_Numbered]]]:
        """Returns each answer file and the conversations that go into it."""
        out = self._settings.out
        if out is not None and self._out_is_file(out):
            return [(out, conversations)]
        folder = out or _DEFAULT_FOLDER
        taken: set[str] = set()
        outputs: list[tuple[Path, list[_Numbered]]] = []
        for conversation in conversations:
            first = conversation[1][0]
            stem = "text" if isinstance(first, str) else first.stem
            names = (stem if n == 1 else f"{stem}-{n}" for n in itertools.count(1))
            name = next(name for name in names if name not in taken)
            taken.add(name)
            outputs.append((folder / f"{name}.wav", [conversation]))
        return outputs

    def _conversations(self) -> list[list[_Input]]:
        inputs: list[_Input] = [*self._settings.questions]
        if self._settings.text is not None:
            text = os.fsencode(self._settings.text).decode("utf-8", errors="replace")
            if not text.strip():
                raise SettingsError("--text is empty: write a question in it")
            inputs.append(text)
        if not inputs:
            raise SettingsError('nothing to answer: name a sound file, or give --text "…"')
        return [inputs] if self._settings.joined else [[item] for item in inputs]

    @staticmethod
    def _out_is_file(out: Path) -> bool:
        try:
            if out.is_dir() or not out.suffix:
                return False
        except OSError as error:  # such as a name that is too long
            raise OutputError(write_trouble(out, error)) from error
        if out.suffix.lower() != ".wav":
            raise SettingsError(f"--out {out}: name a .wav file, or a folder")
        return True

    def _check_overwrite(self, output: Path) -> None:
        for question in self._settings.questions:
            if _is_same_file(question, output):
                raise SettingsError(f"{output} is an input too: choose another place by --out")

    async def _converse(
        self,
        index: int,
        inputs: list[_Input],
        engines: Engines,
        answers: AnswerFile,
        transcript: TranscriptFiles,
    ) -> None:
        conversation = open_conversation(engines, persona=self._settings.persona)
        answering, source = Answering(conversation), ""

        def listen(event: events.Event) -> None:
            if isinstance(event, events.Noticed):
                self._report.problem(f"{source}: {event.message}")

        conversation.follow(listen)
        head = self._head(inputs, engines)
        transcript.open_conversation(head)
        self._report.opened(head)
        turn = 0
        async for source, question in self._questions(inputs, engines):
            start_s = answers.duration_s + (_PAUSE_BETWEEN_ANSWERS_S if answers.duration_s else 0)
            try:
                answer = await self._answer(question, answering, answers)
            except EngineFailed as error:
                self._problem(f"{source}: a turn could not be answered: {error}")
                continue
            span_s = (min(start_s, answers.duration_s), answers.duration_s)
            record = _turn_record(answer, question, source, (index, turn), span_s)
            under = {"model": head.model, "voice": head.voice, "policy": head.policy}
            record = record.model_copy(update={"settings": under})
            transcript.add(record)
            self._report.answered(record)
            self._play_back()
            turn += 1

    async def _questions(
        self, inputs: list[_Input], engines: Engines
    ) -> AsyncIterator[tuple[str, SpokenTurn | str]]:
        """Yields source and question; an input that cannot be used is a problem, not the end."""
        for item in inputs:
            if isinstance(item, str):
                yield "text", item
                continue
            try:
                async for turn in self._spoken_turns(item, engines):
                    yield _source(item), turn
            except InputError as error:
                self._problem(str(error))

    def _play_back(self) -> None:
        """Plays an answer once it is complete: a stage's time is then that of the stage alone."""
        for clip in self._to_play:
            if self._play:
                self._play(clip)

    def _problem(self, message: str) -> None:
        self._problems += 1
        self._report.problem(message)

    def _head(self, inputs: list[_Input], engines: Engines) -> ConversationRecord:
        settings = self._settings
        return ConversationRecord(
            started=datetime.now().astimezone().isoformat(timespec="seconds"),
            sources=[_source(item) for item in inputs if isinstance(item, Path)],
            model=engines.model.name,
            voice=engines.voice_name,
            policy=engines.policy.name,
            settings=settings.effective(),
        )

    async def _spoken_turns(self, path: Path, engines: Engines) -> AsyncIterator[SpokenTurn]:
        recording = Recording(path)
        cutter = TurnCutter(engines.detector, self._settings.endpointing)
        found = 0
        # Block by block: who stops the program need not wait for the end of a long recording.
        async for ended in engines.ear_worker.stream(
            lambda: cutter.ended(self._watched(recording)), ahead=0
        ):
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

    async def _answer(
        self, question: SpokenTurn | str, answering: Answering, answers: AnswerFile
    ) -> Answer:
        spoken = False

        def speak(clip: AudioClip) -> None:
            nonlocal spoken
            if not spoken:
                answers.pause(_PAUSE_BETWEEN_ANSWERS_S)
                spoken = True
            answers.write(clip)
            if self._play:
                self._to_play.append(clip)

        self._to_play.clear()
        return await answering.answer(question, speak)


def _is_same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there, or cannot be
        return False


def _source(path: Path) -> str:
    """Returns the name of a sound file as text, also where the system stores odd bytes."""
    return os.fsencode(path.name).decode("utf-8", errors="replace")


def _turn_record(
    answer: Answer,
    question: SpokenTurn | str,
    source: str,
    position: tuple[int, int],
    answer_span_s: tuple[float, float],
) -> TurnRecord:
    """Returns the record of one answered question; `position` is (conversation, turn)."""
    confidence = answer.words.confidence
    spoken = isinstance(question, SpokenTurn)
    return TurnRecord(
        conversation=position[0],
        turn=position[1],
        source=source,
        start_s=round(question.start_s, 3) if spoken else None,
        end_s=round(question.end_s, 3) if spoken else None,
        words=answer.words.text,
        words_source=answer.words.source,
        words_confidence=None if confidence is None else round(confidence, 4),
        emotion=None if answer.estimate is None else EmotionRecord.of(answer.estimate),
        reply=answer.reply,
        help=None if answer.help is None else HelpRecord.of(answer.help),
        style=StyleRecord.of(answer.style),
        answer_start_s=round(answer_span_s[0], 3),
        answer_end_s=round(answer_span_s[1], 3),
        latency_ms=describe_latency(answer.marks_ms),
    )
