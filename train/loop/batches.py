"""Batches that are a function of epoch and number only: a resumed run meets the same ones."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

logger = logging.getLogger(__name__)

POOL_BATCHES = 50
"""Batches whose items are sorted by length together: little padding, order still random."""


@dataclass(frozen=True, slots=True)
class LoadedBatch:
    """A batch as the loop receives it."""

    value: Any
    """What the step function takes; None when no item could be loaded."""
    names: tuple[str, ...] = ()
    """Names of the items in it, for messages."""
    unreadable: tuple[str, ...] = ()
    """One line, with the reason, for each item that could not be loaded."""


class Batches(Protocol):
    """What the loop needs of a data source."""

    def count(self, epoch: int) -> int:
        """Batches in an epoch, over all processes."""
        ...

    def load(self, epoch: int, number: int) -> LoadedBatch:
        """Returns one batch; the same arguments give the same batch."""
        ...


@dataclass
class BucketedBatches:
    """Batches of items of similar length, in an order drawn from the seed and the epoch."""

    lengths: Sequence[int]
    """Length of each item in any one unit (samples, frames, tokens)."""
    load_item: Callable[[int, np.random.Generator], Any]
    """Item by index; the generator is for augmentation. ValueError or OSError: the item is left
    out, counted and named."""
    collate: Callable[[list[Any]], Any]
    """Items to what the step function takes."""
    batch_size: int
    """Most items in a batch."""
    max_total: int = 0
    """Most items x longest length in a batch; 0: no limit. A single longer item is a batch."""
    seed: int = 1
    shuffle: bool = True
    weights: Sequence[float] | None = None
    """Chance of each item; with weights an epoch draws as many items with replacement."""
    names: Sequence[str] | None = None
    """Name of each item for messages; its index otherwise."""
    _epoch: int = field(default=-1, init=False, repr=False)
    _plan: list[list[int]] = field(default_factory=list[list[int]], init=False, repr=False)

    def __post_init__(self) -> None:
        if not len(self.lengths):
            raise ValueError("there are no items to train on: look at the manifest and its drops")
        for name, values in (("weights", self.weights), ("names", self.names)):
            if values is not None and len(values) != len(self.lengths):
                raise ValueError(f"{len(values)} {name} for {len(self.lengths)} items")

    def count(self, epoch: int) -> int:
        """Batches in the epoch."""
        return len(self.plan(epoch))

    def plan(self, epoch: int) -> list[list[int]]:
        """Returns the item indices of each batch of the epoch."""
        if epoch != self._epoch:
            self._plan, self._epoch = self._draw(epoch), epoch
        return self._plan

    def load(self, epoch: int, number: int) -> LoadedBatch:
        """Returns one batch of the epoch, without the items that cannot be read."""
        items: list[Any] = []
        names: list[str] = []
        unreadable: list[str] = []
        for place, index in enumerate(self.plan(epoch)[number]):
            name = self.names[index] if self.names is not None else f"item {index}"
            generator = np.random.default_rng([self.seed, epoch, number, place])
            try:
                items.append(self.load_item(index, generator))
                names.append(name)
            except (ValueError, OSError) as error:
                unreadable.append(f"{name}: {error}")
        value = self.collate(items) if items else None
        return LoadedBatch(value, tuple(names), tuple(unreadable))

    def _draw(self, epoch: int) -> list[list[int]]:
        generator = np.random.default_rng([self.seed, epoch])
        total = len(self.lengths)
        if self.weights is not None:
            chance = np.asarray(self.weights, dtype=np.float64)
            order = generator.choice(total, size=total, p=chance / chance.sum())
        else:
            order = generator.permutation(total) if self.shuffle else np.arange(total)
        lengths = np.asarray(self.lengths)
        batches: list[list[int]] = []
        pool = self.batch_size * POOL_BATCHES if self.shuffle else total
        for start in range(0, total, pool):
            part = order[start : start + pool]
            ordered = part[np.argsort(lengths[part], kind="stable")]
            batches.extend(self._cut(ordered.tolist()))
        if self.shuffle:
            batches = [batches[place] for place in generator.permutation(len(batches))]
        return batches

    def _cut(self, ordered: list[int]) -> Iterator[list[int]]:
        batch: list[int] = []
        for index in ordered:
            padded = (len(batch) + 1) * int(self.lengths[index])
            if batch and (
                len(batch) == self.batch_size or (self.max_total and padded > self.max_total)
            ):
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch


class _Part(Dataset[LoadedBatch]):
    def __init__(self, batches: Batches, epoch: int, numbers: Sequence[int]) -> None:
        self._batches, self._epoch, self._numbers = batches, epoch, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: int) -> LoadedBatch:
        return self._batches.load(self._epoch, self._numbers[index])


def read_batches(
    batches: Batches, *, epoch: int, numbers: Sequence[int], workers: int = 0
) -> Iterator[LoadedBatch]:
    """Yields the numbered batches of an epoch in order, loaded ahead by `workers` processes."""
    loader = DataLoader(
        _Part(batches, epoch, numbers),
        batch_size=None,
        num_workers=workers,
        generator=torch.Generator(),  # its own: the model's dropout draws from the global one
        prefetch_factor=4 if workers else None,
    )
    yield from loader
