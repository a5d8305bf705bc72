"""Layers in int8 stay close to what they were, position by position."""

import pytest
import torch
from torch import nn

from models import int8
from models.int8 import Int8Linear, quantize_layers


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)


def off(quantized: torch.Tensor, exact: torch.Tensor) -> torch.Tensor:
    """Returns the relative error of each position."""
    return (quantized - exact).norm(dim=-1) / exact.norm(dim=-1)


@pytest.mark.parametrize("is_old", [True, False])
@pytest.mark.parametrize("shape", [(48,), (1, 48), (7, 48), (2, 3, 48)])
@torch.no_grad()
def test_outputs_are_those_of_the_layer(shape, is_old, monkeypatch) -> None:
    if is_old:
        monkeypatch.setattr(int8, "cpu_adds_bytes", lambda: False)
    layer, x = nn.Linear(48, 32), torch.randn(shape)
    exact = layer(x)
    found = Int8Linear(layer)(x)
    assert found.shape == exact.shape
    assert 0 < off(found, exact).max() < 0.05


@pytest.mark.parametrize("louder", [30.0, 3000.0])
@torch.no_grad()
def test_one_loud_position_drowns_no_other(louder: float) -> None:
    layer, x = nn.Linear(48, 32, bias=False), torch.randn(9, 48)
    x[0] *= louder
    exact = layer(x)
    assert off(Int8Linear(layer)(x), exact).max() < 0.05


@torch.no_grad()
def test_silence_stays_silence() -> None:
    layer = nn.Linear(48, 32)
    x = torch.zeros(3, 48)
    assert torch.allclose(Int8Linear(layer)(x), layer(x), atol=1e-5)


def test_large_layers_only(monkeypatch) -> None:
    monkeypatch.setattr(int8, "LEAST_QUANTIZED", 1000)
    model = nn.Sequential(nn.Linear(40, 40), nn.Linear(40, 20)).bfloat16()
    quantize_layers(model)
    assert [type(m) for m in model] == [Int8Linear, nn.Linear]
    assert model[1].weight.dtype == torch.float32
