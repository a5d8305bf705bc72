import dataclasses
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from assistant.audio.waveform import AudioClip
from assistant.conversation.engines import Engines
from assistant.empathy import load_policy
from assistant.errors import InputError, OutputError, SettingsError
from assistant.files.inputs import ReplyInputs
from assistant.files.plan import planned
from assistant.files.reply import Manner, ReplyRun
from assistant.records.transcript import ConversationRecord, TurnRecord, read_transcript
from assistant.settings import ReplySettings
from models.emotions import Emotion
from tests.fakes import LevelDetector, ScriptedModel, ToneVoice, WordVoice, certain, speech_like

REPLIES = ["I am sorry to hear that. Tell me more.", "That sounds good!"]


@dataclass
class Notes:
    """A report that keeps what it is told."""

    heads: list[ConversationRecord] = field(default_factory=list)
    turns: list[TurnRecord] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    progress_s: list[float] = field(default_factory=list)

    def opened(self, record: ConversationRecord) -> None:
        self.heads.append(record)

    def progress(self, done_s: float, total_s: float | None) -> None:
        assert total_s is not None
        self.progress_s.append(done_s / total_s)

    def answered(self, record: TurnRecord) -> None:
        self.turns.append(record)

    def problem(self, message: str) -> None:
        self.problems.append(message)

    def written(self, paths: list[Path]) -> None:
        self.paths += paths


def engines(model: ScriptedModel | None = None) -> Engines:
    return Engines(
        model or ScriptedModel(REPLIES, [certain(Emotion.SAD), certain(Emotion.HAPPY)]),
        ToneVoice(),
        load_policy("empathetic"),
        LevelDetector(),
        "tone",
    )


@pytest.fixture
def question(tmp_path: Path) -> Path:
    path = tmp_path / "question.wav"
    soundfile.write(path, speech_like((0.5, 1.5), (4.0, 5.5), length_s=7.0), 16_000)
    return path


def run(
    tmp_path: Path, *questions: Path, parts: Engines | None = None, **settings: object
) -> tuple[int, Notes]:
    notes = Notes()
    given = ReplySettings.model_validate(
        {"questions": questions, "out": tmp_path / "out", **settings}
    )
    return prepared(given, notes).run(parts or engines()), notes


def prepared(
    settings: ReplySettings, notes: Notes, play: Callable[[AudioClip], None] | None = None
) -> ReplyRun:
    asked = ReplyInputs(settings.questions, settings.text)
    outputs = planned(asked, settings.out, joined=settings.joined, force=settings.force)
    manner = Manner(settings.endpointing, settings.persona, settings.effective())
    return ReplyRun(outputs, manner, notes, play)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
def test_a_second_sound_track_is_named_and_is_no_failure(tmp_path: Path, question: Path) -> None:
    both = tmp_path / "both.mkv"
    command = ["ffmpeg", "-v", "error", "-i", str(question), "-i", str(question)]
    subprocess.run([*command, "-map", "0", "-map", "1", str(both)], check=True)
    problems, notes = run(tmp_path, both)
    assert (problems, len(notes.problems)) == (0, 1)
    assert "2 sound tracks, of which the first is heard" in notes.problems[0]
    assert len(notes.turns) == 2


def test_each_turn_is_answered_recorded_and_spoken(tmp_path: Path, question: Path) -> None:
    problems, notes = run(tmp_path, question)
    assert problems == 0
    first, second = notes.turns
    assert (first.reply, second.reply) == (REPLIES[0], REPLIES[1])
    assert first.emotion is not None
    assert first.emotion.label == "sad"
    assert first.start_s is not None
    assert second.start_s is not None
    assert first.start_s <= 0.5 < 1.5 <= second.start_s <= 4.0
    assert first.words == "utterance 0"
    assert first.style.rate < 1.0, "sadness is answered slowly"
    assert second.style.emotion == "happy"
    samples, rate = soundfile.read(tmp_path / "out" / "question.wav")
    for record in notes.turns:
        inside = samples[round(record.answer_start_s * rate) : round(record.answer_end_s * rate)]
        assert float(np.sqrt(np.mean(inside**2))) > 0.1
    gap = samples[round(first.answer_end_s * rate) : round(second.answer_start_s * rate)]
    assert len(gap) > 0.5 * rate
    assert float(np.abs(gap).max()) == 0.0
    assert read_transcript(tmp_path / "out" / "question.jsonl") == [notes.heads[0], *notes.turns]
    assert set(notes.paths) == set((tmp_path / "out").iterdir())
    assert notes.progress_s[-1] == pytest.approx(1.0)


def test_marks_of_a_turn_come_in_order(tmp_path: Path, question: Path) -> None:
    _, notes = run(tmp_path, question)
    times = notes.turns[0].latency_ms
    order = ["heard", "words", "first_token", "first_sentence", "first_audio", "reply", "spoken"]
    assert [times[name] for name in order] == sorted(times.values())


def test_the_voice_gets_sentences_of_the_whole_reply(tmp_path: Path, question: Path) -> None:
    parts = engines()
    run(tmp_path, question, parts=parts)
    assert isinstance(parts.voice, ToneVoice)
    assert "".join(text for text, _ in parts.voice.spoken) == "".join(REPLIES)
    assert len(parts.voice.spoken) == 3


def test_several_recordings_are_conversations_of_their_own(tmp_path: Path, question: Path) -> None:
    other = tmp_path / "more" / "question.wav"
    other.parent.mkdir()
    soundfile.write(other, speech_like((0.5, 1.5), length_s=3.0), 16_000)
    parts = engines()
    problems, notes = run(tmp_path, question, other, parts=parts)
    assert problems == 0
    assert [(t.conversation, t.turn) for t in notes.turns] == [(0, 0), (0, 1), (1, 0)]
    assert isinstance(parts.model, ScriptedModel)
    assert [len(d.utterances) for d in parts.model.dialogues] == [2, 1]
    names = {path.name for path in (tmp_path / "out").glob("*.wav")}
    assert names == {"question.wav", "question-2.wav"}


def test_joined_recordings_and_text_are_one_conversation(tmp_path: Path, question: Path) -> None:
    parts = engines()
    out = tmp_path / "all.wav"
    problems, notes = run(
        tmp_path, question, question, parts=parts, joined=True, text="And now?", out=out
    )
    assert problems == 0
    assert [t.turn for t in notes.turns] == [0, 1, 2, 3, 4]
    assert isinstance(parts.model, ScriptedModel)
    assert len(parts.model.dialogues) == 1
    assert out.exists()
    assert out.with_suffix(".jsonl").exists()


def test_one_file_takes_the_answers_of_all_conversations(tmp_path: Path, question: Path) -> None:
    out = tmp_path / "all.wav"
    _, notes = run(tmp_path, question, question, out=out)
    assert len(notes.turns) == 4
    assert soundfile.info(out).duration == pytest.approx(notes.turns[-1].answer_end_s, abs=0.001)
    records = read_transcript(out.with_suffix(".jsonl"))
    assert [r.kind for r in records] == ["conversation", "turn", "turn"] * 2


def test_a_typed_question_is_answered_in_a_neutral_style(tmp_path: Path) -> None:
    problems, notes = run(tmp_path, text="How are you?")
    assert problems == 0
    (turn,) = notes.turns
    assert (turn.words, turn.words_source, turn.emotion) == ("How are you?", "typed", None)
    assert turn.style.emotion == "neutral"
    assert turn.answer_end_s > 0


def test_bad_recordings_are_named_and_the_others_answered(tmp_path: Path, question: Path) -> None:
    silent, noise, cut = (tmp_path / name for name in ("silent.wav", "noise.wav", "cut.wav"))
    soundfile.write(silent, np.zeros(32_000), 16_000)
    soundfile.write(noise, 5 * speech_like(length_s=3.0), 16_000)
    cut.write_bytes(question.read_bytes()[: 16_000 * 2 * 3])
    problems, notes = run(tmp_path, silent, tmp_path / "none.wav", noise, cut, question)
    assert problems == 4
    for message, says in zip(
        notes.problems, ["is silent", "does not exist", "no speech", "breaks off"], strict=True
    ):
        assert says in message
    assert [t.source for t in notes.turns] == ["cut.wav", "question.wav", "question.wav"]


def test_names_of_any_bytes_are_answered(tmp_path: Path, question: Path) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9 \xf0\x9f\x8e\xa4.wav")
    odd.write_bytes(question.read_bytes())
    problems, notes = run(tmp_path, odd, text="na\udcefve?")
    assert problems == 0
    assert notes.turns[0].source == "caf\ufffd 🎤.wav"
    assert notes.turns[-1].words == "na\ufffdve?"
    assert "caf" in str(notes.heads[0].settings["questions"])


def test_a_turn_that_fails_does_not_end_the_conversation(tmp_path: Path, question: Path) -> None:
    model = ScriptedModel(REPLIES, failing_turns=[0])
    problems, notes = run(tmp_path, question, parts=engines(model))
    assert problems == 1
    assert "scripted model broke" in notes.problems[0]
    assert [t.reply for t in notes.turns] == [REPLIES[0]], "the turn that failed is forgotten"


def test_answers_are_played_whole_and_in_order(tmp_path: Path, question: Path) -> None:
    played: list[AudioClip] = []
    settings = ReplySettings(questions=(question,), out=tmp_path / "a.wav")
    prepared(settings, Notes(), played.append).run(engines())
    words = sum(len(reply.split()) for reply in REPLIES)
    assert sum(len(clip.samples) for clip in played) == words * 800


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "nothing to answer"),
        ({"text": "  "}, "empty"),
        ({"text": "hi", "out": "answer.mp3"}, "name a .wav file"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    tmp_path: Path, settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        run(tmp_path, **settings)


@pytest.mark.parametrize("name", ["a" * 300, "a" * 300 + ".wav", "b/" + "a" * 300])
def test_a_name_that_no_disk_takes_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="too long; choose another place by --out"):
        run(tmp_path, text="hi", out=tmp_path / name)


def test_a_place_where_nothing_can_be_written_is_refused_before_a_model_is_loaded(
    tmp_path: Path,
) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    out = tmp_path / "taken" / "answer.wav"
    with pytest.raises(OutputError, match="choose another place by --out"):
        planned(ReplyInputs(text="hi"), out)


def test_nothing_usable_is_said_before_a_model_is_loaded(tmp_path: Path) -> None:
    settings = ReplySettings(questions=(tmp_path / "none.wav", tmp_path / "too.wav"))
    with pytest.raises(InputError, match=r"none\.wav does not exist"):
        prepared(settings, Notes())


def test_an_input_is_never_overwritten(tmp_path: Path, question: Path) -> None:
    before = question.read_bytes()
    with pytest.raises(SettingsError, match="is an input"):
        run(tmp_path, question, out=question)
    assert question.read_bytes() == before


def test_a_full_disk_ends_the_run_and_keeps_finished_turns(tmp_path: Path, question: Path) -> None:
    limit_bytes = 40_000
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        with pytest.raises(OutputError, match="could not be written"):
            run(tmp_path, question, question, joined=True, out=tmp_path / "a.wav")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    head, *turns = read_transcript(tmp_path / "a.jsonl")
    assert head.kind == "conversation"
    assert turns
    samples, rate = soundfile.read(tmp_path / "a.wav")
    last = turns[-1]
    assert isinstance(last, TurnRecord)
    assert len(samples) / rate >= last.answer_end_s
    assert (tmp_path / "a.wav").stat().st_size == 44 + 2 * len(samples)


@pytest.mark.parametrize("reply", ["🙂", "", "```\nx\n```"])
def test_an_answer_of_nothing_to_say_asks_back(tmp_path: Path, question: Path, reply: str) -> None:
    parts = dataclasses.replace(engines(ScriptedModel([reply])), voice=WordVoice())
    problems, notes = run(tmp_path, question, parts=parts)
    assert problems == 0
    assert [turn.reply for turn in notes.turns] == [f"{reply} Sorry?".strip()] * 2
    assert all(turn.answer_end_s > turn.answer_start_s for turn in notes.turns)
