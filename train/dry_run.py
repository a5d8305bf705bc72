"""A dry run: the longest batch goes through one step before hours are spent."""

import logging
import resource
import shutil
import sys

import torch
from torch import nn

from train.batches import BucketedBatches
from train.settings import AlignSettings
from train.task import Task

logger = logging.getLogger(__name__)

ADAM_BYTES = 16
"""Bytes that a trained float32 number takes: itself, its gradient and two moments."""
STATE_BYTES = 12
"""Bytes that a trained float32 number takes in a saved state: itself and two moments."""


def dry_run(task: Task, settings: AlignSettings) -> None:
    """Checks that the longest batch trains, and prints sizes and memory.

    Raises:
        ValueError: An item of the longest batch cannot be read, the loss is not finite, or the
            disk is too small.
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
    use_gpu = torch.cuda.is_available() and settings.loop.device == "auto"
    device = torch.device("cuda" if use_gpu else "cpu")
    model = task.model.to(device).train()
    batch = loaded.value.to(device)
    bf16 = settings.loop.precision == "bf16"
    with task.scope(model, batch) if task.scope else torch.enable_grad():
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
            terms = task.step(model, batch)
        loss = sum((w * terms[name].float() for name, w in task.weights.items()), torch.zeros(()))
        loss.backward()
    if not bool(torch.isfinite(loss)):
        raise ValueError(f"the loss of the longest batch is {float(loss.detach())}")
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    peak = torch.cuda.max_memory_allocated() if use_gpu else _peak_bytes()
    steps = len(plan) * settings.loop.epochs // settings.loop.accumulate
    print(f"{task.name}: the longest batch trains")
    print(f"  batches an epoch {len(plan)}, optimiser steps {settings.loop.max_steps or steps}")
    print(f"  longest batch {len(loaded.names)} utterances: {', '.join(loaded.names[:3])} …")
    for name, value in terms.items():
        print(f"  {name} {float(value.detach()):.4f}")
    print(f"  memory {peak / 2**30:.2f} GiB, and {trained * ADAM_BYTES / 2**30:.2f} GiB for AdamW")
    _print_disk(model, trained, settings)


def _print_disk(model: nn.Module, trained: int, settings: AlignSettings) -> None:
    """Prints what the run folder will take: two checkpoints, the states, and one more of each."""
    checkpoint = sum(p.numel() * p.element_size() for p in model.parameters())
    states = settings.loop.keep_states + 1
    wanted = 3 * checkpoint + states * trained * STATE_BYTES
    place = settings.run.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    print(f"  disk {wanted / 2**30:.2f} GiB in {settings.run}, {free / 2**30:.2f} GiB are free")
    if free < wanted:
        raise ValueError(f"{settings.run} needs more disk space than is free: take another --run")


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
