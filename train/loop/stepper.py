"""A model and its step as one module, and what of it runs in training mode."""

from typing import Any

import torch
from torch import Tensor, nn

from train.loop.task import Task


class Stepper(nn.Module):
    """Model and step as one module, so that data-parallel wrappers see every forward."""

    def __init__(self, task: Task, *, autocast: bool) -> None:
        super().__init__()
        self.model = task.model
        self._step = task.step
        self._autocast = autocast

    def forward(self, batch: Any) -> dict[str, Tensor]:
        """Returns the loss terms of one batch in float32."""
        kind = next(self.model.parameters()).device.type
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=self._autocast):
            terms = self._step(self.model, batch)
        return {name: value.float() for name, value in terms.items()}


def training_mode(module: nn.Module) -> None:
    """Training mode where something trains; what is wholly frozen, dropout too, runs in eval."""
    _set_mode(module)
    for part in module.modules():
        if getattr(part, "gradient_checkpointing", False):
            part.training = True  # transformers recompute activations in training mode only


def _set_mode(module: nn.Module, *, training: bool = True) -> None:
    parameters = list(module.parameters())
    if parameters:
        training = any(parameter.requires_grad for parameter in parameters)
    module.training = training
    for child in module.children():
        _set_mode(child, training=training)
