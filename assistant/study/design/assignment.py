"""Who gets which conditions in which order: cells of equal size, from the study's seed alone.

A cell is one combination of the levels that differ between participants and one order of the
conditions that each of them gets. A newcomer gets the cell with the fewest participants who count;
among equals the seed decides. So every block of as many participants as there are cells holds each
cell once, and the cell of somebody who dropped out is filled again by the next newcomer.
"""

import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assistant.study.design.study import Study

LATIN, ALL, RANDOM, FIXED = "latin", "all", "random", "fixed"


@dataclass(frozen=True, slots=True)
class Cell:
    """What participants of one cell have in common."""

    name: str
    """Says nothing about the conditions: `c1`, `c2`, …"""
    conditions: tuple[str, ...]
    """Names of the conditions in their order; of a random order only which they are."""
    is_shuffled: bool = False
    """Whether each participant gets an order of his own."""


def cells(study: Study) -> tuple[Cell, ...]:
    """Returns the cells of a study."""
    levels, between = study.levels, study.between
    combinations = itertools.product(*(levels[name] for name in between))
    found: list[tuple[tuple[str, ...], bool]] = []
    for combination in combinations:
        fixed = dict(zip(between, combination, strict=True))
        inner = [(fixed[name],) if name in fixed else levels[name] for name in levels]
        conditions = ["+".join(parts) for parts in itertools.product(*inner)]
        order = study.design.order if len(conditions) > 1 else FIXED
        found += [(row, order == RANDOM) for row in orders(conditions, order)]
    return tuple(Cell(f"c{n}", row, shuffled) for n, (row, shuffled) in enumerate(found, 1))


def orders(conditions: Sequence[str], order: str) -> list[tuple[str, ...]]:
    """Returns the orders of `conditions` that are given equally often."""
    if order == ALL:
        return list(itertools.permutations(conditions))
    if order == LATIN:
        return [tuple(conditions[i] for i in row) for row in latin_square(len(conditions))]
    return [tuple(conditions)]


def latin_square(size: int) -> list[tuple[int, ...]]:
    """Returns rows in which each of `size` things stands equally often at each place.

    Each also follows each other equally often (Williams 1949): of an even number `size` rows, of an
    odd one twice as many, the second half mirrored.
    """
    first = [0]
    for step in range(1, size):
        first.append((step + 1) // 2 if step % 2 else size - step // 2)
    rows = [tuple((place + shift) % size for place in first) for shift in range(size)]
    return rows if size % 2 == 0 or size == 1 else [*rows, *(row[::-1] for row in rows)]


def next_cell(study: Study, taken: Mapping[str, int]) -> Cell:
    """Returns the cell of a newcomer.

    Args:
        study: The study.
        taken: How many participants of each cell count: those who completed it or are at it.
    """
    every = cells(study)
    fewest = min(taken.get(cell.name, 0) for cell in every)
    order = list(every)
    # One permutation for each block, so that the order of cells cannot be foreseen from one block.
    random.Random(f"{study.seed}:block:{fewest}").shuffle(order)
    return next(cell for cell in order if taken.get(cell.name, 0) == fewest)


def sequence(study: Study, cell: Cell, participant: str) -> tuple[str, ...]:
    """Returns the conditions that a participant of `cell` gets, in their order."""
    rounds: list[str] = []
    for turn in range(study.design.repeats):
        conditions = list(cell.conditions)
        if cell.is_shuffled:
            random.Random(f"{study.seed}:order:{participant}:{turn}").shuffle(conditions)
        rounds += conditions
    return tuple(rounds)
