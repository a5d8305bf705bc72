"""What people see of it when all replicas are replaced by those of a new version."""

import asyncio
import sys
import time

from benchmarks.cluster.asking import AnswerTimes, talks
from benchmarks.cluster.started import ROOT, Started

SLICE_S = 15.0
"""How long a talk lasts: it is looked between them whether the update has ended."""


async def updated(started: Started, many: int, *, think_s: float) -> tuple[AnswerTimes, float]:
    """Holds so many talks while the replicas are replaced, and a moment longer.

    Returns:
        What they saw, and the seconds until the new version was there.
    """
    seen, began_s = AnswerTimes(), time.perf_counter()
    update = await asyncio.create_subprocess_exec(*started.update, cwd=ROOT, stdout=sys.stderr)
    took = asyncio.ensure_future(_until_over(update, began_s))
    is_last = False
    while not is_last:
        is_last = took.done()
        seen.add(await talks(started.hosts, many, for_s=SLICE_S, think_s=think_s))
    return seen, await took


async def _until_over(update: asyncio.subprocess.Process, began_s: float) -> float:
    if status := await update.wait():
        raise SystemExit(f"the update ended with {status}")
    return time.perf_counter() - began_s
