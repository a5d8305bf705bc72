"""A dry run: the longest batch goes through one step before hours are spent."""

import logging
import resource
import shutil
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from train.loop.batches import BucketedBatches
from train.loop.processes import on_cpu
from train.loop.settings import LoopSettings
from train.loop.task import Task

logger = logging.getLogger(__name__)

MOMENT_BYTES = 8
"""Bytes that AdamW's two moments of a trained float32 number take; itself and its gradient stand
in the memory of the step already."""
STATE_BYTES = 12
"""Bytes that a trained float32 number takes in a saved state: itself and two moments."""


def dry_run(task: Task, settings: LoopSettings, run: Path) -> None:
    """Checks that the longest batch trains, and prints sizes and memory.

    Args:
        task: What is to be trained.
        settings: How.
        run: The run folder.

    Raises:
        ValueError: An item of the longest batch cannot be read, the loss is not finite, or memory
            or disk are too small.
    """
    batches = task.train
    assert isinstance(batches, BucketedBatches)
    plan = batches.plan(0)

    def padded(number: int) -> int:
        return len(plan[number]) * max(int(batches.lengths[index]) for index in plan[number])

    longest = max(range(len(plan)), key=padded)
    loaded = batches.load(0, longest)
    if loaded.value is None or loaded.unreadable:
        raise ValueError(f"the longest batch cannot be read: {'; '.join(loaded.unreadable)}")
    use_gpu = torch.cuda.is_available() and not on_cpu(settings.device)
    device = torch.device("cuda" if use_gpu else "cpu")
    started = time.perf_counter()
    with _memory_named(batches.batch_size):
        terms, loss = _step(task, settings, loaded.value, device)
    took_s = time.perf_counter() - started
    if not bool(torch.isfinite(loss)):
        raise ValueError(f"the loss of the longest batch is {float(loss)}")
    trained = sum(p.numel() for p in task.model.parameters() if p.requires_grad)
    each = len(plan) * settings.epochs // settings.accumulate
    steps = settings.max_steps or max(1, each)
    whole_s = steps * settings.accumulate * took_s
    print(f"{task.name}: the longest batch trains")
    print(f"  batches an epoch {len(plan)}, optimiser steps {steps} with one process")
    print(f"  longest batch {len(loaded.names)} utterances: {', '.join(loaded.names[:3])} …")
    for name, value in terms.items():
        print(f"  {name} {float(value.detach()):.4f}")
    shown = f"{whole_s / 3600:.1f} h" if whole_s > 5400 else f"{whole_s / 60:.1f} min"
    print(f"  time {took_s:.2f} s, so {shown} in all at most: shorter batches take less")
    _print_memory(trained, use_gpu=use_gpu)
    _print_disk(task.model, trained, settings.keep_states + 1, run)


def _step(
    task: Task, settings: LoopSettings, batch: Any, device: torch.device
) -> tuple[Mapping[str, Tensor], Tensor]:
    """Returns the loss terms and the loss of one forward and backward pass."""
    model = task.model.to(device).train()
    batch = batch.to(device)
    bf16 = settings.precision == "bf16"
    with task.scope(model, batch) if task.scope else torch.enable_grad():
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
            terms = task.step(model, batch)
        losses = [weight * terms[name].float() for name, weight in task.weights.items()]
        loss = torch.stack(losses).sum()
        loss.backward()
    return terms, loss.detach().cpu()


@contextmanager
def _memory_named(batch_size: int) -> Generator[None]:
    """Says what makes a batch smaller when memory does not hold it.

    Raises:
        ValueError: The longest batch does not fit.
    """
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
            raise ValueError(
                f"the longest batch of {batch_size} utterances does not fit the memory: "
                "take a smaller --batch-size (and a larger --loop.accumulate), "
                "--loop.gradient-checkpointing, --dtype bfloat16, or --longest-s"
            ) from error
        raise


def _print_memory(trained: int, *, use_gpu: bool) -> None:
    """Prints what the step took and what the optimiser will.

    Raises:
        ValueError: Both together do not fit the GPU.
    """
    peak = torch.cuda.max_memory_allocated() if use_gpu else _peak_bytes()
    moments = trained * MOMENT_BYTES
    line = f"  memory {peak / 2**30:.2f} GiB, and {moments / 2**30:.2f} GiB for AdamW"
    if not use_gpu:
        print(line)
        return
    size = torch.cuda.get_device_properties(0).total_memory
    print(f"{line}, of {size / 2**30:.2f} GiB")
    if peak + moments > size:
        raise ValueError(
            "the step and AdamW's moments together do not fit the GPU: take a smaller "
            "--batch-size and a larger --loop.accumulate, or --loop.gradient-checkpointing"
        )


def _print_disk(model: nn.Module, trained: int, states: int, run: Path) -> None:
    """Prints what the run folder will take: two checkpoints, the states, and one more of each."""
    checkpoint = sum(p.numel() * p.element_size() for p in model.parameters())
    wanted = 3 * checkpoint + states * trained * STATE_BYTES
    place = run.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    print(f"  disk {wanted / 2**30:.2f} GiB in {run}, {free / 2**30:.2f} GiB are free")
    if free < wanted:
        raise ValueError(f"{run} needs more disk space than is free: take another --run")


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
