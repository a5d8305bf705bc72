"""What the loop trains: a model, a step, weights and batches; and how far a run has come."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from train.loop.batches import Batches

StepFunction = Callable[[Any, Any], Mapping[str, Tensor]]
Ending = Literal["finished", "budget", "stopped"]


@dataclass(frozen=True)
class Task:
    """What is trained, and on what."""

    name: str
    model: nn.Module
    """Parameters that require a gradient are trained; modules without any run in eval mode."""
    step: StepFunction
    """`(model, batch)` to scalar loss terms. It may draw from torch's generator only."""
    weights: Mapping[str, float]
    """Weight of each term in the loss; terms without one are logged."""
    train: Batches
    valid: Batches | None = None
    metrics: Callable[[Any], Mapping[str, float]] | None = None
    """Further figures of a validation, from the model in eval mode, without gradients."""
    scope: Callable[[Any, Any], AbstractContextManager[Any]] | None = None
    """`(model, batch)` to a context that spans the step and its backward pass."""
    export: Callable[[Any, Path], None] | None = None
    """Writes the model into an empty folder; called for `best` and `last`."""
    choose_by: str = "loss"
    """Which figure of the validation chooses `best`."""
    choose: Literal["lowest", "highest"] = "lowest"
    rates: Mapping[str, float] = field(default_factory=dict[str, float])
    """Factor on the learning rate of parameters whose name starts with the key."""
    identity: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Data hashes, stage, and what else must be the same when the run is resumed."""


@dataclass
class Position:
    """How far a run has come; saved with every state."""

    step: int = 0
    epoch: int = 0
    number: int = 0
    """Batches of this epoch that this process has used."""
    elapsed_s: float = 0.0
    best: float | None = None
    bad_batches: int = 0
    unreadable: int = 0
    sums: dict[str, float] = field(default_factory=dict[str, float])
    """Loss terms summed since the last log line."""
    summed: int = 0


@dataclass(frozen=True, slots=True)
class TrainingOutcome:
    """How a run ended."""

    ending: Ending
    position: Position
    folder: Path

    @property
    def best(self) -> Path:
        """The exported model with the best validation."""
        return self.folder / "best"
