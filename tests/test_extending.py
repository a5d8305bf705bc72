"""One of each kind that can be added, by one file and the one line that a contributor writes.

The files lie in `tests/extending`; here they count as lying in the packages that they belong to.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import app
import assistant.engines
import train.corpora
from assistant import events
from assistant.audio.waveform import SPEECH_RATE_HZ
from assistant.carried import Carried
from assistant.clock import replay
from assistant.engines.table import ENGINES, Engine
from assistant.records.mending import open_record
from assistant.records.recording import Consent, Recorder
from models.blsp_emo import BlspEmo
from tests.extending.hasty import Hasty
from tests.fakes import speech_like
from tests.train.tiny import tiny_model, utterances, voice
from train.alignment.collate import Batch
from train.alignment.examples import ViewSettings, build_examples
from train.alignment.step import Alignment, alignment_batches
from train.alignment.terms import TERMS, Forward
from train.corpora.prepare import prepare
from train.corpora.settings import PrepareSettings
from train.corpora.table import CORPORA
from train.data.manifest import Drops, read_manifest
from ui.view import View, reduce

ADDED = Path(__file__).parent / "extending"
QUESTION = speech_like((0.5, 2.5), (6.0, 7.0), length_s=10.0)

ADDED_ENGINES = {
    "vad": (
        "loudness",
        Engine("loudness", "Loudness", "pip install -e .", "hears noise"),
    ),
    "turn_judge": ("hasty", Engine("hasty", "Hasty", "pip install -e .", "waits for nobody")),
    "speech_model": ("watch", Engine("stopwatch", "Stopwatch", "pip install -e .", "times you")),
    "voice": ("beeper", Engine("beeper", "Beeper", "pip install -e .", "beeps")),
}


@pytest.fixture
def added_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for package in (assistant.engines, train.corpora):
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(ADDED)])
    yield
    for path in ADDED.glob("*.py"):
        for package in (assistant.engines, train.corpora):
            sys.modules.pop(f"{package.__name__}.{path.stem}", None)


@pytest.fixture
def added_engines(added_files: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for part, (name, line) in ADDED_ENGINES.items():
        monkeypatch.setitem(ENGINES[part], name, line)  # pyright: ignore[reportArgumentType]


def talk(folder: Path, *options: str) -> int:
    """Runs the command `talk` with a recording."""
    question = folder / "question.wav"
    soundfile.write(question, QUESTION, SPEECH_RATE_HZ)
    ends = ["--input", str(question), "--output", str(folder / "heard.wav")]
    return app.main(["talk", *ends, "--pace", "repeatable", "--plain", *options])


def test_a_talk_is_held_with_engines_that_were_added(
    added_engines: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ["--engine", "watch", "--model", "my-watch"]
    rest = ["--vad", "loudness", "--voice", "beeper:880"]
    assert talk(tmp_path, *model, *rest, "--turn-judge", "words") == 0
    text = capsys.readouterr().out
    assert text.count("You spoke for 2 seconds.") == 1
    assert text.count("You spoke for 1 seconds.") == 1
    heard, rate = soundfile.read(tmp_path / "heard.wav")
    spectrum = np.abs(np.fft.rfft(heard))
    assert spectrum.argmax() * rate / len(heard) == pytest.approx(880, abs=2)


def test_a_turn_judge_that_was_added_ends_turns(added_engines: None, tmp_path: Path) -> None:
    judged = Hasty.judged
    engines = ["--engine", "watch", "--vad", "loudness", "--voice", "beeper"]
    assert talk(tmp_path, *engines, "--turn-judge", "sound", "--turn-model", "hasty") == 0
    added = sys.modules["assistant.engines.hasty"]
    assert added.Hasty.judged > 0
    assert Hasty.judged == judged, "the one of the package is another module"


def test_engines_that_were_added_are_named_in_help_and_refusals(
    added_engines: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    talk(tmp_path, "--engine", "wach")
    assert "did you mean watch?" in capsys.readouterr().err


def test_a_corpus_that_was_added_is_prepared(
    added_files: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CORPORA, "answering-machine", "answering_machine")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, name in enumerate(("ann_calm_1", "bob_cross_1", "bob_bored_2", "notes")):
        soundfile.write(corpus / f"{name}.wav", voice(number, 0.5), SPEECH_RATE_HZ)
    out = tmp_path / "out.jsonl"
    prepare(PrepareSettings(corpus="answering-machine", folder=corpus, out=out))
    read = read_manifest(out).utterances
    assert {(u.speaker, u.emotion, u.text) for u in read} == {
        ("answering-machine-ann", "neutral", "Call me back."),
        ("answering-machine-bob", "angry", "Call me back."),
    }


@dataclass(frozen=True, slots=True)
class Laughed(events.Event):
    """The person laughed."""

    carries = Carried(course="turn", emotion="how", stays_without=True)

    turn: int
    how: str


def test_an_event_that_was_added_is_recorded_read_back_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(events.EVENTS, "Laughed", Laughed)
    laughed = Laughed(1.0, 0, "loudly")

    async def record() -> list[Recorder]:
        recorders: list[Recorder] = []
        for name, emotion in (("all", True), ("less", False)):
            consent = Consent(emotion=emotion)
            recorders.append(Recorder(tmp_path / name, consent, on_problem=pytest.fail))
            recorders[-1].listen(laughed)
        return recorders

    for recorder in replay(record(), workers=[]):
        recorder.close()
    assert open_record(tmp_path / "all").events == [laughed]
    assert open_record(tmp_path / "less").events == [Laughed(1.0, 0, "")]
    assert reduce(View(), laughed) == View(clock_s=1.0), "what a screen does not know passes by"


def softness(forward: Forward) -> torch.Tensor:
    """A loss term: speech embeddings shall be small."""
    return forward.embedded.embeddings.square().mean()


def batch_of(folder: Path, model: BlspEmo) -> Batch:
    made = build_examples(
        utterances(folder / "audio", 2),
        model.prompts,
        ViewSettings(persona="Listen.", emotion_in_text=True),
        max_tokens=200,
        drops=Drops(),
    )
    return alignment_batches(made, model, batch_size=2, seed=1, shuffle=False).load(0, 0).value


def test_a_loss_that_was_added_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TERMS, "softness", softness)
    model = tiny_model(tmp_path)
    batch = batch_of(tmp_path, model)
    step = Alignment(frozenset({"softness"}))
    with step.scope(model, batch):
        terms = step(model, batch)
        terms["softness"].backward()
    assert terms.keys() == {"softness"}
    assert all(parameter.grad is not None for parameter in model.adapter.parameters())
    assert all(parameter.grad is None for parameter in model.llm.parameters())


def test_a_loss_that_nobody_added_is_refused() -> None:
    with pytest.raises(ValueError, match="no loss term 'softness': use one of response_ce"):
        Alignment(frozenset({"softness"}))
