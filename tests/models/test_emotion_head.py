import pytest
import torch

from models.config import CalibrationConfig
from models.emotion_head import abstains, calibrated, fit_temperature, with_prior
from models.features import speech_features
from tests.models.small import tiny_model, tone


@pytest.mark.parametrize("kind", ["mean", "attentive"])
@torch.no_grad()
def test_logits_are_the_same_alone_and_in_a_batch(kind):
    model = tiny_model(emotion_head=kind)
    waves = [tone(0.5), tone(1.3, hertz=120)]

    def logits(chosen):
        states = model.encode(speech_features(chosen))
        return model.emotion_logits(states, model.adapt(states))

    assert torch.allclose(logits(waves), torch.cat([logits([w]) for w in waves]), atol=1e-5)


def test_calibration_softens_and_abstains():
    logits = torch.tensor([2.0, 0.0, 0.0, 0.0, 0.0])
    sharp = calibrated(logits, CalibrationConfig())
    soft = calibrated(logits, CalibrationConfig(temperature=4.0))
    assert sharp.sum() == pytest.approx(1.0) and soft.sum() == pytest.approx(1.0)
    assert sharp.argmax() == soft.argmax() == 0 and soft[0] < sharp[0]
    assert abstains(soft.tolist(), CalibrationConfig(threshold=0.5))
    assert not abstains(sharp.tolist(), CalibrationConfig(threshold=0.5))


def test_a_prior_shifts_and_an_even_one_changes_nothing():
    probabilities = (0.4, 0.1, 0.3, 0.1, 0.1)
    assert with_prior(probabilities, [1.0] * 5) == pytest.approx(probabilities)
    shifted = with_prior(probabilities, [1.0, 1.0, 3.0, 1.0, 1.0])
    assert max(range(5), key=shifted.__getitem__) == 2
    assert sum(shifted) == pytest.approx(1.0)


def test_the_fitted_temperature_undoes_overconfidence():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3000, 5, generator=generator) * 2
    labels = torch.multinomial(torch.softmax(logits, dim=-1), 1, generator=generator)[:, 0]
    assert fit_temperature(logits, labels) == pytest.approx(1.0, rel=0.15)
    assert fit_temperature(logits * 3, labels) == pytest.approx(3.0, rel=0.15)
