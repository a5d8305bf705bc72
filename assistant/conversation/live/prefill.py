"""What a model computes before it is asked, while nobody waits for it.

A system line of thousands of characters takes many seconds, and what is shown to the model before
it answers somebody a good part of one: the answer would come late by them. They are computed a part
at a time, after all else that waits for the model.
"""

import asyncio
from collections.abc import Callable, Iterator

from assistant.errors import EngineFailed
from assistant.worker import NEVER, Worker

Make = Callable[[Callable[[], bool]], Iterator[None]]
"""Begins to compute, a part with each step; is given what says that another step is waited for."""


class Prefill:
    """One computation at a time, in whose place the next one comes."""

    def __init__(self, worker: Worker) -> None:
        """Computes on the model's `worker`."""
        self._worker = worker
        self._task: asyncio.Task[None] | None = None

    def begin(self, group: asyncio.TaskGroup, make: Make) -> None:
        """Computes what `make` gives, a part with each step, instead of what was begun before."""
        self.end()
        self._task = group.create_task(self._computed(make))

    def end(self) -> None:
        """Computes no more, after the step under way."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _computed(self, make: Make) -> None:
        # Nobody waits for it: any other step goes first.
        steps = self._worker.stream(
            lambda: make(self._worker.is_wanted), ahead=0, due=lambda: NEVER
        )
        try:
            async for _step in steps:
                pass
        except EngineFailed:
            # The next turn computes it, too, and says what is wrong.
            pass
        finally:
            steps.close()
