from pathlib import Path

import pytest
import torch

from models import int8
from models.blsp_emo import BlspEmo
from models.checkpoints import checkpoint
from models.checkpoints.checkpoint import read_tokenizer
from models.checkpoints.hub import checkpoint_folder
from models.pretrained import unpacked as unpacking
from models.pretrained.store import Store
from models.weights import WeightFiles
from train.alignment.assemble import write_assembled
from train.alignment.settings import AssembleSettings
from train.language.settings import LanguageSettings
from train.language.stage import start, teach
from train.llm_updates import as_changes
from train.loop.settings import LoopSettings
from train.slim import SlimSettings, slim

TALKS = "".join(
    f"{feeling}> {thing}.\n< {answer}\n\n"
    for thing in ("It rained", "We won", "He left", "She came")
    for feeling, answer in (("", "I see."), ("sad", "Oh no."), ("happy", "Oh yes!"))
)


@pytest.fixture
def settings(store: Store, tmp_path: Path) -> LanguageSettings:
    del store  # the parts that `tongue` names
    (tmp_path / "talks.txt").write_text(TALKS)
    loop = LoopSettings(epochs=2, learning_rate=3e-3, warmup_steps=1, evaluate_every=50)
    return LanguageSettings(
        run=tmp_path / "run",
        llm="tongue",
        material=(tmp_path / "talks.txt",),
        domain_exchanges=4,
        lora_rank=2,
        valid_share=0.3,
        loop=loop,
    )


def test_what_is_taught_becomes_an_llm_that_a_model_is_assembled_from(
    settings: LanguageSettings, tmp_path: Path
) -> None:
    outcome = teach(settings)
    assert outcome.ending == "finished"
    taught, before = WeightFiles(outcome.best), WeightFiles(checkpoint_folder("tongue"))
    assert set(before.names()) - {"lm_head.weight"} <= set(taught.names())
    changed = [
        name for name in before.names() if not torch.equal(taught.read(name), before.read(name))
    ]
    assert changed and all("_proj" in name for name in changed)
    start = {"speech": "ears", "llm": str(outcome.best), "adapter": "words", "lora_rank": 0}
    write_assembled(
        AssembleSettings(**start, emotion_head="attentive", out=tmp_path / "model", talk_turns=8)
    )
    model = BlspEmo.from_pretrained(tmp_path / "model", device="cpu")
    assert model.tokenizer.encode("hi") == read_tokenizer(outcome.best).encode("hi")
    assert model.config.talk_turns == 8
    assert model.emotion_vectors is not None
    learnt = taught.read("emotion_vectors.weight")
    assert learnt.any() and torch.equal(model.emotion_vectors.weight, learnt)
    with pytest.raises(ValueError, match="exists"):
        write_assembled(AssembleSettings(**start, out=tmp_path / "model"))


def test_the_exported_llm_computes_what_the_trained_one_does(
    settings: LanguageSettings,
) -> None:
    from train.language.stage import export

    folder = checkpoint_folder("tongue")
    tokenizer = read_tokenizer(folder)
    model = start(folder, tokenizer, 2).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("lora_b"):
            torch.nn.init.normal_(parameter, std=0.1)
    settings.run.mkdir()
    export(model, settings.run, tokenizer, {"model_type": "llama"})
    weights = WeightFiles(settings.run)
    name = "model.layers.0.mlp.up_proj"
    layer = model.llm.causal.get_submodule(name)
    states = torch.randn(1, 3, layer.in_features)
    expected = torch.nn.functional.linear(states, weights.read(f"{name}.weight"))
    assert torch.allclose(layer(states), expected, atol=1e-5)


def test_a_stopped_run_is_not_mixed_with_other_material(settings: LanguageSettings) -> None:
    teach(settings)
    settings.material[0].write_text(TALKS + "> Hello.\n< Hi.\n")
    with pytest.raises(ValueError, match="material"):
        teach(settings)


def test_a_run_goes_on_from_the_updates_of_another(
    settings: LanguageSettings, tmp_path: Path
) -> None:
    from train.language.stage import take_updates

    taught = teach(settings).best
    folder = checkpoint_folder("tongue")
    model = start(folder, read_tokenizer(folder), 2)
    take_updates(model, taught)
    learnt = WeightFiles(taught)
    name = "model.layers.0.mlp.up_proj"
    layer = model.llm.causal.get_submodule(name)
    states = torch.randn(1, 3, layer.in_features)
    expected = torch.nn.functional.linear(states, learnt.read(f"{name}.weight"))
    assert torch.allclose(layer(states), expected, atol=1e-5)
    with pytest.raises(ValueError, match="another LLM or rank"):
        take_updates(start(folder, read_tokenizer(folder), 4), taught)
    with pytest.raises(ValueError, match="does not exist"):
        take_updates(model, tmp_path)


def test_what_an_llm_in_8_bits_is_taught_is_kept_beside_its_part(
    settings: LanguageSettings, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "LARGE", 0)
    monkeypatch.setattr(int8, "LEAST_QUANTIZED", 1)
    outcome = teach(settings.model_copy(update={"frozen": "int8"}))
    assert [path.name for path in outcome.best.iterdir()] == ["updates.safetensors"]
    model = tmp_path / "model"
    write_assembled(_around(outcome.best, out=model))
    slim(SlimSettings(model=model, speech="ears", llm="tongue", out=tmp_path / "small"))
    kept = WeightFiles(tmp_path / "small").names()
    matrices = [name for name in kept if name.startswith("llm.")]
    assert matrices and all(name.endswith((".down", ".up")) for name in matrices)
    quick, exact = (
        BlspEmo.from_pretrained(tmp_path / "small", dtype=dtype, device="cpu")
        for dtype in ("auto", "float32")
    )
    assert quick.emotion_vectors is not None and quick.emotion_vectors.weight.any()
    ids = torch.tensor([[5, 200, 17, 99]])
    with torch.no_grad():
        ours, theirs = (one.llm(one.llm.embed(ids)).flatten() for one in (quick, exact))
    assert torch.cosine_similarity(ours, theirs, dim=0) > 0.99
    assert [p.dtype for p in quick.llm.parameters()] == [torch.float32] * 5, "norms alone"
    with pytest.raises(ValueError, match="in 8 bits cannot be saved"):
        checkpoint.save(quick.checkpoint(), tmp_path / "again")


def test_a_run_goes_on_from_what_a_checkpoint_changes_of_its_llm(
    settings: LanguageSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "LARGE", 0)
    monkeypatch.setattr(int8, "LEAST_QUANTIZED", 1)
    best = teach(settings.model_copy(update={"frozen": "int8"})).best
    write_assembled(_around(best, out=tmp_path / "model"))
    slim(
        SlimSettings(model=tmp_path / "model", speech="ears", llm="tongue", out=tmp_path / "small")
    )
    of_run, of_checkpoint = as_changes(best), as_changes(tmp_path / "small")
    assert of_run.keys() == of_checkpoint.keys()
    for name, values in of_run.items():
        assert torch.allclose(of_checkpoint[name].float(), values.float(), atol=1e-2), name
    onwards = {"updates": tmp_path / "small", "run": tmp_path / "onwards"}
    assert teach(settings.model_copy(update=onwards)).ending == "finished"


def test_updates_are_added_to_a_part_however_it_is_stored_and_below_other_updates(
    settings: LanguageSettings, tmp_path: Path
) -> None:
    best = teach(settings).best
    write_assembled(_around(best, out=tmp_path / "model", lora_rank=2))
    model = BlspEmo.from_pretrained(tmp_path / "model", dtype="float32", device="cpu")
    taught = WeightFiles(best)
    for name in taught.names():
        if name.endswith("q_proj.weight"):
            ours = model.get_parameter(f"llm.causal.{name.removesuffix('weight')}base.weight")
            assert torch.allclose(ours, taught.read(name), atol=5e-3), name
    whole, half = as_changes(best), as_changes(best, 0.5)
    for name, values in whole.items():
        assert torch.allclose(half[name] * (2 if name.endswith(".up") else 1), values, rtol=0.02)
    with pytest.raises(ValueError, match="name a part of the catalogue"):
        write_assembled(_around(best, out=tmp_path / "b").model_copy(update={"llm": str(best)}))


def _around(best: Path, *, out: Path, lora_rank: int = 0) -> AssembleSettings:
    return AssembleSettings(
        speech="ears",
        llm="tongue",
        updates=best,
        adapter="words",
        emotion_head="attentive",
        lora_rank=lora_rank,
        out=out,
    )
