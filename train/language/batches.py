"""Batches of talks: short conversations side by side in one row, and some long ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from train.language.material import WrittenTalk
from train.language.rows import RowWriter, padded
from train.loop.batches import LoadedBatch

LONG_SHARE = 0.12
"""Of the rows: one long conversation, whose talks follow each other."""
LONG_TIMES = 3
"""So many times longer than others these rows are."""
FOLLOWS, FOLLOWS_IN_LONG = 0.25, 0.95
"""Of the talks in a row: goes on where the one before it ended."""


@dataclass(frozen=True, slots=True)
class _Row:
    talks: tuple[int, ...]
    length: int
    is_long: bool


@dataclass
class TalkBatches:
    """Every talk once an epoch, in an order drawn from seed and epoch; see `train.loop.batches`."""

    talks: Sequence[WrittenTalk]
    writer: RowWriter
    row_tokens: int
    """Positions of most rows."""
    batch_tokens: int
    """Most positions in a batch, padding included."""
    seed: int = 1
    _lengths: list[int] = field(init=False, repr=False)
    _epoch: int = field(default=-1, init=False, repr=False)
    _plan: list[list[_Row]] = field(default_factory=list[list[_Row]], init=False, repr=False)

    def __post_init__(self) -> None:
        self._lengths = [self.writer.length(talk) for talk in self.talks]

    def count(self, epoch: int) -> int:
        """Batches in an epoch."""
        return len(self._planned(epoch))

    def load(self, epoch: int, number: int) -> LoadedBatch:
        """Returns one batch; the same arguments give the same batch."""
        rows, names = [], list[str]()
        for place, planned in enumerate(self._planned(epoch)[number]):
            generator = np.random.default_rng([self.seed, epoch, number, place])
            talks = [self.talks[index] for index in planned.talks]
            follows = FOLLOWS_IN_LONG if planned.is_long else FOLLOWS
            rows.append(self.writer.row(talks, generator, follows=follows))
            names += [talk.name for talk in talks]
        return LoadedBatch(padded(rows), tuple(names))

    def _planned(self, epoch: int) -> list[list[_Row]]:
        if epoch != self._epoch:
            generator = np.random.default_rng([self.seed, epoch])
            rows = sorted(self._rows(generator), key=lambda row: row.length)
            batches = list(self._cut(rows))
            self._plan = [batches[place] for place in generator.permutation(len(batches))]
            self._epoch = epoch
        return self._plan

    def _rows(self, generator: np.random.Generator) -> Iterator[_Row]:
        taken, length, is_long = list[int](), 0, generator.random() < LONG_SHARE
        for index in generator.permutation(len(self.talks)).tolist():
            limit = self.row_tokens * (LONG_TIMES if is_long else 1)
            if taken and length + self._lengths[index] > min(limit, self.writer.longest):
                yield _Row(tuple(taken), length, is_long)
                taken, length, is_long = [], 0, generator.random() < LONG_SHARE
            taken.append(index)
            length += self._lengths[index]
        if taken:
            yield _Row(tuple(taken), length, is_long)

    def _cut(self, rows: Sequence[_Row]) -> Iterator[list[_Row]]:
        batch = list[_Row]()
        for row in rows:
            if batch and (len(batch) + 1) * row.length > self.batch_tokens:
                yield batch
                batch = []
            batch.append(row)
        if batch:
            yield batch
