"""An event loop on a thread of its own, for engines that wait for others instead of computing.

A worker's thread must not wait for a network: all conversations of the process share it.
"""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

Result = TypeVar("Result")


class Background:
    """Runs coroutines for threads that have no event loop."""

    def __init__(self, name: str) -> None:
        """Prepares the loop; its thread, shown as `name`, starts with the first coroutine."""
        self._name = name
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None

    def start(self, work: Coroutine[Any, Any, Result]) -> "Future[Result]":
        """Begins `work`; cancelling what is returned stops it.

        Not to be called from two threads at once before the first has returned.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def close(self, last: Coroutine[Any, Any, None] | None = None) -> None:
        """Stops what still runs, runs `last`, and ends the thread; blocks until then."""
        if self._thread is not None:
            asyncio.run_coroutine_threadsafe(_stop_all(last), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._thread = None
        self._loop.close()


async def _stop_all(last: Coroutine[Any, Any, None] | None) -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    if last is not None:
        await last
    await asyncio.sleep(0)  # what was closed just now ends in the loop's next round
