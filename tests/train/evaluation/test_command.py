"""Evaluation: figures of known answers, frozen parsing, resumable runs, one command."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from models.blsp_emo import BlspEmo
from models.checkpoints.checkpoint import save
from models.emotions import EMOTION_LABELS
from models.listening.listener import Listener
from models.pretrained.store import Store
from tests.models.pretrained.small_parts import llama, store, whisper
from tests.train.tiny import tiny_model, utterances
from train.alignment.assemble import assemble
from train.alignment.settings import AlignSettings
from train.data.manifest import Utterance, write_manifest
from train.evaluation.answers import Prediction, answer_one, parse_emotion
from train.evaluation.arriving import as_it_arrives, with_pink_noise
from train.evaluation.command import bleu_1, evaluate, figures_of, opened, unigrams
from train.evaluation.judging import parse_score
from train.evaluation.settings import EvaluateSettings

__all__ = ["llama", "store", "whisper"]

torch.set_num_threads(1)


@pytest.fixture
def whole(store: Store, tmp_path: Path) -> BlspEmo:
    """A model whose ears hear without its LLM, saved in `whole`."""
    assert store
    choice = AlignSettings(
        speech="ears", llm="tongue", adapter="words", emotion_head="attentive", lora_rank=0
    )
    model = assemble(choice)
    save(model.checkpoint(), tmp_path / "whole")
    return model.eval()


@pytest.mark.parametrize(
    ("answer", "emotion"),
    [
        ("Happy.", 1),
        ("The tone is sadness", 3),
        ("surprised", 4),
        ("angry or sad", -1),
        ("neutral, neutral", 0),
        ("I cannot tell", -1),
        ("unhappy", -1),
        ("", -1),
    ],
)
def test_answers_name_one_emotion_or_count_as_wrong(answer: str, emotion: int) -> None:
    assert parse_emotion(answer) == emotion


@pytest.mark.parametrize(
    ("answer", "score"),
    [("8", 8), (" 7.5/10", 7.5), ("Score: 3", 3), ("11", None), ("good", None), ("", None)],
)
def test_scores_of_a_judge(answer: str, score: float | None) -> None:
    assert parse_score(answer) == score


def test_bleu_1_clips_and_punishes_brevity() -> None:
    def of(reference: str, reply: str) -> float:
        return bleu_1(unigrams([(reference, reply)]).sum(axis=0))

    assert of("the cat sat", "The cat sat.") == pytest.approx(1.0)
    assert of("the cat", "the the the the") == pytest.approx(0.25)
    assert of("a b c d", "a b") == pytest.approx(np.exp(1 - 4 / 2))
    assert of("a", "") == 0.0


def test_figures_of_known_answers() -> None:
    sure = [tuple(0.92 if place == n % 5 else 0.02 for place in range(5)) for n in range(50)]
    answers = [
        Prediction(
            id=str(n),
            emotion=n % 5 if n % 5 else 1,
            logits=tuple(np.log(sure[n])),
            probabilities=sure[n],
            asked="happy" if n % 2 else "no idea",
            words="good day",
            heard="good" if n < 25 else "good day",
            reply="that is so good" if n else "go on and on now, go on and on now",
            ended=n > 4,
            reference="that is good",
        )
        for n in range(50)
    ]
    figures = figures_of(
        answers, EvaluateSettings(figures=("emotion", "asked", "words", "replies"))
    )
    assert figures["emotion: accuracy"].value == pytest.approx(0.8)
    assert figures["emotion: calibration error"].value == pytest.approx(0.12, abs=0.02)
    assert figures["asked: accuracy"].value == pytest.approx(0.2)
    assert figures["word error rate"].value == pytest.approx(0.25)
    assert figures["replies cut at the longest length"].value == pytest.approx(0.1)
    assert figures["replies with a repeated 4-gram"].value == pytest.approx(0.02)
    assert all(f.low <= f.value <= f.high and f.count == 50 for f in figures.values())


def test_the_command_writes_figures_and_resumes(tmp_path: Path) -> None:
    save(tiny_model(tmp_path / "tokenizer").checkpoint(), tmp_path / "model")
    said = [u.model_copy(update={"audio": Path(u.audio).name}) for u in utterances(tmp_path, 6)]
    write_manifest(tmp_path / "test.jsonl", said)
    settings = EvaluateSettings(
        model=str(tmp_path / "model"),
        manifests=(tmp_path / "test.jsonl",),
        figures=("emotion", "asked", "replies"),
        out=tmp_path / "out",
        longest_tokens=4,
        device="cpu",
    )
    rows = evaluate(settings)
    written = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert set(written["figures"]["test"]) == set(rows["test"])
    assert written["figures"]["test"]["emotion: accuracy"]["count"] == 6
    assert np.sum(written["details"]["test"]["confusion"]) == 6
    assert (tmp_path / "out" / "test.calibration.png").stat().st_size > 0
    (record,) = (tmp_path / "out").glob("*.answers.jsonl")
    lines = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(b"".join(lines[:4]) + lines[4][:20])
    assert evaluate(settings) == rows
    assert record.read_bytes() == b"".join(lines)


def test_a_reply_is_that_of_the_talk(tmp_path: Path) -> None:
    from models.decoding.sampling import Sampling
    from models.talk import TalkSession
    from train.data.audio_files import read_audio

    save(tiny_model(tmp_path / "tokenizer").checkpoint(), tmp_path / "model")
    model = BlspEmo.from_pretrained(tmp_path / "model", device="cpu")
    (said,) = utterances(tmp_path, 1)
    said = said.model_copy(update={"history": (("Hi.", "Hello."), ("Well.", "Go on."))})
    settings = EvaluateSettings(figures=("replies",), longest_tokens=5)
    answer = answer_one(model, said, tmp_path, settings)
    talk = TalkSession(model, sampling=Sampling(max_new_tokens=5))
    for before, reply in said.history:
        talk.read(before)
        talk.replace_reply(reply)
    talk.listen(model.hear(read_audio(said.audio)))
    assert "".join(talk.reply()).strip() == answer.reply


def test_rows_by_speaker_delays_and_copied_replies(tmp_path: Path) -> None:
    save(tiny_model(tmp_path / "tokenizer").checkpoint(), tmp_path / "model")
    said = [u.model_copy(update={"audio": Path(u.audio).name}) for u in utterances(tmp_path, 6)]
    write_manifest(tmp_path / "test.jsonl", said)
    settings = EvaluateSettings(
        model=str(tmp_path / "model"),
        manifests=(tmp_path / "test.jsonl",),
        figures=("emotion", "replies", "delay"),
        by_speaker=True,
        out=tmp_path / "out",
        longest_tokens=4,
        device="cpu",
    )
    rows = evaluate(settings)
    assert set(rows) == {"test", *(f"test, s{n}" for n in range(4))}
    assert [rows[f"test, s{n}"]["emotion: accuracy"].count for n in range(4)] == [2, 2, 1, 1]
    delay = rows["test"]["first text, p50 in ms"]
    assert 0 < delay.low <= delay.value <= delay.high
    assert "replies that stand in the training text" not in rows["test"]
    (record,) = (tmp_path / "out").glob("test.*.answers.jsonl")
    reply = json.loads(record.read_text().splitlines()[0])["reply"]
    known = [Utterance(id="a", audio="a.wav", text="a", continuation=f"{reply} "), said[1]]
    write_manifest(tmp_path / "known.jsonl", known)
    again = evaluate(settings.model_copy(update={"trained_on": (tmp_path / "known.jsonl",)}))
    assert again["test"]["replies that stand in the training text"].value > 0


def test_noise_is_as_loud_as_asked_and_the_same_each_time() -> None:
    speech = np.sin(np.arange(16_000) / 7).astype(np.float32)
    noise = with_pink_noise(speech, 10.0, "a") - speech
    ratio = 10 * np.log10(np.mean(speech**2) / np.mean(noise**2))
    assert ratio == pytest.approx(10.0, abs=0.01)
    power = np.abs(np.fft.rfft(noise)) ** 2
    assert power[100:200].sum() == pytest.approx(power[1000:2000].sum(), rel=0.5)
    assert np.array_equal(noise, with_pink_noise(speech, 10.0, "a") - speech)
    assert not np.array_equal(noise, with_pink_noise(speech, 10.0, "b") - speech)


def test_a_recording_comes_by_line_and_sound_card_as_asked() -> None:
    speech = np.sin(np.arange(16_000) / 2.5).astype(np.float32)  # about 1 kHz
    low = np.sin(np.arange(16_000) / 25).astype(np.float32)  # about 100 Hz
    as_it_is = as_it_arrives(speech, EvaluateSettings(), "a")
    assert np.array_equal(as_it_is, speech)
    soft = as_it_arrives(speech, EvaluateSettings(gain_db=-20.0, offset=0.02), "a")
    assert np.allclose(soft, 0.1 * speech + 0.02, atol=1e-6)
    line = EvaluateSettings(telephone=True)
    assert np.std(as_it_arrives(speech, line, "a")) > 0.9 * np.std(speech)
    assert np.std(as_it_arrives(low, line, "a")) < 0.1 * np.std(low)


def test_emotion_by_itself_is_heard_without_the_llm_and_is_the_same(
    whole: BlspEmo, tmp_path: Path
) -> None:
    said = [u.model_copy(update={"audio": Path(u.audio).name}) for u in utterances(tmp_path, 6)]
    write_manifest(tmp_path / "known.jsonl", said)
    nobody = [u.model_copy(update={"emotion": None}) for u in said]
    write_manifest(tmp_path / "unknown.jsonl", nobody)
    settings = EvaluateSettings(
        model=str(tmp_path / "whole"),
        manifests=(tmp_path / "known.jsonl", tmp_path / "unknown.jsonl"),
        figures=("emotion",),
        out=tmp_path / "out",
        device="cpu",
    )
    assert isinstance(opened(settings), Listener)
    assert isinstance(
        opened(settings.model_copy(update={"figures": ("emotion", "words")})), BlspEmo
    )
    rows = evaluate(settings)
    assert rows["known"]["emotion: accuracy"].count == 6
    called = [rows["unknown"][f"emotion: called {label}"].value for label in EMOTION_LABELS]
    assert sum(called) == pytest.approx(1.0)
    acted_on = rows["unknown"]["emotion: acted on, and not neutral"].value
    assert acted_on <= 1.0 - called[0] + 1e-9
    for one in said:
        expected = answer_one(whole, one, tmp_path, settings)
        found = answer_one(opened(settings), one, tmp_path, settings)
        assert found.logits == pytest.approx(expected.logits, abs=1e-4)
        assert (found.emotion, found.abstained) == (expected.emotion, expected.abstained)


def test_what_would_fail_after_hours_is_refused_at_once(tmp_path: Path) -> None:
    twice = EvaluateSettings(manifests=(tmp_path / "a" / "x.jsonl", tmp_path / "b" / "x.jsonl"))
    with pytest.raises(ValueError, match="two manifests are called x"):
        evaluate(twice)
    one = EvaluateSettings(manifests=(tmp_path / "x.jsonl",))
    with pytest.raises(ValueError, match=r"no manifest .*y"):
        evaluate(one.model_copy(update={"trained_on": (tmp_path / "y",)}))
    with pytest.raises(ValueError, match="name the judge"):
        evaluate(one.model_copy(update={"figures": ("judged",)}))


def test_unusable_test_sets_are_refused(tmp_path: Path) -> None:
    save(tiny_model(tmp_path / "tokenizer").checkpoint(), tmp_path / "model")
    with pytest.raises(ValueError, match="--manifests"):
        evaluate(EvaluateSettings(model=str(tmp_path / "model")))
    write_manifest(tmp_path / "test.jsonl", utterances(tmp_path, 1))
    with pytest.raises(ValueError, match="no utterance of the split 'dev'"):
        evaluate(
            EvaluateSettings(
                model=str(tmp_path / "model"),
                manifests=(tmp_path / "test.jsonl",),
                split="dev",
                out=tmp_path / "out",
                device="cpu",
            )
        )
    with pytest.raises(ValueError, match="holds no valid utterance"):
        evaluate(
            EvaluateSettings(
                model=str(tmp_path / "model"),
                manifests=(_missing(tmp_path),),
                out=tmp_path / "out",
                device="cpu",
            )
        )


def _missing(folder: Path) -> Path:
    write_manifest(folder / "gone.jsonl", [Utterance(id="a", audio="gone.wav")])
    return folder / "gone.jsonl"
