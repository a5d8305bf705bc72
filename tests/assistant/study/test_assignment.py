from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.study.design.assignment import cells, latin_square, next_cell, sequence
from assistant.study.design.study import Study

BASE = {"contact": "me, me@x", "seed": 3, "participants": 1, "retention_until": "2099-01-01"}


def study(levels: list[int], kind: str = "within", order: str = "latin", **more) -> Study:
    factors = {f"f{n}": {f"l{i}": {} for i in range(count)} for n, count in enumerate(levels)}
    design = {"kind": kind, "order": order, **more}
    return Study.model_validate({**BASE, "factors": factors, "design": design})


@given(st.integers(1, 12))
def test_in_a_latin_square_all_stand_equally_often_at_each_place_and_after_each_other(size):
    rows = latin_square(size)
    for place in range(size):
        assert len(set(Counter(row[place] for row in rows).values())) == 1
    after = Counter(pair for row in rows for pair in pairwise(row))
    assert len(after) == size * (size - 1) and len({*after.values(), 0}) <= 2


@settings(max_examples=60, deadline=None)
@given(
    levels=st.lists(st.integers(2, 3), min_size=1, max_size=2),
    kind=st.sampled_from(["within", "between"]),
    order=st.sampled_from(["latin", "random", "fixed"]),
    stays=st.lists(st.booleans(), max_size=60),
)
def test_cells_stay_balanced_and_dropped_ones_are_filled_first(levels, kind, order, stays):
    plan = study(levels, kind, order)
    taken: Counter[str] = Counter()
    for remains in stays:
        cell = next_cell(plan, taken)
        assert taken[cell.name] == min(taken[c.name] for c in cells(plan))
        if remains:
            taken[cell.name] += 1
    counts = [taken[cell.name] for cell in cells(plan)]
    assert max(counts) - min(counts) <= 1


def test_each_block_of_newcomers_holds_each_cell_once_in_an_order_of_its_own():
    plan = study([2, 2])
    taken: Counter[str] = Counter()
    came = []
    for _ in range(40):
        cell = next_cell(plan, taken)
        taken[cell.name] += 1
        came.append(cell.name)
    blocks = [tuple(came[n : n + 4]) for n in range(0, 40, 4)]
    assert all(sorted(block) == ["c1", "c2", "c3", "c4"] for block in blocks)
    assert len(set(blocks)) > 1


def test_the_same_seed_gives_the_same_cells_and_orders():
    one, other = study([2, 2], order="random"), study([2, 2], order="random")
    cell = next_cell(one, {})
    assert cell == next_cell(other, {})
    assert sequence(one, cell, "p1") == sequence(other, cell, "p1")
    assert {sequence(one, cell, f"p{n}") for n in range(30)} != {sequence(one, cell, "p1")}


def test_in_a_mixed_design_the_named_factor_differs_between_participants():
    plan = study([2, 3], "mixed", between=["f0"])
    for cell in cells(plan):
        assert len({name.split("+")[0] for name in cell.conditions}) == 1
        assert {name.split("+")[1] for name in cell.conditions} == {"l0", "l1", "l2"}
    assert len(cells(plan)) == 2 * 6


def test_all_orders_are_given_and_repeats_follow_each_other():
    plan = study([3], order="all", repeats=2)
    assert len(cells(plan)) == 6
    rounds = sequence(plan, cells(plan)[0], "p")
    assert rounds[:3] == rounds[3:] and len(set(rounds)) == 3


@pytest.mark.parametrize(
    ("levels", "kind", "order", "message"),
    [
        ([1], "within", "latin", "at least two conditions"),
        ([1], "between", "latin", "at least two conditions"),
        ([6], "within", "all", "too many orders"),
        ([6, 6], "within", "latin", "more than 26"),
    ],
)
def test_designs_that_cannot_be_are_refused(levels, kind, order, message):
    with pytest.raises(ValueError, match=message):
        study(levels, kind, order)


def test_between_gives_each_participant_one_condition():
    assert [len(cell.conditions) for cell in cells(study([2, 2], "between"))] == [1, 1, 1, 1]
