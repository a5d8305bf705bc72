"""The loss terms of a model on held-out batches, over all processes."""

import logging
import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from train.loop.batches import Batches, LoadedBatch, read_batches
from train.loop.task import Task
from train.loop.together import TrainingProcesses

logger = logging.getLogger(__name__)


class Validation:
    """Goes through the held-out batches of a task, and warns once of what it meets again."""

    def __init__(self, task: Task, together: TrainingProcesses, *, is_sharded: bool) -> None:
        self._task, self._together, self._is_sharded = task, together, is_sharded
        self._told: set[str] = set()

    def mean_terms(self, module: nn.Module, valid: Batches) -> dict[str, float]:
        """Returns the mean of each term over all items, and of the loss.

        Args:
            module: Model and step in eval mode; for a sharded model as it is trained.
            valid: The batches.
        """
        world, count = self._together.world, valid.count(0)
        # A sharded forward needs all processes at once, and none may have a batch more.
        end = count // world * world if self._is_sharded else count
        sums: dict[str, float] = {}
        for loaded in read_batches(valid, epoch=0, numbers=range(self._together.rank, end, world)):
            self._tell(*(f"validation leaves out {line}" for line in loaded.unreadable))
            if self._is_left_out(loaded):
                continue
            # By items and not by batches: a small last batch would weigh as much as a full one.
            for name, value in self._terms(module, loaded).items():
                sums[name] = sums.get(name, 0.0) + value * len(loaded.names)
            sums["_items"] = sums.get("_items", 0.0) + len(loaded.names)
        sums = self._together.summed(sums)
        items = sums.pop("_items", 0.0)
        return {name: value / items for name, value in sums.items()} if items else {}

    def _is_left_out(self, loaded: LoadedBatch) -> bool:
        is_empty = loaded.value is None
        if not self._is_sharded:
            return is_empty
        # The same on all processes, which gather the layers of the model in each forward pass.
        is_left_out = bool(self._together.agree(float(is_empty))[0])
        if is_left_out and not is_empty:
            self._tell(
                f"validation leaves out {some(loaded.names)}: another process could read nothing "
                "of its batch"
            )
        return is_left_out

    def _terms(self, module: nn.Module, loaded: LoadedBatch) -> dict[str, float]:
        task, batch = self._task, self._together.to_device(loaded.value)
        with task.scope(task.model, batch) if task.scope else nullcontext():
            terms: dict[str, Any] = module(batch)
        terms["loss"] = total_loss(terms, task.weights)
        if not math.isfinite(float(terms["loss"])):
            self._tell(f"the validation loss is not finite for {some(loaded.names)}")
        return {name: float(value) for name, value in terms.items()}

    def _tell(self, *lines: str) -> None:
        for line in lines:
            if line not in self._told:
                self._told.add(line)
                logger.warning("%s", line)


def total_loss(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Returns the weighted sum of a step's terms.

    Raises:
        ValueError: The step gave no such term as has a weight.
    """
    missing = weights.keys() - terms.keys()
    if missing:
        raise ValueError(f"the step gave no term {sorted(missing)}: it gave {sorted(terms)}")
    return torch.stack([weight * terms[name] for name, weight in weights.items()]).sum()


def some(names: Sequence[str]) -> str:
    """Returns the first names of a batch, for messages."""
    return ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
