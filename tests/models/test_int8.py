"""Layers in int8 stay close to what they were, position by position."""

import pytest
import torch
from torch import nn

from models import freed_memory, int8
from models.int8 import (
    Int8Embedding,
    Int8Linear,
    Int8Rows,
    StoredInt8,
    quantize_layers,
    take_stored,
)


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
    found = Int8Linear.of(layer)(x)
    assert found.shape == exact.shape
    assert 0 < off(found, exact).max() < 0.05


@pytest.mark.parametrize("louder", [30.0, 3000.0])
@torch.no_grad()
def test_one_loud_position_drowns_no_other(louder: float) -> None:
    layer, x = nn.Linear(48, 32, bias=False), torch.randn(9, 48)
    x[0] *= louder
    exact = layer(x)
    assert off(Int8Linear.of(layer)(x), exact).max() < 0.05


@torch.no_grad()
def test_silence_stays_silence() -> None:
    layer = nn.Linear(48, 32)
    x = torch.zeros(3, 48)
    assert torch.allclose(Int8Linear.of(layer)(x), layer(x), atol=1e-5)


def test_large_layers_only(monkeypatch) -> None:
    monkeypatch.setattr(int8, "LEAST_QUANTIZED", 1000)
    model = nn.Sequential(nn.Linear(40, 40), nn.Linear(40, 20)).bfloat16()
    quantize_layers(model)
    assert [type(m) for m in model] == [Int8Linear, nn.Linear]
    assert model[1].weight.dtype == torch.float32


def test_gradients_reach_the_inputs_through_the_weights() -> None:
    layer, x = nn.Linear(48, 32), torch.randn(5, 48, requires_grad=True)
    wanted = torch.randn(5, 32)
    (layer(x) * wanted).sum().backward()
    assert x.grad is not None
    exact, x.grad = x.grad, None
    (Int8Linear.of(layer, with_gradients=True)(x) * wanted).sum().backward()
    assert x.grad is not None
    assert 0 < off(x.grad, exact).max() < 0.05


@torch.no_grad()
def test_a_change_of_low_rank_is_added() -> None:
    layer, x = nn.Linear(48, 32), torch.randn(7, 48)
    down, up = torch.randn(3, 48), torch.randn(32, 3)
    found = Int8Linear(Int8Rows.of(layer.weight), layer.bias, change=(down.bfloat16(), up))(x)
    assert off(found, layer(x) + x @ down.T @ up.T).max() < 0.05


class _Tied(nn.Module):
    """A table, a layer with a bias, and an output layer of the table's weights."""

    def __init__(self) -> None:
        super().__init__()
        self.output = nn.Linear(16, 40, bias=False)
        self.table = nn.Embedding(40, 16)
        self.layer = nn.Linear(16, 16)
        self.small = nn.Linear(16, 2)
        self.output.weight = self.table.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.output(self.layer(self.table(ids)))


@torch.no_grad()
def test_what_is_stored_in_8_bits_is_taken_as_it_is() -> None:
    model, ids = _Tied(), torch.tensor([[3, 1, 39]])
    weights = {name: p.clone() for name, p in model.named_parameters(remove_duplicate=False)}
    exact = model(ids)
    stored = {
        n: StoredInt8(Int8Rows.of(weights[n]), None) for n in ("table.weight", "layer.weight")
    }
    take_stored(model, stored.get, lambda name, _shape: weights[name])
    kinds = (type(model.output), type(model.table), type(model.layer), type(model.small))
    assert kinds == (Int8Linear, Int8Embedding, Int8Linear, nn.Linear)
    assert off(model(ids), exact).max() < 0.05
    assert [name for name, _ in model.named_parameters()] == ["small.weight", "small.bias"]


def test_what_reading_a_matrix_leaves_behind_is_given_back_before_the_next(monkeypatch) -> None:
    given_back: list[int] = []
    monkeypatch.setattr(int8, "give_back", lambda: given_back.append(1))
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 4))
    rows = {name: Int8Rows.of(model.get_parameter(name)) for name in ("0.weight", "1.weight")}
    take_stored(
        model,
        lambda name: StoredInt8(rows[name], None) if name in rows else None,
        lambda name, _shape: model.get_parameter(name),
    )
    assert len(given_back) == len(rows)


def test_another_c_library_gives_nothing_back_and_nothing_fails(monkeypatch) -> None:
    for library in (lambda _name: object(), lambda _name: (_ for _ in ()).throw(OSError())):
        monkeypatch.setattr(freed_memory.ctypes, "CDLL", library)
        freed_memory._trim.cache_clear()
        freed_memory.give_back()
    freed_memory._trim.cache_clear()
