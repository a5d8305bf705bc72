from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from models.blsp_emo import BlspEmo
from models.checkpoints import checkpoint
from models.pretrained.store import Store
from models.weights import CheckpointError
from tests.models.small import tone
from train.alignment.assemble import assemble
from train.alignment.settings import AlignSettings
from train.slim import SlimSettings, slim

STATES = "speech_encoder.whisper.layers.1.fc1.weight"
MATRIX = "llm.causal.model.layers.0.mlp.up_proj.base.weight"
NORM = "llm.causal.model.norm.weight"


def kept_in(folder: Path) -> dict[str, torch.Tensor]:
    """Returns what a small checkpoint holds: of its language, of its ears, and its emotion head."""
    files = (
        "model.safetensors",
        "ears.safetensors",
        checkpoint.EMOTION_FILE,
        checkpoint.TALKS_FILE,
    )
    rest, hears, feels, talks = (load_file(folder / name) for name in files)
    assert not any(name.startswith((*checkpoint.EARS, checkpoint.LLM)) for name in rest)
    assert all(name.startswith(checkpoint.LLM) for name in talks)
    assert all(name.startswith(("speech_encoder.", "decoder.")) for name in hears)
    assert all(name.startswith(checkpoint.EMOTION_HEAD) for name in feels)
    return rest | talks | hears | feels


@pytest.fixture
def trained(store: Store, tmp_path: Path) -> tuple[BlspEmo, Path]:
    """A model of both parts, of which a matrix, a norm and the adapter have learnt something."""
    model = assemble(AlignSettings(speech="ears", llm="tongue", adapter_width=8, lora_rank=2))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name in (STATES, MATRIX):
            weight = model.get_parameter(name)
            halves = [torch.randn(n, 3, generator=generator) for n in weight.shape]
            weight += 0.1 * halves[0] @ halves[1].T
        model.get_parameter(NORM).mul_(1.5)
    checkpoint.save(model.checkpoint(), tmp_path / "whole")
    return model, tmp_path / "whole"


def test_what_was_trained_is_kept_and_the_rest_comes_from_the_parts(
    trained: tuple[BlspEmo, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, whole = trained
    out = tmp_path / "small"
    slim(SlimSettings(model=whole, out=out, speech="ears", llm="tongue", rank=4, speech_rank=4))
    assert "MB, 100.00 % of what changed in the parts" in capsys.readouterr().out
    kept = kept_in(out)
    assert {f"{MATRIX}.down", f"{MATRIX}.up", f"{STATES}.up", NORM} <= kept.keys()
    assert not any("self_attn.k_proj.base" in name for name in kept)
    assert not (out / "tokenizer.json").exists()
    again = BlspEmo.from_pretrained(out, dtype="float32", device="cpu")
    for name, parameter in model.named_parameters():
        assert torch.allclose(again.get_parameter(name), parameter, atol=0.01), name
    heard, meant = again.hear(tone(0.6)), model.hear(tone(0.6))
    assert torch.allclose(heard.speech_embeddings, meant.speech_embeddings, atol=0.05)
    assert again.tokenizer.encode("hi 9") == model.tokenizer.encode("hi 9")


def test_a_checkpoint_whose_parts_cannot_be_had_names_the_remedy(
    trained: tuple[BlspEmo, Path], tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "small"
    slim(SlimSettings(model=trained[1], out=out, speech="ears", llm="tongue"))
    monkeypatch.setattr(store, "folder", tmp_path / "elsewhere")
    monkeypatch.setenv("ATTUNE_PARTS", str(tmp_path / "nowhere"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(CheckpointError, match="ears could not be fetched"):
        BlspEmo.from_pretrained(out, device="cpu")


def test_a_tensor_that_neither_has_is_told(trained: tuple[BlspEmo, Path], tmp_path: Path) -> None:
    from safetensors.torch import save_file

    out = tmp_path / "small"
    slim(SlimSettings(model=trained[1], out=out, speech="ears", llm="tongue"))
    kept = load_file(out / "model.safetensors")
    lost = next(name for name in kept if name.startswith("adapter."))
    save_file({n: t for n, t in kept.items() if n != lost}, out / "model.safetensors")
    with pytest.raises(CheckpointError, match=f"lacks the tensor {lost}, and so do its parts"):
        BlspEmo.from_pretrained(out, device="cpu")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"speech": "", "llm": ""}, "name what the checkpoint was made of"),
        ({"out": Path(__file__).parent}, "exists: choose another --out"),
    ],
)
def test_orders_that_cannot_be_carried_out_are_refused(
    change: dict[str, object], why: str, tmp_path: Path
) -> None:
    settings = SlimSettings(model=tmp_path, out=tmp_path / "small", speech="ears")
    with pytest.raises(ValueError, match=why):
        slim(settings.model_copy(update=change))


def test_parts_are_written_into_the_configuration_and_read_back(
    trained: tuple[BlspEmo, Path], tmp_path: Path
) -> None:
    out = tmp_path / "small"
    slim(SlimSettings(model=trained[1], out=out, llm="tongue"))
    config, _ = checkpoint.read_config(out)
    assert config.parts is not None
    assert (config.parts.llm, config.parts.speech) == ("tongue", "")
    assert replace(config, parts=None) == trained[0].config


def test_what_changed_in_the_ears_is_kept_whole_in_the_format_of_their_part(
    trained: tuple[BlspEmo, Path], tmp_path: Path, store: Store
) -> None:
    del store
    model, whole = trained
    slim(SlimSettings(model=whole, out=tmp_path / "small", speech="ears", llm="tongue", rank=4))
    kept = kept_in(tmp_path / "small")
    assert kept[STATES].dtype == torch.float16
    assert torch.allclose(kept[STATES].float(), model.get_parameter(STATES), atol=0.01)
    assert f"{MATRIX}.up" in kept


def test_a_shard_is_exchanged_without_writing_the_rest_again(
    trained: tuple[BlspEmo, Path], tmp_path: Path
) -> None:
    """What another shard brings anew, and what nobody needs any more, may stay in the old file."""
    from safetensors.torch import save_file

    out = tmp_path / "small"
    slim(SlimSettings(model=trained[1], out=out, speech="ears", llm="tongue"))
    talks = load_file(out / "model.safetensors")
    stale = {STATES: torch.zeros(3), "emotion_head.members.7.score.bias": torch.ones(2)}
    save_file({**talks, **stale}, out / "model.safetensors")
    again = BlspEmo.from_pretrained(out, dtype="float32", device="cpu")
    wanted = trained[0].get_parameter(STATES)
    assert torch.allclose(again.get_parameter(STATES), wanted, atol=0.01)


def test_a_change_is_added_to_what_the_checkpoint_holds_itself(
    trained: tuple[BlspEmo, Path], tmp_path: Path
) -> None:
    out = tmp_path / "small"
    slim(SlimSettings(model=trained[1], out=out, speech="ears", llm="tongue"))
    tensors = kept_in(out)
    assert STATES in tensors, "its own, not the part's"
    rows, columns = tensors[STATES].shape
    change = {f"{STATES}.down": torch.ones(1, columns), f"{STATES}.up": torch.ones(rows, 1)}
    checkpoint.write_apart(tensors | change, out)
    again = BlspEmo.from_pretrained(out, dtype="float32", device="cpu")
    wanted = trained[0].get_parameter(STATES) + 1
    assert torch.allclose(again.get_parameter(STATES), wanted, atol=0.01)
