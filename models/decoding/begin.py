"""Which way of sharing steps suits a device."""

import logging
from dataclasses import replace
from typing import Literal

from models.decoding.budget import (
    MOST_TOGETHER,
    WORKSPACE,
    CacheBudget,
    check_together,
    position_bytes,
    rows_that_fit,
)
from models.decoding.shared import SharedSteps, Sharing, StepsNotShared
from models.decoding.step import How
from models.llm import LanguageModel
from models.precision import free_bytes

logger = logging.getLogger(__name__)

ALIGNED = 64
"""The buffers of a GPU hold a multiple of so many positions."""
StepsName = Literal["auto", "plain", "graph", "compiled"]
TOGETHER_ON_CPU = 4
"""Conversations in one step of a CPU, where nobody says how many: the products of four rows take
hardly longer than those of one, see `benchmarks.gpu.together`."""


def begin_sharing(
    llm: LanguageModel,
    *,
    positions: int,
    together: int | None = None,
    steps: StepsName = "auto",
    is_narrow: bool = False,
) -> SharedSteps | None:
    """Returns what conversations with `llm` share; None where each takes its own steps.

    Args:
        llm: Loaded, in eval mode.
        positions: Of the longest conversation.
        together: Conversations in one step at most; 1 shares none on a CPU. None: as many as fit.
        steps: How they are taken on a GPU; `auto` is graphs.
        is_narrow: Whether the weights are of 8 bits on a GPU, which are read as such by compiled
            kernels alone.

    Raises:
        CheckpointError: So many do not fit the memory.
    """
    try:
        return _begun(llm, positions, together, steps, is_narrow)
    except StepsNotShared:
        return None


def _begun(
    llm: LanguageModel, positions: int, together: int | None, steps: StepsName, is_narrow: bool
) -> SharedSteps | None:
    if llm.like.device.type == "cpu":
        rows = TOGETHER_ON_CPU if together is None else together
        return SharedSteps(llm, Sharing(rows, positions)) if rows > 1 else None
    how: How = ("compiled" if is_narrow else "graph") if steps == "auto" else steps
    return _on_gpu(llm, positions, together, how)


def _on_gpu(
    llm: LanguageModel, positions: int, together: int | None, how: How
) -> SharedSteps | None:
    # Kernels of attention read rows of masks that begin at even addresses.
    positions = -(-(positions + 1) // ALIGNED) * ALIGNED - 1
    position = position_bytes(llm.causal.config, llm.like.dtype)
    free = free_bytes(llm.like.device) or 0
    fit = rows_that_fit(free, position, positions)
    if together is not None:
        check_together(free, position, positions, together)
    rows = min(fit, MOST_TOGETHER if together is None else together)
    if rows == 0:
        logger.warning(
            "the GPU is too full for talks to share steps: they are answered one after another"
        )
        return None
    taken = rows * (positions + 1) * position
    budget = CacheBudget(max(positions, int((free - taken - WORKSPACE) // position)))
    return recorded(llm, Sharing(rows, positions, how, True, True, budget))


def recorded(llm: LanguageModel, sharing: Sharing) -> SharedSteps:
    """Returns steps as `sharing` asks for them, or plain ones where these cannot be recorded."""
    steps = SharedSteps(llm, sharing)
    try:
        steps.rehearse()
        return steps
    except (RuntimeError, ImportError) as error:
        del steps  # its buffers make room for the others
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        logger.warning("steps cannot be taken as %s (%s): plainly", sharing.how, reason)
    return SharedSteps(llm, replace(sharing, how="plain"))
