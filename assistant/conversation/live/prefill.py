"""Computes what a dialogue begins with while nobody has said anything yet.

A system line of thousands of characters takes a model many seconds, which the first answer would
come late by. It is computed a part at a time, after all else that waits for the model.
"""

import asyncio

from assistant.engines.protocols import Dialogue
from assistant.errors import EngineFailed
from assistant.worker import NEVER, Worker


class Prefill:
    """One dialogue's, begun anew where the dialogue is to begin with something else."""

    def __init__(self, dialogue: Dialogue, worker: Worker) -> None:
        """Computes on the model's `worker`."""
        self._dialogue, self._worker = dialogue, worker
        self._task: asyncio.Task[None] | None = None

    def begin(self, group: asyncio.TaskGroup) -> None:
        """Begins, or begins anew."""
        self.end()
        self._task = group.create_task(self._computed())

    def end(self) -> None:
        """Computes no more, after the step under way."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _computed(self) -> None:
        # Nobody waits for it: any other step goes first.
        steps = self._worker.stream(self._dialogue.prefill, ahead=0, due=lambda: NEVER)
        try:
            async for _step in steps:
                pass
        except EngineFailed:
            # The first turn computes it, too, and says what is wrong.
            pass
        finally:
            steps.close()
