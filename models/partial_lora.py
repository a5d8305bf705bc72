"""LoRA that acts on speech positions only, so that text runs through the LLM unchanged."""

import math
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.config import LoraConfig


class SpeechScope:
    """The speech positions of the forward that is running; shared by the layers of one model."""

    def __init__(self, scope: str = "speech") -> None:
        self.scope = scope
        self._mask: Tensor | None = None

    @contextmanager
    def speech_positions(self, mask: Tensor) -> Generator[None]:
        """Lets the updates act on `mask` (B, T) until the block ends.

        Spans a prefill and, in training, `backward` too: gradient checkpointing runs the forward
        again there.
        """
        # What was before comes back: the text run of semantic alignment stands inside the scope of
        # the speech run, whose backward pass still needs its own mask.
        before, self._mask = self._mask, mask
        try:
            yield
        finally:
            self._mask = before

    def factor(self, like: Tensor) -> Tensor | float:
        """Returns what an update of the shape of `like` (B, T, D) is multiplied with.

        Raises:
            ValueError: The mask and the layer's input cover different positions.
        """
        if self.scope == "all":
            return 1.0
        # No mask means that all is text, as in each step of a reply: the update is not computed.
        if self._mask is None:
            return 0.0 if self.scope == "speech" else 1.0
        mask = self._mask.to(device=like.device)
        if mask.shape != like.shape[:-1]:
            raise ValueError(
                f"the speech mask covers {tuple(mask.shape)} positions and the layer was given "
                f"{tuple(like.shape[:-1])}"
            )
        chosen = mask if self.scope == "speech" else ~mask.bool()
        return chosen.to(like.dtype)[..., None]


class PartialLoraLinear(nn.Module):
    """A linear layer `base` plus (alpha / r) · B A x at the positions of the scope.

    Partial LoRA of InternLM-XComposer2 (arXiv 2401.16420), as BLSP-Emo uses it on speech. B
    starts at zero, so that a new layer computes what `base` computes.
    """

    def __init__(self, base: nn.Module, config: LoraConfig, scope: SpeechScope) -> None:
        super().__init__()
        self.base = base
        self.in_features, self.out_features = _features(base)
        weight = cast(Tensor, base.weight)
        options: dict[str, Any] = {
            "device": weight.device,
            "dtype": weight.dtype if weight.is_floating_point() else torch.float32,
        }
        self.lora_a = nn.Parameter(torch.empty(config.rank, self.in_features, **options))
        self.lora_b = nn.Parameter(torch.zeros(self.out_features, config.rank, **options))
        # Only B is zero: were A zero too, no gradient would ever reach either.
        nn.init.kaiming_uniform_(self.lora_a, a=math.sqrt(5))
        self.scaling = config.alpha / config.rank
        self.dropout = config.dropout
        self._scope = scope

    @property
    def weight(self) -> Tensor:
        """The weight of `base`; some model code asks a linear layer for it."""
        return cast(Tensor, self.base.weight)

    @property
    def bias(self) -> Tensor | None:
        """The bias of `base`."""
        return cast(Tensor | None, self.base.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, T, out) of `x` (B, T, in)."""
        result = self.base(x)
        factor = self._scope.factor(x)
        if isinstance(factor, float) and factor == 0.0:
            return result
        dropped = F.dropout(x.to(self.lora_a.dtype), self.dropout, self.training)
        # Blanked at the width of the rank: that of the output is hundreds of times larger.
        narrow = F.linear(dropped, self.lora_a) * (factor * self.scaling)
        return result + F.linear(narrow, self.lora_b).to(result.dtype)


def attach_lora(blocks: nn.Module, config: LoraConfig) -> SpeechScope:
    """Wraps the target layers inside `blocks` in place; returns the scope that they share.

    Raises:
        ValueError: A target name fits no layer, or a group that shares A is incomplete.
    """
    scope = SpeechScope(config.scope)
    wrapped: dict[str, PartialLoraLinear] = {}
    for name, module in list(blocks.named_modules()):  # a copy: what is wrapped joins the walk
        last = name.rsplit(".", 1)[-1]
        if not is_linear(module) or (config.targets and last not in config.targets):
            continue
        layer = PartialLoraLinear(module, config, scope)
        parent = blocks.get_submodule(name.rpartition(".")[0])
        setattr(parent, last, layer)
        wrapped[name] = layer
    missing = set(config.targets) - {name.rsplit(".", 1)[-1] for name in wrapped}
    if missing or not wrapped:
        raise ValueError(f"LoRA targets {sorted(missing)} fit no linear layer of the LLM")
    _share_a(wrapped, config.shared_a)
    return scope


def is_linear(module: nn.Module) -> bool:
    """Whether `module` is a linear layer that an update can be added to."""
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"


def _features(base: nn.Module) -> tuple[int, int]:
    if isinstance(base, nn.Linear):
        return base.in_features, base.out_features
    rows, columns = cast(Tensor, base.weight).shape
    return rows, columns


def _share_a(wrapped: dict[str, PartialLoraLinear], groups: tuple[tuple[str, ...], ...]) -> None:
    """Makes the layers of each group under one parent use the first one's A."""
    for first, *others in groups:
        for name, layer in wrapped.items():
            parent, _, last = name.rpartition(".")
            if last != first:
                continue
            for other in others:
                sibling = wrapped.get(f"{parent}.{other}")
                if sibling is None:
                    raise ValueError(f"{parent} has no {other} to share the projection of {first}")
                sibling.lora_a = layer.lora_a
