import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from models.blsp_emo import BlspEmo
from models.checkpoints.checkpoint import save, write_apart
from models.config import BlspEmoConfig, CalibrationConfig, EmotionHeadConfig
from models.emotion.spoken_part import spoken_part
from models.features import speech_features
from models.weights import SAFETENSORS_INDEX, read_json
from tests.models.small import byte_tokenizer, tiny_model, tone
from train.emotion.transfer import (
    TakeEmotionHeadSettings,
    check_fits,
    take_emotion_head,
    write_with_head,
)


def giver(folder: Path, *, members: int) -> BlspEmo:
    """A checkpoint with a spectral head and a calibration of its own."""
    config = BlspEmoConfig.tiny(emotion_head="spectral")
    shape = replace(config.emotion_head, channels=(4, 8), members=members)
    config = replace(config, emotion_head=shape, calibration=CalibrationConfig(0.7, 0.4))
    torch.manual_seed(5)
    model = BlspEmo(config, tokenizer=byte_tokenizer()).eval()
    save(model.checkpoint(), folder)
    return model


@pytest.fixture
def taker(tmp_path: Path) -> BlspEmo:
    torch.set_num_threads(1)
    model = tiny_model(seed=3, emotion_head="attentive")
    save(model.checkpoint(), tmp_path / "taker")
    return model


@pytest.mark.parametrize("members", [1, 3])
def test_the_new_checkpoint_hears_as_the_heads_that_fit_and_speaks_as_before(
    taker: BlspEmo, tmp_path: Path, members: int
) -> None:
    one = giver(tmp_path / "giver", members=members)
    settings = TakeEmotionHeadSettings(
        model=str(tmp_path / "taker"), head=str(tmp_path / "giver"), out=tmp_path / "new"
    )
    take_emotion_head(settings)
    new = BlspEmo.from_pretrained(tmp_path / "new", dtype="float32", device="cpu")
    assert new.config.calibration == CalibrationConfig(0.7, 0.4)
    heads = list(getattr(one.emotion_head, "members", [one.emotion_head]))
    wave = tone(0.8)
    part = spoken_part(speech_features([wave]))
    with torch.no_grad():
        expected = torch.stack([head.of_features(part).softmax(-1) for head in heads]).mean(0)[0]
    heard = new.hear(wave)
    assert torch.allclose(heard.emotion_logits.softmax(-1), expected, atol=1e-4)
    before = taker.hear(wave)
    assert torch.allclose(heard.speech_embeddings, before.speech_embeddings, atol=1e-5)


@pytest.mark.parametrize("kind", ["attentive", "layers"])
def test_heads_that_read_an_encoder_fit_the_same_one(tmp_path: Path, kind: str) -> None:
    torch.set_num_threads(1)
    one, other = tiny_model(emotion_head=kind), tiny_model(emotion_head="attentive")
    torch.nn.init.normal_(
        one.emotion_head.get_parameter("average" if kind == "layers" else "norm.bias")
    )
    save(one.checkpoint(), tmp_path / "giver")
    other.speech_encoder.load_state_dict(one.speech_encoder.state_dict())
    save(other.checkpoint(), tmp_path / "taker")
    take_emotion_head(
        TakeEmotionHeadSettings(
            model=str(tmp_path / "taker"), head=str(tmp_path / "giver"), out=tmp_path / "new"
        )
    )
    new = BlspEmo.from_pretrained(tmp_path / "new", dtype="float32", device="cpu")
    wave = tone(0.8)
    assert torch.allclose(new.hear(wave).emotion_logits, one.hear(wave).emotion_logits, atol=1e-4)


def test_weights_that_lie_apart_stay_as_they_are(tmp_path: Path) -> None:
    """The head alone is exchanged: who has the large files need not fetch them again."""
    torch.set_num_threads(1)
    start, other = tiny_model(emotion_head="layers"), tiny_model(emotion_head="layers", seed=4)
    apart = tmp_path / "apart"
    save(start.checkpoint(), apart)
    (apart / "model.safetensors").unlink()
    write_apart(dict(start.checkpoint().weights), apart)
    head = {name: 2 * weight for name, weight in other.emotion_head.named_parameters()}
    write_with_head(tmp_path / "new", apart, start.config, head)
    for path in apart.glob("*.safetensors"):
        is_head = path.name == "emotion.safetensors"
        assert (path.read_bytes() != (tmp_path / "new" / path.name).read_bytes()) == is_head
    new = BlspEmo.from_pretrained(tmp_path / "new", dtype="float32", device="cpu")
    for name, weight in new.emotion_head.named_parameters():
        assert torch.equal(weight, head[name])

    # Before heads had a file of their own they lay with the words or the rest: not read any more.
    index = read_json(apart / SAFETENSORS_INDEX)
    names = {name for name in index["weight_map"] if name.startswith("emotion_head.")}
    whole = {name: start.checkpoint().weights[name] for name in index["weight_map"]}
    save_file({n: t for n, t in whole.items() if n not in names}, apart / "model.safetensors")
    save_file({n: whole[n] for n in names}, apart / "old.safetensors")
    (apart / "emotion.safetensors").unlink()
    files = {n: "old.safetensors" if n in names else "model.safetensors" for n in whole}
    (apart / SAFETENSORS_INDEX).write_text(json.dumps({"weight_map": files}))
    write_with_head(tmp_path / "newer", apart, start.config, head)
    newer = BlspEmo.from_pretrained(tmp_path / "newer", dtype="float32", device="cpu")
    for name, weight in newer.emotion_head.named_parameters():
        assert torch.equal(weight, head[name])


def test_heads_that_read_another_encoder_are_refused(taker: BlspEmo, tmp_path: Path) -> None:
    save(tiny_model(emotion_head="attentive").checkpoint(), tmp_path / "giver")
    settings = TakeEmotionHeadSettings(
        model=str(tmp_path / "taker"), head=str(tmp_path / "giver"), out=tmp_path / "new"
    )
    with pytest.raises(ValueError, match="only a spectral head fits"):
        take_emotion_head(settings)
    assert not (tmp_path / "new").exists()
    with pytest.raises(ValueError, match="reads the states of its encoder"):
        check_fits(EmotionHeadConfig(kind="mean"), same_encoder=True)


def test_settings_that_cannot_work_are_refused(taker: BlspEmo, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--model, and --head"):
        take_emotion_head(TakeEmotionHeadSettings(model=str(tmp_path / "taker")))
    settings = TakeEmotionHeadSettings(
        model=str(tmp_path / "taker"), head=str(tmp_path / "taker"), out=tmp_path
    )
    with pytest.raises(ValueError, match="choose another --out"):
        take_emotion_head(settings)
