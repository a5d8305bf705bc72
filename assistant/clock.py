"""An event loop whose time jumps over every wait, for replaying files faster than real time.

Nothing in the conversation knows it: devices sleep until their next frame as ever, only that
the sleep costs nothing. Work of the engines either counts with the time it really takes, so
that latencies are those of a live talk, or not at all, so that a run is repeatable.
"""

import asyncio
import selectors
import time
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from assistant.worker import Worker

Result = TypeVar("Result")


class ReplayLoop(asyncio.SelectorEventLoop):
    """A loop that advances its clock instead of waiting, unless a worker is at work."""

    def __init__(self, workers: Sequence[Worker], *, counts_work: bool) -> None:
        """Starts at time 0.

        Args:
            workers: Those whose steps are waited for; the clock does not jump meanwhile.
            counts_work: Whether real computing time passes on the clock too.
        """
        self._workers = workers
        self._counts_work = counts_work
        self._jumped_s = 0.0
        self._began_s = time.perf_counter()
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Seconds since the start: the waits jumped over, and the work if it counts."""
        worked_s = time.perf_counter() - self._began_s if self._counts_work else 0.0
        return self._jumped_s + worked_s

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Says nothing of tasks that ended because the program was told to end."""
        if not isinstance(context.get("exception"), SystemExit | KeyboardInterrupt):
            super().call_exception_handler(context)

    def patience_s(self, timeout: float | None) -> float | None:
        """Returns how long to wait really for `timeout`, and lets the clock jump over the rest."""
        if any(worker.waiting for worker in self._workers):
            return timeout if self._counts_work else None
        if timeout is None:
            raise RuntimeError("nothing is under way that could wake the conversation")
        self._jumped_s += timeout
        return 0.0


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, loop: ReplayLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0.0:
            return super().select(timeout)
        return super().select(self._loop.patience_s(timeout))


def replay(
    main: Coroutine[Any, Any, Result], *, workers: Sequence[Worker], counts_work: bool = False
) -> Result:
    """Runs `main` on a `ReplayLoop` and returns its result."""
    with asyncio.Runner(
        loop_factory=lambda: ReplayLoop(workers, counts_work=counts_work)
    ) as runner:
        return runner.run(main)
