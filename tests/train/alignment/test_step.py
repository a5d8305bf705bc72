"""Both stages on a tiny model: who trains, what is learnt, and the equalities that must hold."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.blsp_emo import BlspEmo
from models.config import BlspEmoConfig
from tests.train.small import small_settings
from tests.train.tiny import byte_tokenizer, tiny_model, utterances
from train.alignment.collate import Batch
from train.alignment.examples import (
    AlignmentExample,
    SpeechPlace,
    ViewSettings,
    build_example,
    build_examples,
)
from train.alignment.losses import IGNORED
from train.alignment.stages import EMOTION, SEMANTIC, TrainingStage, only_training, parts_of
from train.alignment.step import (
    Alignment,
    alignment_batches,
    recompute_activations,
)
from train.data.manifest import Drops, Utterance
from train.loop.fit import fit
from train.loop.report import read_history
from train.loop.task import Task

torch.set_num_threads(1)

VIEWS = ViewSettings(persona="Listen.", emotion_in_text=True)


def examples_of(folder: Path, model, count: int = 10) -> list[AlignmentExample]:
    drops = Drops()
    made = build_examples(
        utterances(folder / "audio", count), model.prompts, VIEWS, max_tokens=200, drops=drops
    )
    assert not drops.counts
    return made


def batch_of(examples: list[AlignmentExample], model, size: int) -> Batch:
    batches = alignment_batches(examples, model, batch_size=size, seed=1, shuffle=False)
    return batches.load(0, 0).value


def task_for(stage: TrainingStage, model, examples: list[AlignmentExample]) -> Task:
    only_training(model, parts_of(model, stage.trains))
    step = Alignment(frozenset(stage.weights))
    return Task(
        name=stage.name,
        model=model,
        step=step,
        weights=stage.weights,
        train=alignment_batches(examples, model, batch_size=5, seed=1),
        scope=step.scope,
    )


def test_the_two_views_differ_in_the_speech_only(tmp_path: Path) -> None:
    model = tiny_model(tmp_path)
    utterance = utterances(tmp_path, 2)[1]
    example = build_example(utterance, model.prompts, VIEWS)
    flat = [i for p in example.text_view for i in (p.words if isinstance(p, SpeechPlace) else p)]
    said = model.prompts.conversation("Listen. The person sounds happy.", [], "words 1")
    assert flat == said
    assert model.tokenizer.decode(example.reply).startswith("reply 1")
    assert sum(isinstance(piece, SpeechPlace) for piece in example.speech_view) == 1


def test_a_cut_continuation_does_not_teach_the_end(tmp_path: Path) -> None:
    model = tiny_model(tmp_path)
    utterance = utterances(tmp_path, 1)[0]
    whole = build_example(utterance, model.prompts, VIEWS)
    cut = build_example(utterance.model_copy(update={"ended": False}), model.prompts, VIEWS)
    ending = tuple(model.prompts.reply_ending())
    assert whole.reply == (*cut.reply, *ending)
    assert not set(cut.reply) & set(model.tokenizer.end_ids)


def test_incomplete_examples_are_counted(tmp_path: Path) -> None:
    model = tiny_model(tmp_path)
    good = utterances(tmp_path, 1)[0]
    changes = [{"text": " "}, {"continuation": ""}, {"continuation": "x" * 300}]
    drops = Drops()
    items = [good, *(good.model_copy(update=change) for change in changes)]
    kept = build_examples(items, model.prompts, VIEWS, max_tokens=200, drops=drops)
    assert len(kept) == 1
    assert sum(drops.counts.values()) == 3
    assert "longer than 200 tokens" in drops.counts


def test_the_loss_of_a_batch_is_that_of_its_examples(tmp_path: Path) -> None:
    model = tiny_model(tmp_path)
    examples = examples_of(tmp_path, model, 4)
    step = Alignment(frozenset({"response_kl", "response_ce", "input_er"}))

    def terms(batch: Batch) -> dict[str, float]:
        with torch.no_grad(), step.scope(model, batch):
            return {name: float(value) for name, value in step(model, batch).items()}

    together = terms(batch_of(examples, model, 4))
    alone = [terms(batch_of([example], model, 1)) for example in examples]
    sizes = [len(example.reply) for example in examples]
    for name in ("response_kl", "response_ce"):
        mean = sum(t[name] * n for t, n in zip(alone, sizes, strict=True)) / sum(sizes)
        assert together[name] == pytest.approx(mean, abs=1e-4)
    assert together["input_er"] == pytest.approx(sum(t["input_er"] for t in alone) / 4, abs=1e-4)


def test_response_positions_predict_the_reply(tmp_path: Path) -> None:
    model = tiny_model(tmp_path)
    batch = batch_of(examples_of(tmp_path, model, 3), model, 3)
    for view in (batch.speech, batch.text):
        ahead = view.ids[:, 1:][view.response[:, :-1]]
        assert torch.equal(ahead, view.labels[view.labels != IGNORED])


def test_spoken_history_fills_its_own_positions(tmp_path: Path) -> None:
    model = tiny_model(tmp_path)
    first, second = utterances(tmp_path / "audio", 2)
    talk = second.model_copy(
        update={"history": (("words 0", "yes"),), "history_audio": (first.audio,)}
    )
    example = build_example(talk, model.prompts, VIEWS)
    batch = batch_of([example, build_example(first, model.prompts, VIEWS)], model, 2)
    assert batch.frames.shape == (3,)
    assert batch.emotions.tolist().count(IGNORED) == 1
    step = Alignment(frozenset({"response_ce"}))
    with step.scope(model, batch):
        loss = step(model, batch)["response_ce"]
    assert torch.isfinite(loss)
    written = talk.model_copy(update={"history_audio": ()})
    alone = batch_of([build_example(written, model.prompts, VIEWS)], model, 1)
    assert alone.frames.shape == (1,)


@pytest.mark.parametrize("stage", [SEMANTIC, EMOTION], ids=lambda stage: stage.name)
def test_gradients_reach_what_trains_and_nothing_else(stage: TrainingStage, tmp_path: Path) -> None:
    model = tiny_model(tmp_path)
    only_training(model, parts_of(model, stage.trains))
    batch = batch_of(examples_of(tmp_path, model, 5), model, 5)
    step = Alignment(frozenset(stage.weights))
    with step.scope(model, batch):
        terms = step(model, batch)
        sum(terms[name] for name in stage.weights).backward()  # type: ignore[union-attr]
    reached = {n for n, p in model.named_parameters() if p.grad is not None}
    parts = {part for name in reached for part in stage.trains if f".{part}." in f".{name}."}
    assert parts == set(parts_of(model, stage.trains))
    assert all(any(f".{p}." in f".{n}." for p in stage.trains) for n in reached)


@pytest.mark.parametrize("adapter", ["subsampler", "cformer"])
def test_semantic_alignment_brings_the_runs_together(adapter: str, tmp_path: Path) -> None:
    model = tiny_model(tmp_path, adapter=adapter)
    weights = {"response_kl": 1.0} | ({"cif": 0.1, "input_kl": 0.1} if adapter == "cformer" else {})
    task = task_for(replace(SEMANTIC, weights=weights), model, examples_of(tmp_path, model))
    settings = small_settings(epochs=20, accumulate=1, learning_rate=3e-3, weight_decay=0.0)
    fit(task, settings, tmp_path / "run")
    found = [line["response_kl"] for line in read_history(tmp_path / "run" / "history.jsonl")]
    assert sum(found[-2:]) < 0.7 * sum(found[:2])


def test_emotion_alignment_learns_emotions_and_replies(tmp_path: Path) -> None:
    model = tiny_model(tmp_path, emotion_head="attentive")
    task = task_for(EMOTION, model, examples_of(tmp_path, model))
    settings = small_settings(epochs=40, accumulate=1, learning_rate=1e-2, log_every=2)
    fit(task, settings, tmp_path / "run")
    first, *_, last = read_history(tmp_path / "run" / "history.jsonl")
    assert last["emotion_right"] == 1.0
    assert last["response_ce"] < first["response_ce"] - 0.1


@pytest.mark.parametrize("heard", [True, False])
def test_replies_teach_the_emotion_head_where_it_is_heard(heard: bool, tmp_path: Path) -> None:
    config = replace(BlspEmoConfig.tiny(emotion_head="spectral"), emotion_in_embeddings=True)
    model = BlspEmo(config).eval()
    model.tokenizer = byte_tokenizer(tmp_path)
    assert model.emotion_vectors is not None
    torch.nn.init.normal_(model.emotion_vectors.weight)
    only_training(model, ("emotion_head", "emotion_vectors"))
    batch = batch_of(examples_of(tmp_path, model, 5), model, 5)
    step = Alignment(frozenset({"response_ce"}), emotion_told="heard" if heard else "label")
    with step.scope(model, batch):
        step(model, batch)["response_ce"].backward()
    reached = {n.split(".")[0] for n, p in model.named_parameters() if p.grad is not None}
    assert reached == ({"emotion_head"} if heard else set()) | {"emotion_vectors"}


def test_checkpointing_gives_the_same_gradients(tmp_path: Path) -> None:
    found: list[dict[str, torch.Tensor]] = []
    for checkpointing in (False, True):
        model = tiny_model(tmp_path / str(checkpointing)).train()
        only_training(model, parts_of(model, EMOTION.trains))
        for name, parameter in model.named_parameters():
            if name.endswith("lora_b"):
                torch.nn.init.constant_(parameter, 0.02)
        if checkpointing:
            recompute_activations(model)
        batch = batch_of(examples_of(tmp_path, model, 3), model, 3)
        step = Alignment(frozenset(EMOTION.weights))
        with step.scope(model, batch):
            step(model, batch)["response_ce"].backward()
        found.append({n: p.grad for n, p in model.named_parameters() if p.grad is not None})
    assert found[0].keys() == found[1].keys() != set()
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient)


def test_too_short_and_missing_audio_is_left_out_and_named(tmp_path: Path) -> None:
    model = tiny_model(tmp_path)
    good = utterances(tmp_path / "audio", 2)
    gone = Utterance(id="gone", audio=str(tmp_path / "no.wav"), text="a", continuation="b")
    short = good[1].model_copy(update={"id": "short", "audio": good[1].audio + ":0:50"})
    examples = [build_example(u, model.prompts, VIEWS) for u in (good[0], gone, short)]
    loaded = alignment_batches(examples, model, batch_size=3, seed=1, shuffle=False).load(0, 0)
    assert loaded.names == ("u0",)
    assert any("gone" in line for line in loaded.unreadable)
    assert any("50 samples" in line for line in loaded.unreadable)
