from dataclasses import replace

import numpy as np
import pytest
import torch

from models.blsp_emo import BlspEmo
from models.checkpoints.checkpoint import save
from models.config import BlspEmoConfig, CalibrationConfig
from models.emotion.heads import (
    EmotionHeadEnsemble,
    LayersEmotionHead,
    abstains,
    calibrated,
    fit_temperature,
    is_told,
)
from models.emotion.spoken_part import as_loud, loud_frames, mel_levels
from models.emotion.voice_statistics import layer_statistics
from models.features import speech_features
from tests.models.small import byte_tokenizer, tiny_model, tone


@pytest.mark.parametrize("kind", ["mean", "attentive", "layers"])
@torch.no_grad()
def test_logits_are_the_same_alone_and_in_a_batch(kind):
    model = tiny_model(emotion_head=kind)
    waves = [tone(0.5), tone(1.3, hertz=120)]

    def logits(chosen):
        states = model.encode(speech_features(chosen))
        return model.emotion_logits(states, model.adapt(states))

    assert torch.allclose(logits(waves), torch.cat([logits([w]) for w in waves]), atol=1e-5)


def ensemble() -> BlspEmo:
    config = BlspEmoConfig.tiny(emotion_head="spectral")
    head = replace(config.emotion_head, channels=(4, 8), members=2)
    torch.manual_seed(5)
    return BlspEmo(replace(config, emotion_head=head), tokenizer=byte_tokenizer()).eval()


@torch.no_grad()
def test_a_saved_ensemble_hears_the_same(tmp_path):
    model = ensemble()
    save(model.checkpoint(), tmp_path)
    loaded = BlspEmo.from_pretrained(tmp_path, dtype="float32", device="cpu")
    waves = [tone(0.5), tone(1.3, hertz=120)]

    def logits(one, chosen):
        states = one.encode(speech_features(chosen))
        return one.emotion_logits(states, one.adapt(states))

    assert torch.allclose(logits(loaded, waves), logits(model, waves), atol=1e-5)
    apart = torch.cat([logits(model, [wave]) for wave in waves])
    assert torch.allclose(logits(model, waves), apart, atol=1e-4)
    assert not torch.allclose(apart[0], apart[1], atol=1e-3)


@torch.no_grad()
def test_convolutions_leave_silence_around_an_utterance_out():
    model = ensemble()
    quiet = 1e-4 * np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    wave = tone(1.0)
    padded = np.concatenate([quiet, wave, quiet])
    assert isinstance(model.emotion_head, EmotionHeadEnsemble)
    for head in model.emotion_head.members:
        bare, around = (head(model.encode(speech_features([w]))) for w in (wave, padded))
        assert torch.allclose(bare.softmax(-1), around.softmax(-1), atol=0.02)


@torch.no_grad()
def test_how_far_a_microphone_is_turned_up_says_nothing_of_a_feeling():
    wave = 0.5 * tone(1.0)
    for loudness, same in ((None, False), (0.2, True)):
        config = BlspEmoConfig.tiny(emotion_head="spectral")
        head = replace(config.emotion_head, loudness=loudness)
        torch.manual_seed(5)
        model = BlspEmo(replace(config, emotion_head=head), tokenizer=byte_tokenizer()).eval()
        loud, soft = (
            model.emotion_head(model.encode(speech_features([w])), None) for w in (wave, 0.1 * wave)
        )
        assert torch.allclose(loud, soft, atol=3e-5) == same


@torch.no_grad()
def test_utterances_are_brought_to_one_loudness_alone_and_in_a_batch():
    waves = [0.5 * tone(0.5), 0.01 * tone(1.3, hertz=120)]
    features = speech_features(waves)
    loud = as_loud(features, 0.2)
    for row, before, length in zip(loud.log_mel, features.log_mel, loud.lengths, strict=True):
        levels = mel_levels(row[:, :length])
        energy = (10.0**levels).sum(dim=0)[loud_frames(levels)].mean().log10()
        assert energy.item() == pytest.approx(0.2, abs=1e-3)
        assert torch.equal(row[:, length:], before[:, length:])
        moved = row[:, :length] - before[:, :length]
        assert torch.allclose(moved, moved.mean(), atol=1e-5), "a factor on the sound, no more"


@pytest.mark.parametrize("samples", [160, 400, 1600])
@torch.no_grad()
def test_an_utterance_however_short_has_finite_logits(samples):
    model = ensemble()
    for wave in (tone(samples / 16_000), np.zeros(samples, np.float32)):
        assert bool(torch.isfinite(model.emotion_head(model.encode(speech_features([wave])))).all())


def test_calibration_softens_and_abstains():
    logits = torch.tensor([2.0, 0.0, 0.0, 0.0, 0.0])
    sharp = calibrated(logits, CalibrationConfig())
    soft = calibrated(logits, CalibrationConfig(temperature=4.0))
    assert sharp.sum() == pytest.approx(1.0) and soft.sum() == pytest.approx(1.0)
    assert sharp.argmax() == soft.argmax() == 0 and soft[0] < sharp[0]
    assert abstains(soft.tolist(), CalibrationConfig(threshold=0.5))
    assert not abstains(sharp.tolist(), CalibrationConfig(threshold=0.5))


@pytest.mark.parametrize(
    ("probabilities", "told"),
    [
        ((0.1, 0.75, 0.05, 0.05, 0.05), True),
        ((0.15, 0.65, 0.1, 0.05, 0.05), False),
        ((0.8, 0.05, 0.05, 0.05, 0.05), False),
    ],
)
def test_only_what_is_surely_felt_is_told(probabilities, told):
    assert is_told(probabilities, CalibrationConfig(told_from=0.7)) == told


def test_the_fitted_temperature_undoes_overconfidence():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3000, 5, generator=generator) * 2
    labels = torch.multinomial(torch.softmax(logits, dim=-1), 1, generator=generator)[:, 0]
    assert fit_temperature(logits, labels) == pytest.approx(1.0, rel=0.15)
    assert fit_temperature(logits * 3, labels) == pytest.approx(3.0, rel=0.15)


@pytest.mark.parametrize("shift", [0.02, -0.1])
def test_a_shifted_zero_line_changes_nothing(shift: float):
    model = ensemble()
    wave = tone(1.0)
    plain, shifted = model.hear(wave), model.hear((wave + shift).astype(np.float32))
    assert torch.allclose(plain.emotion_logits, shifted.emotion_logits, atol=0.02)
    assert torch.allclose(plain.speech_embeddings, shifted.speech_embeddings, atol=0.01)


@torch.no_grad()
def test_statistics_of_layers_leave_out_silence_and_the_states_behind_the_speech():
    model = tiny_model(emotion_head="layers")
    wave = tone(0.8)
    features = speech_features([np.concatenate([wave, np.zeros(16_000, np.float32)])])
    speech = model.encode(features)
    found = layer_statistics(features, speech.layers)[0].view(2, len(speech.layers), -1)
    loud = [layer[0, :42] for layer in speech.layers]
    assert torch.allclose(found[0, -1], loud[-1].mean(dim=0), atol=0.05)
    assert not torch.allclose(found[0, -1], speech.layers[-1][0].mean(dim=0), atol=0.05)
    trailing = speech_features([wave], trailing_frames=30)
    states = model.encode(trailing)
    assert states.states.shape[1] == 40
    same = layer_statistics(speech_features([wave]), states.layers)
    assert torch.allclose(layer_statistics(trailing, states.layers), same, atol=1e-5)


@pytest.mark.parametrize("samples", [160, 400, 1600])
@torch.no_grad()
def test_layers_of_the_shortest_and_of_silence_give_finite_logits(samples):
    model = tiny_model(emotion_head="layers")
    for wave in (tone(samples / 16_000), np.zeros(samples, np.float32)):
        states = model.encode(speech_features([wave]))
        assert bool(torch.isfinite(model.emotion_head(states)).all())


@torch.no_grad()
def test_layers_far_from_all_that_was_learnt_are_limited():
    head = tiny_model(emotion_head="layers").emotion_head
    assert isinstance(head, LayersEmotionHead)
    far = head.scaled(torch.full_like(head.average, 1e9)[None])
    assert float(far.max()) == head.LIMIT
