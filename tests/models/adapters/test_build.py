import pytest
import torch

from models.adapters.cformer import integrate_and_fire
from models.adapters.subsampler import Subsampler
from models.features import speech_features
from tests.models.small import tiny_model, tone


@pytest.mark.parametrize("adapter", ["subsampler", "cformer"])
@torch.no_grad()
def test_embeddings_are_the_same_alone_and_in_a_batch(adapter):
    model = tiny_model(adapter=adapter)
    waves = [tone(0.6), tone(1.4)]
    batch = model.adapt(model.encode(speech_features(waves)))
    for row, wave in enumerate(waves):
        alone = model.adapt(model.encode(speech_features([wave])))
        size = int(alone.lengths[0])
        assert size == int(batch.lengths[row])
        assert torch.allclose(batch.embeddings[row, :size], alone.embeddings[0], atol=1e-5)


@torch.no_grad()
def test_the_count_is_known_before_the_adapter_runs():
    model = tiny_model()
    adapter = model.adapter
    assert isinstance(adapter, Subsampler)
    for seconds in (0.1, 0.33, 1.0):
        states = model.encode(speech_features([tone(seconds)]))
        expected = model.adapt(states).lengths[0]
        assert adapter.count(int(states.lengths[0])) == int(expected)


def test_cformer_fires_as_often_as_it_is_told():
    model = tiny_model(adapter="cformer")
    states = model.encode(speech_features([tone(0.6), tone(1.4)]))
    embedded = model.adapt(states, torch.tensor([3, 9]))
    assert embedded.lengths.tolist() == [3, 9]
    assert embedded.weights is not None and embedded.predicted_counts is not None
    assert torch.allclose(embedded.weights.sum(dim=1), torch.tensor([3.0, 9.0]), atol=1e-4)
    embedded.embeddings.sum().backward()
    gradient = model.adapter.get_parameter("pre_cif_layers.0.fc1.weight").grad
    assert gradient is not None and gradient.abs().sum() > 0


def test_integrate_and_fire_cuts_a_state_in_proportion():
    states = torch.tensor([[[1.0], [10.0], [100.0]]])
    weights = torch.tensor([[0.75, 0.5, 0.75]])
    fired = integrate_and_fire(states, weights, torch.tensor([2]))
    assert fired[0, :, 0].tolist() == pytest.approx([0.75 + 2.5, 2.5 + 75.0])


def test_the_shares_of_a_state_sum_to_its_weight():
    torch.manual_seed(0)
    weights = torch.rand(2, 40)
    counts = torch.round(weights.sum(dim=1)).long()
    weights = weights * (counts / weights.sum(dim=1))[:, None]
    fired = integrate_and_fire(torch.ones(2, 40, 1), weights, counts)
    for row, count in enumerate(counts.tolist()):
        assert fired[row, :count, 0].tolist() == pytest.approx([1.0] * count, abs=1e-4)
        assert not fired[row, count:].any()
