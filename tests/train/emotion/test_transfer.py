from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.blsp_emo import BlspEmo
from models.checkpoints.checkpoint import save
from models.config import BlspEmoConfig, CalibrationConfig, EmotionHeadConfig
from models.emotion.spoken_part import spoken_part
from models.features import speech_features
from tests.models.small import byte_tokenizer, tiny_model, tone
from train.emotion.transfer import TakeEmotionHeadSettings, check_fits, take_emotion_head


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
