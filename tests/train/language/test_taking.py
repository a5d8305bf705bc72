from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from models import int8
from models.blsp_emo import BlspEmo
from models.checkpoints.checkpoint import TALKS_FILE, read_tokenizer
from models.checkpoints.hub import checkpoint_folder
from models.pretrained import unpacked as unpacking
from models.pretrained.store import Store
from tests.train.language.test_voice import OF_BOTH, TALKS, learning, small_checkpoint
from train.language.settings import LanguageSettings
from train.language.stage import CompanionLlm, begin, teach
from train.language.taking import TakeUpdatesSettings, take_updates_of_run
from train.loop.run_folder import file_sha256


@pytest.fixture
def checkpoint(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small checkpoint of what a run taught, as mini is one."""
    del store
    monkeypatch.setattr(unpacking, "LARGE", 0)
    monkeypatch.setattr(int8, "LEAST_QUANTIZED", 1)
    (tmp_path / "talks.txt").write_text(TALKS)
    return small_checkpoint(teach(learning(tmp_path)).folder / "last", tmp_path)


def test_a_checkpoint_talks_as_a_later_run_taught(checkpoint: Path, tmp_path: Path) -> None:
    further = learning(tmp_path, run=tmp_path / "further", updates=checkpoint)
    taught = teach(further).folder / "last"
    out = tmp_path / "new"
    take_updates_of_run(TakeUpdatesSettings(model=checkpoint, updates=taught, out=out))
    own = load_file(out / TALKS_FILE)
    halves = {name: values for name, values in own.items() if not name.endswith(".scale")}
    assert halves and all(values.dtype == torch.int8 for values in halves.values())
    same = [path for path in checkpoint.glob("*.safetensors") if path.name == "ears.safetensors"]
    assert all(file_sha256(path) == file_sha256(out / path.name) for path in same)
    before, after = (BlspEmo.from_pretrained(folder, device="cpu") for folder in (checkpoint, out))
    ids = torch.tensor([after.prompts.content("It rained.")])
    with torch.no_grad():
        old, new = (model.llm(model.llm.embed(ids)) for model in (before, after))
        meant, again = (each.llm(each.llm.embed(ids)) for each in (begun(taught), begun(out)))
    assert torch.allclose(new, meant, atol=0.05)
    assert torch.allclose(again, meant, atol=0.05), "another run goes on from what is in 8 bits"
    assert not torch.allclose(new, old, atol=0.05)


def begun(updates: Path) -> CompanionLlm:
    folder = checkpoint_folder("tongue")
    settings = LanguageSettings(**OF_BOTH, updates=updates)  # pyright: ignore[reportArgumentType]
    return begin(settings, folder, read_tokenizer(folder), seed=1).eval()


def test_what_cannot_be_taken_is_told(checkpoint: Path, tmp_path: Path) -> None:
    settings = TakeUpdatesSettings(model=checkpoint, updates=tmp_path, out=checkpoint)
    with pytest.raises(ValueError, match="choose another --out"):
        take_updates_of_run(settings)
    elsewhere = settings.model_copy(update={"out": tmp_path / "new"})
    with pytest.raises(ValueError, match="does not exist: name the folder"):
        take_updates_of_run(elsewhere)
    assert not (tmp_path / "new").exists()
