from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from models import int8
from models.blsp_emo import BlspEmo
from models.checkpoints.checkpoint import read_config, read_tokenizer
from models.checkpoints.hub import checkpoint_folder
from models.emotions import Emotion
from models.pretrained import unpacked as unpacking
from models.pretrained.store import Store
from train.alignment.assemble import write_assembled
from train.alignment.settings import AssembleSettings
from train.language.settings import LanguageSettings
from train.language.stage import begin, teach
from train.language.voice import VoiceSettings, tell_in_words
from train.llm_updates import EMOTION_VECTORS
from train.loop.run_folder import file_sha256
from train.loop.settings import LoopSettings
from train.loop.task import TrainingOutcome
from train.slim import SlimSettings, slim

TALKS = "sad> It rained.\n< All day?\n\n> Hello.\n< Hi.\n\nhappy> We won.\n< You won!\n"
OF_BOTH = {"llm": "tongue", "frozen": "int8", "lora_rank": 2}
WORDING = " (as {} as can be)"


@pytest.fixture
def taught(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingOutcome:
    """What `language` taught the part `tongue` in 8 bits."""
    del store
    monkeypatch.setattr(unpacking, "LARGE", 0)
    monkeypatch.setattr(int8, "LEAST_QUANTIZED", 1)
    (tmp_path / "talks.txt").write_text(TALKS)
    return teach(learning(tmp_path))


@pytest.fixture
def folder(taught: TrainingOutcome, tmp_path: Path) -> Path:
    """A small checkpoint of it, as mini is one."""
    updates = taught.best if taught.best.exists() else taught.folder / "last"
    return small_checkpoint(updates, tmp_path)


def learning(folder: Path, **changes: object) -> LanguageSettings:
    return LanguageSettings(
        **OF_BOTH,  # pyright: ignore[reportArgumentType]
        run=folder / "run",
        material=(folder / "talks.txt",),
        domain_exchanges=0,
        valid_share=0,
        loop=LoopSettings(epochs=3, learning_rate=3e-3, warmup_steps=1, weight_decay=0.0),
    ).model_copy(update=changes)


def small_checkpoint(updates: Path, folder: Path) -> Path:
    whole, small = folder / f"whole-{updates.parent.name}", folder / f"of-{updates.parent.name}"
    write_assembled(
        AssembleSettings(
            speech="ears",
            llm="tongue",
            updates=updates,
            adapter="words",
            emotion_head="attentive",
            lora_rank=0,
            out=whole,
        )
    )
    slim(SlimSettings(model=whole, speech="ears", llm="tongue", out=small))
    return small


def heard(model: BlspEmo, said: str, emotion: Emotion | None) -> torch.Tensor:
    ids = torch.tensor([model.prompts.content(said)])
    told = torch.zeros(1, len(Emotion))
    if emotion is not None:
        told[0, emotion] = 1.0
    with torch.no_grad():
        return model.with_emotion(model.embed_words(ids, torch.tensor([ids.shape[1]])), told).of(0)


def test_the_llm_reads_the_emotion_in_words_behind_what_is_said(folder: Path) -> None:
    before = BlspEmo.from_pretrained(folder, device="cpu")
    kept = {path.name: file_sha256(path) for path in folder.glob("*.safetensors")}
    tell_in_words(VoiceSettings(model=folder, wording=WORDING))
    now = {path.name: file_sha256(path) for path in folder.glob("*.safetensors")}
    assert {name for name in now if now[name] != kept[name]} == {"voice.safetensors"}
    after = BlspEmo.from_pretrained(folder, device="cpu")
    assert after.emotion_vectors is not None
    assert after.config.emotion_positions == after.emotion_vectors.positions > 0
    old = heard(before, "It rained.", Emotion.SAD)
    new = heard(after, "It rained.", Emotion.SAD)
    words = len(old)
    assert torch.allclose(new[:words], old, atol=1e-3), "the vector on the words stays"
    ids = after.prompts.content(" (as"), after.prompts.content(" sad")
    embed = after.llm.embed
    start, name = (embed(torch.tensor([its]))[0] for its in ids)
    end = embed(torch.tensor([after.prompts.content(" as can be)")]))[0]
    told = torch.cat([start, name.mean(dim=0, keepdim=True), end])
    assert torch.allclose(new[words:], told, atol=1e-2)
    assert torch.equal(heard(after, "It rained.", None), heard(before, "It rained.", None))


def test_other_words_can_be_told_later(folder: Path) -> None:
    tell_in_words(VoiceSettings(model=folder, wording=WORDING))
    first = load_file(str(folder / "voice.safetensors"))[EMOTION_VECTORS]
    tell_in_words(VoiceSettings(model=folder, wording=" - {}"))
    then = load_file(str(folder / "voice.safetensors"))[EMOTION_VECTORS]
    assert then.shape[1] < first.shape[1]
    tell_in_words(VoiceSettings(model=folder, wording=WORDING))
    assert torch.equal(load_file(str(folder / "voice.safetensors"))[EMOTION_VECTORS], first)


def test_the_positions_learn_with_what_goes_on_from_there(folder: Path, tmp_path: Path) -> None:
    tell_in_words(VoiceSettings(model=folder))
    told = load_file(str(folder / "voice.safetensors"))[EMOTION_VECTORS].float()
    settings = learning(tmp_path, updates=folder, run=tmp_path / "again")
    part = checkpoint_folder("tongue")
    begun = begin(settings, part, read_tokenizer(part), 1)
    assert torch.equal(begun.emotion_vectors.weight, told)
    learnt = teach(settings)
    updates = learnt.best if learnt.best.exists() else learnt.folder / "last"
    moved = load_file(str(updates / "updates.safetensors"))[EMOTION_VECTORS] - told
    at = moved.unflatten(1, (1 + begun.emotion_vectors.positions, -1)).abs().amax(dim=2)
    assert (at[Emotion.SAD] > 1e-4).all(), "on the words and in each position"
    config, _ = read_config(small_checkpoint(updates, tmp_path))
    assert config.emotion_positions == begun.emotion_vectors.positions


def test_what_cannot_be_told_is_refused_and_nothing_written(folder: Path, tmp_path: Path) -> None:
    before = {path.name: file_sha256(path) for path in folder.iterdir()}
    with pytest.raises(ValueError, match="behind a space for"):
        tell_in_words(VoiceSettings(model=folder, wording="sounding so"))
    assert {path.name: file_sha256(path) for path in folder.iterdir()} == before
    other = tmp_path / "subsampler"
    write_assembled(AssembleSettings(speech="ears", llm="tongue", out=other, lora_rank=0))
    with pytest.raises(ValueError, match="adapter words"):
        tell_in_words(VoiceSettings(model=other))
