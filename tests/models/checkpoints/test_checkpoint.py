import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from models import int8, precision
from models.blsp_emo import BlspEmo
from models.checkpoints import checkpoint, filling
from models.transcription import transcribe
from models.weights import CheckpointError
from tests.models.small import tiny_model, tone

PUBLISHED = Path(__file__).parents[2] / "golden" / "subsampler"


def loaded(folder: Path | str, **options) -> BlspEmo:
    return BlspEmo.from_pretrained(folder, **{"dtype": "float32", "device": "cpu", **options})


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("saved")
    checkpoint.save(
        tiny_model(seed=1, decoder=True, start_ids=(257,), stop_ids=(258,)).checkpoint(), folder
    )
    return folder


@pytest.fixture
def copy(saved, tmp_path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "copy"))


@pytest.fixture
def published(tmp_path) -> Path:
    return Path(shutil.copytree(PUBLISHED, tmp_path / "published"))


def edit_weights(folder: Path, change) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


@pytest.mark.parametrize("adapter", ["subsampler", "cformer"])
@pytest.mark.parametrize("head", ["mean", "attentive"])
def test_a_saved_model_is_the_same_model(adapter, head, tmp_path):
    model = tiny_model(seed=8, adapter=adapter, emotion_head=head)
    checkpoint.save(model.checkpoint(), tmp_path)
    again = loaded(tmp_path)
    assert again.config == model.config
    ours, theirs = model.hear(tone(0.7)), again.hear(tone(0.7))
    assert torch.equal(ours.speech_embeddings, theirs.speech_embeddings)
    assert ours.probabilities == theirs.probabilities
    assert not again.training
    assert not list(tmp_path.glob(".*"))


def test_the_published_layout_becomes_ours(tmp_path):
    model = loaded(PUBLISHED)
    checkpoint.save(model.checkpoint(), tmp_path)
    again = loaded(tmp_path)
    ours, theirs = model.hear(tone(0.7)), again.hear(tone(0.7))
    assert torch.equal(ours.speech_embeddings, theirs.speech_embeddings)
    attention = again.llm.causal.model.layers[0].self_attn
    assert attention.q_proj.lora_a is attention.k_proj.lora_a


def test_tied_embeddings_stay_tied(tmp_path):
    import dataclasses

    config = tiny_model().config
    tied = dataclasses.replace(config, llm={**config.llm, "tie_word_embeddings": True})
    checkpoint.save(BlspEmo(tied, tokenizer=tiny_model().tokenizer).checkpoint(), tmp_path)
    causal = loaded(tmp_path).llm.causal
    assert causal.lm_head.weight is causal.model.embed_tokens.weight


def test_weights_can_be_stored_smaller(tmp_path):
    model = tiny_model(seed=8)
    checkpoint.save(model.checkpoint(dtype=torch.bfloat16), tmp_path)
    stored = load_file(tmp_path / "model.safetensors")
    assert {t.dtype for t in stored.values()} == {torch.bfloat16}
    assert {p.dtype for p in loaded(tmp_path).parameters()} == {torch.float32}


def test_large_checkpoints_are_sharded_and_found_by_their_index(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SHARD_BYTES", 100_000)
    model = tiny_model(seed=8)
    checkpoint.save(model.checkpoint(), tmp_path)
    shards = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(shards) > 1
    assert torch.equal(loaded(tmp_path).llm.causal.lm_head.weight, model.llm.causal.lm_head.weight)
    shards[0].unlink()
    with pytest.raises(CheckpointError, match=shards[0].name):
        loaded(tmp_path)


def test_sharded_pickles_of_tensors_load(published):
    expected = loaded(published).hear(tone(0.6)).speech_embeddings
    tensors = load_file(published / "model.safetensors")
    (published / "model.safetensors").unlink()
    names = sorted(tensors)
    weight_map = {}
    for index, half in enumerate((names[::2], names[1::2])):
        file = f"pytorch_model-{index}.bin"
        torch.save({n: tensors[n] for n in half}, published / file)
        weight_map |= dict.fromkeys(half, file)
    index_file = published / "pytorch_model.bin.index.json"
    index_file.write_text(json.dumps({"weight_map": weight_map}))
    assert torch.equal(loaded(published).hear(tone(0.6)).speech_embeddings, expected)


def test_a_pickle_of_before_archives_loads(published):
    tensors = load_file(published / "model.safetensors")
    (published / "model.safetensors").unlink()
    torch.save(tensors, published / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    assert loaded(published).hear(tone(0.6)).speech_embeddings.isfinite().all()


class Attack:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


@pytest.mark.parametrize("archive", [True, False])
def test_code_in_a_pickle_is_refused_and_never_run(published, tmp_path, archive):
    (published / "model.safetensors").unlink()
    file, trace = published / "pytorch_model.bin", tmp_path / "ran"
    if archive:
        torch.save({"x": Attack(str(trace))}, file)
    else:
        file.write_bytes(pickle.dumps({"x": Attack(str(trace))}))
    with pytest.raises(CheckpointError, match="not run"):
        loaded(published)
    assert not trace.exists()


def test_safetensors_are_preferred_to_pickles(published):
    (published / "pytorch_model.bin").write_bytes(b"nonsense")
    loaded(published)


def test_a_missing_tensor_is_named(copy):
    edit_weights(copy, lambda t: t.pop("adapter.fc1.weight"))
    with pytest.raises(CheckpointError, match=r"lacks the tensor adapter\.fc1\.weight"):
        loaded(copy)


def test_a_missing_tensor_of_the_published_layout_is_named(published):
    edit_weights(published, lambda t: t.pop("hidden2emotion.weight"))
    with pytest.raises(CheckpointError, match=r"lacks the tensor hidden2emotion\.weight"):
        loaded(published)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["model.encoder.conv1.weight"], r"\(model\.encoder\.conv1\.weight\)"),
        (["nothing.weight.down"], r"\(nothing\.weight\.down\)"),
        ([f"other.{n}" for n in range(5)], r"\(other\.0, other\.1, other\.2 and 2 more\)"),
    ],
)
def test_tensors_that_the_model_has_no_place_for_are_named(copy, names, told):
    edit_weights(copy, lambda t: t.update({name: torch.zeros(2) for name in names}))
    with pytest.raises(CheckpointError, match=rf"{told}: weights and configuration belong to"):
        loaded(copy)


def test_weights_that_are_shared_may_be_stored_by_each_name(tmp_path):
    import dataclasses

    config = tiny_model().config
    tied = dataclasses.replace(config, llm={**config.llm, "tie_word_embeddings": True})
    checkpoint.save(BlspEmo(tied, tokenizer=tiny_model().tokenizer).checkpoint(), tmp_path)
    embeddings, head = "llm.causal.model.embed_tokens.weight", "llm.causal.lm_head.weight"
    edit_weights(tmp_path, lambda t: t.update({head: t[embeddings].clone()}))
    causal = loaded(tmp_path).llm.causal
    assert causal.lm_head.weight is causal.model.embed_tokens.weight


def test_a_wrong_shape_is_named(copy):
    edit_weights(copy, lambda t: t.update({"adapter.fc1.weight": torch.zeros(3, 4)}))
    with pytest.raises(CheckpointError, match=r"adapter\.fc1\.weight has the shape \[3, 4\]"):
        loaded(copy)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("of", ["adapter.fc1.weight", "adapter.fc2.weight"])
def test_weights_that_are_no_numbers_are_named(copy, value, of):
    edit_weights(copy, lambda t: t[of].view(-1)[3:4].fill_(value))
    with pytest.raises(
        CheckpointError, match=r"adapter\.fc\d\.weight holds values that are no numbers"
    ):
        loaded(copy)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_damaged_files_are_named(copy, name):
    (copy / name).write_bytes((copy / name).read_bytes()[:100])
    with pytest.raises(CheckpointError, match=name):
        loaded(copy)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model.safetensors", "no weights"),
        ("tokenizer.json", "neither tokenizer.json"),
        ("config.json", "config.json is missing"),
    ],
)
def test_missing_files_are_named(copy, name, message):
    (copy / name).unlink()
    with pytest.raises(CheckpointError, match=message):
        loaded(copy)


def test_configurations_of_something_else_are_refused(copy):
    for text, message in (
        ('{"model_type": "llama"}', "not of a BLSP-Emo model"),
        ('{"format": "attune-blsp-emo", "llm": {"model_type": "nope"}}', "describes no model"),
        ('{"format": "attune-blsp-emo", "colour": 1}', "unknown key colour"),
        ('{"whisper_config": {}, "qwen_config": {}}', "lacks the key"),
        ("[]", "no JSON object"),
    ):
        (copy / "config.json").write_text(text)
        with pytest.raises(CheckpointError, match=message):
            loaded(copy)


def test_a_model_that_does_not_fit_is_refused_before_it_is_read(copy, monkeypatch):
    monkeypatch.setattr(precision, "free_bytes", lambda device: 1000)
    monkeypatch.setattr(filling, "fill_parameters", lambda *_args, **_more: pytest.fail("read"))
    with pytest.raises(CheckpointError, match="GiB free: close other programs"):
        loaded(copy)


def test_names_that_lead_nowhere_are_explained(tmp_path, monkeypatch):
    with pytest.raises(CheckpointError, match="there is no folder"):
        loaded(tmp_path / "none")
    with pytest.raises(CheckpointError, match="is a file"):
        (tmp_path / "file").write_text("")
        loaded(tmp_path / "file")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="neither a folder nor in the hub's cache"):
        loaded("nobody/there-is-no-such-model")


def test_formats_that_cannot_work_are_refused(copy):
    with pytest.raises(CheckpointError, match="float16"):
        loaded(copy, dtype="float16")
    with pytest.raises(CheckpointError, match="no device"):
        loaded(copy, device="toaster")


def test_int8_stays_close_and_leaves_the_updates_alone(saved, monkeypatch):
    monkeypatch.setattr(int8, "LEAST_QUANTIZED", 1)
    exact, small = loaded(saved), loaded(saved, quantize="int8")
    heard = exact.hear(tone(0.8))
    mask = torch.ones(1, len(heard.speech_embeddings), dtype=torch.bool)
    logits = []
    for model in (exact, small):
        with torch.no_grad(), model.speech_positions(mask):
            logits.append(model.llm(heard.speech_embeddings[None]))
    assert 0 < (logits[0] - logits[1]).abs().max() < 0.2 * logits[0].abs().max()
    assert small.decoder is not None
    for part in (small.llm, small.speech_encoder, small.decoder):
        assert any(isinstance(m, int8.Int8Linear) for m in part.modules())
    assert all(p.dtype == torch.float32 for p in small.parameters())


@torch.no_grad()
def test_a_decoder_in_int8_writes_with_nearly_the_same_odds(saved, monkeypatch):
    monkeypatch.setattr(int8, "LEAST_QUANTIZED", 1)
    exact, small = loaded(saved), loaded(saved, quantize="int8")
    ids = torch.tensor([[257, 40, 41, 42]])
    states = exact.encode(exact.features([tone(0.8)]))
    assert small.decoder is not None and exact.decoder is not None
    ours, theirs = small.decoder(ids, states), exact.decoder(ids, states)
    assert 0 < (ours - theirs).abs().max() < 0.1 * theirs.abs().max()
    assert transcribe(small, small.hear(tone(0.8))).source == "decoder"


def test_int8_leaves_small_layers_alone(saved):
    small = loaded(saved, quantize="int8")
    assert not any(isinstance(m, int8.Int8Linear) for m in small.llm.modules())


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_the_whole_way_runs_in_each_format(saved, dtype):
    from models.decoding.sampling import Sampling
    from models.talk import TalkSession

    model = loaded(saved, dtype=dtype)
    heard = model.hear(tone(0.5))
    talk = TalkSession(model, sampling=Sampling(max_new_tokens=4))
    talk.listen(heard)
    assert isinstance("".join(talk.reply()), str)
    assert transcribe(model, heard).source == "decoder"
