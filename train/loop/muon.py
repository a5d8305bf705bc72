"""Muon: orthogonalised momentum for hidden matrices and convolutions, AdamW for all else."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

MOMENTUM = 0.95
NEWTON_SCHULZ = (3.4445, -4.775, 2.0315)
"""Coefficients of the quintic iteration."""
NEWTON_SCHULZ_STEPS = 5
EPSILON = 1e-8


class Muon(Optimizer):
    """Muon (Jordan et al. 2024) for the groups marked ``hidden``, AdamW for the others.

    Small models learn in about half the steps of AdamW. Updates are scaled to the size of AdamW's
    (arXiv 2502.16982), so that one learning rate serves both. `torch.optim.Muon` iterates in
    bfloat16, which takes 17 times as long on a processor without bfloat16 units, and leaves
    everything that is no matrix to a second optimiser.

    Args:
        groups: Parameter groups with `hidden` and `weight_decay`.
        lr: Learning rate.
        betas: Moment decays of AdamW.
    """

    def __init__(
        self, groups: Iterable[dict[str, Any]], *, lr: float, betas: tuple[float, float]
    ) -> None:
        super().__init__(groups, {"lr": lr, "betas": betas, "hidden": False, "weight_decay": 0.0})

    @torch.no_grad()
    def step(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, closure: Callable[[], float] | None = None
    ) -> None:
        """Updates every parameter that has a gradient."""
        if closure is not None:
            raise ValueError("this optimiser takes no closure")
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                parameter.mul_(1.0 - group["lr"] * group["weight_decay"])
                change = self._orthogonal if group["hidden"] else self._adam
                parameter.add_(change(parameter, group["betas"]), alpha=-group["lr"])

    def _orthogonal(self, parameter: Tensor, betas: tuple[float, float]) -> Tensor:
        del betas
        state, gradient = self.state[parameter], parameter.grad
        assert gradient is not None
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum: Tensor = state["momentum"]
        momentum.lerp_(gradient, 1.0 - MOMENTUM)
        ahead = gradient.lerp(momentum, MOMENTUM).flatten(1)
        return (orthogonal(ahead) * (0.2 * max(ahead.shape) ** 0.5)).view_as(parameter)

    def _adam(self, parameter: Tensor, betas: tuple[float, float]) -> Tensor:
        state, gradient = self.state[parameter], parameter.grad
        assert gradient is not None
        if "step" not in state:
            state["step"] = torch.zeros(())
            state["mean"] = torch.zeros_like(parameter)
            state["square"] = torch.zeros_like(parameter)
        state["step"] += 1
        state["mean"].lerp_(gradient, 1.0 - betas[0])
        state["square"].lerp_(gradient.square(), 1.0 - betas[1])
        steps = float(state["step"])
        mean = state["mean"] / (1.0 - betas[0] ** steps)
        square = state["square"] / (1.0 - betas[1] ** steps)
        return mean / (square.sqrt() + EPSILON)


def orthogonal(matrix: Tensor) -> Tensor:
    """Returns a matrix of nearly the same singular vectors, all singular values about one.

    Newton-Schulz iteration; five rounds bring the values to between 0.7 and 1.2.
    """
    a, b, c = NEWTON_SCHULZ
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    value = wide / (wide.norm() + EPSILON)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = value @ value.T
        value = a * value + (b * gram + c * gram @ gram) @ value
    return value if wide is matrix else value.T
