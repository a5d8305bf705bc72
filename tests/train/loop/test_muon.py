"""The optimiser for small models: what it does to matrices, and that it resumes."""

import torch
from torch import nn

from train.loop.muon import Muon, orthogonal

torch.set_num_threads(1)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 24), nn.Tanh(), nn.Linear(24, 3))


def optimiser(model: nn.Module) -> Muon:
    matrices = [p for p in model.parameters() if p.ndim == 2]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    groups = [
        {"params": matrices, "hidden": True, "weight_decay": 0.01},
        {"params": vectors, "hidden": False, "weight_decay": 0.0},
    ]
    return Muon(groups, lr=0.02, betas=(0.9, 0.98))


def steps(model: nn.Module, chosen: Muon, count: int) -> list[float]:
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(64, 6, generator=generator)
    targets = (inputs[:, :3] * inputs[:, 3:]).argmax(dim=1)
    losses: list[float] = []
    for _ in range(count):
        loss = nn.functional.cross_entropy(model(inputs), targets)
        chosen.zero_grad()
        loss.backward()
        chosen.step()
        losses.append(float(loss.detach()))
    return losses


def test_singular_values_become_about_one() -> None:
    torch.manual_seed(1)
    for shape in ((8, 30), (30, 8), (16, 16)):
        values = torch.linalg.svdvals(orthogonal(torch.randn(*shape)))
        assert float(values.min()) > 0.3 and float(values.max()) < 1.3


def test_it_learns_what_a_line_cannot() -> None:
    model = network()
    losses = steps(model, optimiser(model), 250)
    assert losses[-1] < 0.3 * losses[0]


def test_a_resumed_run_goes_on_exactly() -> None:
    whole = network()
    expected = steps(whole, optimiser(whole), 12)
    model = network()
    first = optimiser(model)
    losses = steps(model, first, 5)
    again = optimiser(model)
    again.load_state_dict(first.state_dict())
    assert losses + steps(model, again, 7) == expected
