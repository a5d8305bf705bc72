"""The optimisers of all stages: parameter groups and the course of the learning rate."""

import math
from typing import Any

from torch import nn
from torch.optim import AdamW, Optimizer

from train.loop.muon import Muon
from train.loop.settings import LoopSettings
from train.loop.task import Task


def make_optimiser(task: Task, settings: LoopSettings) -> Optimizer:
    """Returns the optimiser of what requires a gradient; each group keeps its factor as ``rate``.

    Raises:
        ValueError: Nothing requires a gradient.
    """
    groups = _parameter_groups(task, settings)
    if settings.optimizer == "muon":
        return Muon(groups, lr=settings.learning_rate, betas=settings.betas)
    return AdamW(groups, lr=settings.learning_rate, betas=settings.betas)


def learning_rate(settings: LoopSettings, *, step: int, done: float) -> float:
    """Returns the learning rate of optimiser step `step` (from 0) when `done` of the run is over.

    Args:
        settings: Peak, warm-up, course and end.
        step: Optimiser steps taken so far.
        done: Share of the run that is over, in [0, 1].
    """
    warm = min(1.0, (step + 1) / settings.warmup_steps) if settings.warmup_steps else 1.0
    match settings.decay:
        case "constant":
            left = 1.0
        case "linear":
            left = 1.0 - done
        case "late":
            left = min(1.0, (1.0 - done) / 0.2)
        case "cosine":
            left = 0.5 * (1.0 + math.cos(math.pi * done))
    floor = settings.final_fraction
    return settings.learning_rate * warm * (floor + (1.0 - floor) * left)


def _parameter_groups(task: Task, settings: LoopSettings) -> list[dict[str, Any]]:
    """Trained parameters by learning-rate factor, weight decay and whether they are hidden."""
    groups: dict[tuple[float, float, bool], list[nn.Parameter]] = {}
    outer = {
        id(module.weight) for module in task.model.modules() if isinstance(module, nn.Embedding)
    }
    for name, parameter in task.model.named_parameters():
        if parameter.requires_grad:
            rate = next((f for start, f in task.rates.items() if name.startswith(start)), 1.0)
            decay = settings.weight_decay if parameter.ndim > 1 else 0.0
            hidden = parameter.ndim >= 2 and id(parameter) not in outer
            groups.setdefault((rate, decay, hidden), []).append(parameter)
    if not groups:
        raise ValueError(f"{task.name}: no parameter requires a gradient, so nothing would train")
    return [
        {"params": parameters, "rate": rate, "weight_decay": decay, "hidden": hidden}
        for (rate, decay, hidden), parameters in groups.items()
    ]
