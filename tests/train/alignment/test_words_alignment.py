"""Both stages with the adapter `words`, and the words that the decoder itself hears."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.adapters.words import NOTHING_UNDERSTOOD
from models.blsp_emo import BlspEmo
from models.checkpoints import checkpoint
from models.config import BlspEmoConfig, TranscriptionConfig
from models.pretrained.store import Store
from models.words.written import WrittenWords
from tests.train.small import small_settings
from tests.train.tiny import byte_tokenizer, utterances
from train.alignment.assemble import assemble
from train.alignment.collate import Batch
from train.alignment.examples import ViewSettings, build_example
from train.alignment.hear import hear
from train.alignment.settings import AlignSettings, HearSettings
from train.alignment.stages import EMOTION, SEMANTIC, only_training, parts_of
from train.alignment.step import Alignment, alignment_batches
from train.data.manifest import Utterance, read_manifest, write_manifest
from train.loop.fit import fit
from train.loop.report import read_history
from train.loop.task import Task

START, END = 257, 256
VIEWS = ViewSettings(persona="Listen.")


@pytest.fixture
def model(tmp_path: Path) -> BlspEmo:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    tiny = BlspEmoConfig.tiny(
        adapter="words", emotion_head="attentive", decoder=True, start_ids=(START,), lora=False
    )
    letters = set(byte_tokenizer(tmp_path).encode("abcdefgh "))
    transcription = TranscriptionConfig(
        prompt_ids=(START,), stop_ids=(END,), suppressed_ids=tuple(set(range(300)) - letters)
    )
    config = replace(tiny, emotion_in_embeddings=True, transcription=transcription)
    made = BlspEmo(config).eval()
    made.tokenizer = byte_tokenizer(tmp_path)
    return made


def told_in(model: BlspEmo, positions: int) -> BlspEmo:
    """Returns `model` with the emotion in so many positions of its own."""
    made = BlspEmo(replace(model.config, emotion_positions=positions)).eval()
    made.load_state_dict(
        {n: t for n, t in model.state_dict().items() if n != "emotion_vectors.weight"},
        strict=False,
    )
    made.tokenizer = model.tokenizer
    return made


def batch_of(model: BlspEmo, said: list[Utterance]) -> Batch:
    examples = [build_example(u, model.prompts, VIEWS) for u in said]
    return (
        alignment_batches(
            examples,
            model,
            batch_size=len(examples),
            seed=1,
            shuffle=False,
        )
        .load(0, 0)
        .value
    )


def loss(model: BlspEmo, batch: Batch, term: str, **options: str) -> float:
    step = Alignment(frozenset({term}), **options)  # pyright: ignore[reportArgumentType]
    with torch.no_grad(), step.scope(model, batch):
        return float(step(model, batch)[term])


def test_as_it_begins_speech_is_answered_as_its_words_are(model: BlspEmo, tmp_path: Path) -> None:
    batch = batch_of(model, utterances(tmp_path, 4))
    assert loss(model, batch, "response_kl") < 1e-7
    torch.nn.init.normal_(model.adapter.get_parameter("residual.weight"))
    assert loss(model, batch, "response_kl") > 1e-6


def test_what_was_heard_is_given_and_what_was_said_is_taught(
    model: BlspEmo, tmp_path: Path
) -> None:
    said = [
        u.model_copy(update={"heard": heard})
        for u, heard in zip(utterances(tmp_path, 2), ("wordse", "a longer one"), strict=True)
    ]
    batch = batch_of(model, said)
    assert batch.given is not None
    given = [
        model.tokenizer.decode(row[:count].tolist())
        for row, count in zip(batch.given.ids, batch.given.counts, strict=True)
    ]
    assert given == ["wordse", "a longer one"]
    assert batch.word_tokens.tolist() == [7, 7]
    assert loss(model, batch, "response_kl") > 1e-6


@pytest.mark.parametrize("positions", [0, 2])
def test_training_gives_the_llm_what_a_talk_gives_it(
    model: BlspEmo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, positions: int
) -> None:
    model = told_in(model, positions)
    torch.nn.init.normal_(model.adapter.get_parameter("residual.weight"))
    torch.nn.init.normal_(model.get_parameter("emotion_vectors.weight"))
    said = utterances(tmp_path, 3)
    left = [f" {u.text}" for u in said]

    def written(decoder, config, states, _, **__) -> WrittenWords:
        ids = tuple(model.tokenizer.encode(left.pop(0)))
        chosen = decoder.written(torch.tensor([ids]), states, prompt=config.prompt_ids)[0]
        return WrittenWords(ids, (-0.1,) * (len(ids) + 1), states=chosen)

    monkeypatch.setattr("models.blsp_emo.written_words", written)
    heards = [model.hear(_waveform(u)) for u in said]
    batch = batch_of(model, said)
    step = Alignment(frozenset({"response_ce"}), emotion_told="heard")
    with torch.no_grad():
        states = model.encode(batch.features())
        embedded = step._embedded(model, batch, states, None)
    for row, heard in enumerate(heards):
        assert torch.allclose(embedded.of(row), heard.speech_embeddings, atol=1e-4)
    assert batch.speech.spoken.sum(dim=1).tolist() == [len(h.speech_embeddings) for h in heards]


@pytest.mark.parametrize("positions", [0, 2])
def test_what_was_not_understood_carries_nothing_but_three_dots(
    model: BlspEmo, tmp_path: Path, positions: int
) -> None:
    model = told_in(model, positions)
    torch.nn.init.normal_(model.adapter.get_parameter("residual.weight"))
    torch.nn.init.normal_(model.get_parameter("emotion_vectors.weight"))
    said = utterances(tmp_path, 2)
    said[1] = said[1].model_copy(update={"heard": NOTHING_UNDERSTOOD})
    batch = batch_of(model, said)
    assert batch.given is not None
    step = Alignment(frozenset({"response_ce"}))
    with torch.no_grad():
        states = model.encode(batch.features())
        embedded = step._embedded(model, batch, states, step._known_emotions(model, batch))
        inputs = model.llm.embed(batch.speech.ids, batch.speech.spoken, embedded.flat)
    dots = model.llm.embed(torch.tensor(model.tokenizer.encode(NOTHING_UNDERSTOOD)))
    assert torch.equal(inputs[1][batch.speech.spoken[1]], dots)
    assert not torch.equal(embedded.of(0), model.llm.embed(batch.given.ids)[0])


@pytest.mark.parametrize("stage", [SEMANTIC, EMOTION])
def test_each_stage_trains_what_the_model_has(stage, model: BlspEmo, tmp_path: Path) -> None:
    parts = parts_of(model, stage.trains)
    assert "adapter" in parts and "lora_a" not in parts
    only_training(model, parts)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    said = [u.model_copy(update={"heard": "worse"}) for u in utterances(tmp_path / "audio", 8)]
    step = Alignment(frozenset(stage.weights))
    batches = alignment_batches(
        [build_example(u, model.prompts, VIEWS) for u in said], model, batch_size=4, seed=1
    )
    task = Task(
        name=stage.name,
        model=model,
        step=step,
        weights=stage.weights,
        train=batches,
        scope=step.scope,
    )
    settings = small_settings(epochs=20, accumulate=1, learning_rate=1e-2, log_every=2)
    fit(task, settings, tmp_path / "run")
    first, *_, last = read_history(tmp_path / "run" / "history.jsonl")
    assert last["loss"] < first["loss"]
    moved = {
        name.split(".")[0]
        for name, parameter in model.named_parameters()
        if not torch.equal(parameter, before[name])
    }
    assert moved == set(parts)


def test_a_model_is_assembled_of_parts_and_answers_at_once(store: Store, tmp_path: Path) -> None:
    settings = AlignSettings(
        speech="ears",
        llm="tongue",
        adapter="words",
        emotion_head="attentive",
        emotion_vectors=True,
        lora_rank=0,
    )
    model = assemble(settings)
    assert model.config.word_confidence is not None
    assert not model.get_parameter("emotion_vectors.weight").any()
    assert not model.get_parameter("adapter.residual.weight").any()
    checkpoint.save(model.checkpoint(), tmp_path / "made")
    again = BlspEmo.from_pretrained(tmp_path / "made", dtype="float32", device="cpu")
    assert again.hear(_tone()).words == model.hear(_tone()).words


def test_a_manifest_is_heard_once_and_goes_on_after_a_kill(
    model: BlspEmo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.save(model.checkpoint(), tmp_path / "model")
    said = [u.model_copy(update={"audio": Path(u.audio).name}) for u in utterances(tmp_path, 4)]
    said[2] = said[2].model_copy(update={"audio": "gone.wav"})
    write_manifest(tmp_path / "all.jsonl", said)
    settings = HearSettings(manifest=tmp_path / "all.jsonl", model=str(tmp_path / "model"))
    monkeypatch.setattr("train.alignment.hear.heard_words", _killed_after(1))
    with pytest.raises(KeyboardInterrupt):
        hear(settings)
    monkeypatch.setattr("train.alignment.hear.heard_words", lambda _m, u, _r: _spoken(u))
    out = hear(settings)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["heard"] for line in lines] == ["first", "u1", "u3"]
    assert [line["text"] for line in lines] == ["words 0", "words 1", "words 3"]
    assert sorted(p.name for p in tmp_path.glob("all.heard*")) == ["all.heard.jsonl"]
    assert read_manifest(out, check_audio=False).utterances[0].heard == "first"


def _killed_after(count: int):
    left = [count]

    def heard(_model, _utterance, _root) -> str:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return "first"

    return heard


def _spoken(utterance: Utterance) -> str:
    if utterance.audio == "gone.wav":
        raise ValueError("there is no file gone.wav")
    return utterance.id


def _waveform(utterance: Utterance):
    from train.data.audio_files import read_audio

    return read_audio(utterance.audio, Path())


def _tone():
    from tests.models.small import tone

    return tone(0.6)
