"""How the training loop runs, whatever it trains."""

from typing import Literal

from pydantic import Field, field_validator

from train.settings import Frozen, duration_s


class LoopSettings(Frozen):
    """How the training loop runs, whatever it trains."""

    epochs: int = Field(default=1, ge=1)
    """Passes over the training data; `max_steps` and `budget` may end it earlier."""
    max_steps: int = Field(default=0, ge=0)
    """Optimiser steps after which training ends; 0: no limit."""
    budget: str = ""
    """Training time after which it ends well, over all resumed parts: 90s, 60min, 2h. The learning
    rate decays to the end of whichever limit comes first. Empty: no limit."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    """`muon` orthogonalises the updates of hidden matrices: small models learn in fewer steps."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """Peak learning rate."""
    final_fraction: float = Field(default=0.0, ge=0, le=1)
    """Learning rate at the end, as a share of the peak."""
    warmup_steps: int = Field(default=100, ge=0)
    """Optimiser steps of linear warm-up."""
    decay: Literal["cosine", "linear", "constant", "late"] = "cosine"
    """Course after the warm-up; `late` holds the peak and falls linearly in the last fifth."""
    weight_decay: float = Field(default=0.05, ge=0)
    """AdamW weight decay of matrices; vectors (biases, norms) have none."""
    betas: tuple[float, float] = (0.9, 0.98)
    """AdamW moment decays."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Largest gradient norm; larger gradients are scaled down to it."""
    accumulate: int = Field(default=1, ge=1)
    """Batches whose gradients are averaged for one optimiser step."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Compute type of the forward pass (autocast); weights stay as they are."""
    seed: int = 1
    """Seed of the order of batches, of augmentation and of dropout."""
    workers: int = Field(default=0, ge=0)
    """Processes that load batches ahead; 0 loads between the steps."""
    log_every: int = Field(default=20, ge=1)
    """Optimiser steps between two log lines."""
    evaluate_every: int = Field(default=500, ge=1)
    """Optimiser steps between two validations; the last step is always validated."""
    save_every: str = "2min"
    """Training time between two saved states."""
    keep_states: int = Field(default=1, ge=1)
    """Saved states kept; older ones are removed."""
    max_bad_batches: int = Field(default=10, ge=0)
    """Batches with a loss or gradient that is not finite after which training stops."""
    max_unreadable: int = Field(default=100, ge=0)
    """Items that could not be loaded after which training stops."""
    device: Literal["auto", "cpu"] = "auto"
    """`auto` takes the accelerator where there is one."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about a third more time."""

    @field_validator("budget", "save_every")
    @classmethod
    def _check_duration(cls, value: str) -> str:
        if value:
            duration_s(value)
        return value

    @property
    def budget_s(self) -> float | None:
        """The budget in seconds; None without one."""
        return duration_s(self.budget) if self.budget else None

    @property
    def save_every_s(self) -> float:
        """Seconds between two saved states."""
        return duration_s(self.save_every) if self.save_every else float("inf")
