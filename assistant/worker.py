"""Runs sync engine code on one thread and hands its results to the event loop.

A worker takes one *step* at a time: a call, or one item of an iterator. An iterator's next step
is queued when the one before has been delivered, so several conversations that share an engine
take turns step by step. The step that is due first goes first: whoever waits for a first sound is
served before those whose answers are already being spoken.
"""

import asyncio
import contextlib
import itertools
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from assistant.errors import EngineFailed

Item = TypeVar("Item")
Result = TypeVar("Result")
Awaits = Callable[[Item], "Future[Any] | None"]
"""Says what an item that stands for nothing waits for: its iterator is stepped again after it."""
Due = Callable[[], float]
"""Says, when a step is queued, by what time of the event loop's clock its result is wanted."""
NEVER = float("inf")


class _Exhausted:
    """Stands for the end of an iterator on its way through the queue."""


class Worker:
    """One thread for one engine instance."""

    def __init__(self, name: str, *, limit: int = 256) -> None:
        """Prepares the worker; its thread starts with the first step.

        Args:
            name: Shown in thread lists and in errors.
            limit: Steps that may wait at once; one more is refused with `EngineFailed`.
        """
        self.name = name
        self._waiting = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        """That the steps in `_waiting` are delivered to."""
        self.busy_s = 0.0
        """Seconds at work so far; written by the thread alone."""
        self._limit = limit
        # Of steps that are due together the first one asked for goes first; without it the queue
        # would compare functions.
        self._order = itertools.count()
        self._requests: queue.PriorityQueue[tuple[float, int, Callable[[], None] | None]] = (
            queue.PriorityQueue()
        )
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """Steps asked for and not yet delivered; belongs to the event loop."""
        # What was asked for on a loop that is closed is never delivered, so it is not waited for.
        return 0 if self._loop is None or self._loop.is_closed() else self._waiting

    def is_wanted(self) -> bool:
        """Whether a step waits that is due at any time; may be asked on every thread."""
        with self._requests.mutex:
            waiting = self._requests.queue
            return bool(waiting) and waiting[0][0] < NEVER  # a heap: what is due first is first

    def count(self, steps: int, loop: asyncio.AbstractEventLoop) -> None:
        """Adds to what waits to be delivered to `loop`, or takes away from it."""
        if loop is not self._loop:
            self._loop, self._waiting = loop, 0
        self._waiting += steps

    async def call(self, function: Callable[[], Result], *, due: Due | None = None) -> Result:
        """Returns what `function` returns, run on the worker's thread after what is due before.

        A caller that is cancelled loses the result; the function still runs to its end.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

        def deliver(result: Result | None, error: BaseException | None) -> None:
            if future.cancelled():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # pyright: ignore[reportArgumentType]

        self.submit(function, deliver, due=due)
        return await future

    def stream(
        self,
        make: Callable[[], Iterator[Item]],
        *,
        ahead: int = 8,
        due: Due | None = None,
        awaits: Awaits[Item] | None = None,
    ) -> "Stream[Item]":
        """Returns the items of `make()`, at most `ahead` of them computed before they are taken.

        With `ahead` 0 each is computed when it is asked for. Where `awaits` names what an item
        waits for, the item itself is left out, and the thread is free until that is there.
        """
        return Stream(self, make, ahead, due, awaits)

    def submit(
        self,
        function: Callable[[], Result],
        deliver: Callable[[Result | None, BaseException | None], None],
        *,
        due: Due | None = None,
        must: bool = False,
    ) -> None:
        """Queues `function`; `deliver` gets its result or its error on the event loop.

        What has no `due` is due at once. What gives something back `must` be queued, however much
        waits.

        Raises:
            EngineFailed: Too many steps wait already.
        """
        if self.waiting >= self._limit and not must:
            raise EngineFailed(
                f"{self.name} has {self.waiting} steps waiting: too many conversations at once"
            )
        loop = asyncio.get_running_loop()
        self.count(1, loop)

        def arrive(result: Result | None, error: BaseException | None) -> None:
            self.count(-1, loop)
            deliver(result, error)

        def step() -> None:
            result: Result | None = None
            error: BaseException | None = None
            try:
                result = function()
            except BaseException as caught:  # carried to the loop and raised there
                error = caught
            # A step may outlive the conversation that asked for it: then nobody takes its result.
            if not loop.is_closed():
                loop.call_soon_threadsafe(arrive, result, error)

        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
            self._thread.start()
        self._requests.put((due() if due else loop.time(), next(self._order), step))

    def close(self, *, wait: bool = True) -> None:
        """Ends the thread after what waits there.

        Args:
            wait: Whether to block until then, which is not for the event loop.
        """
        if self._thread is not None:
            # Due after all that waits, whatever that is due at.
            self._requests.put((NEVER, next(self._order), None))
            if wait:
                self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (step := self._requests.get()[2]) is not None:
            began_s = time.perf_counter()
            step()
            self.busy_s += time.perf_counter() - began_s
            del step  # a thread that waits must not keep a whole conversation alive


class Stream(Generic[Item]):
    """The items of an iterator that runs on a worker. Close it to stop early."""

    def __init__(
        self,
        worker: Worker,
        make: Callable[[], Iterator[Item]],
        ahead: int,
        due: Due | None,
        awaits: Awaits[Item] | None = None,
    ) -> None:
        self._worker = worker
        self._awaits = awaits
        self._awaited: Future[Any] | None = None
        self._make = make
        self._ahead = ahead
        self._due = due
        self._iterator: Iterator[Item] | None = None
        self._ready: deque[Item] = deque()
        self._error: BaseException | None = None
        self._is_stepping = False
        self._is_over = False
        self._taker: asyncio.Future[None] | None = None

    def __aiter__(self) -> "Stream[Item]":
        return self

    async def __anext__(self) -> Item:
        while not self._ready:
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            if self._is_over:
                raise StopAsyncIteration
            self._request(at_most=max(1, self._ahead))
            self._taker = asyncio.get_running_loop().create_future()
            try:
                await self._taker
            finally:
                self._taker = None
        item = self._ready.popleft()
        self._request(at_most=self._ahead)
        return item

    def close(self) -> None:
        """Drops what is ready and closes the iterator on its thread after the step under way."""
        self._ready.clear()
        if not self._is_over:
            self._is_over = True
            self._stop_waiting()
            # There, and in its turn: a generator cannot be closed while a step runs within it.
            self._worker.submit(self._close_iterator, lambda _result, _error: None, must=True)

    def _request(self, *, at_most: int) -> None:
        is_busy = self._is_stepping or self._awaited is not None
        if is_busy or self._is_over or len(self._ready) >= at_most:
            return
        self._worker.submit(self._step, self._arrive, due=self._due)
        self._is_stepping = True

    def _step(self) -> Item | _Exhausted:
        if self._is_over:  # closed while this step waited: nobody wants it
            return _Exhausted()
        if self._iterator is None:
            self._iterator = iter(self._make())
        return next(self._iterator, _Exhausted())

    def _arrive(self, result: Item | _Exhausted | None, error: BaseException | None) -> None:
        self._is_stepping = False
        if self._is_over:
            return
        if error is not None:
            self._error, self._is_over = error, True
        elif isinstance(result, _Exhausted):
            self._is_over = True
        else:
            item: Item = result  # pyright: ignore[reportAssignmentType]
            if self._awaits is not None and (awaited := self._awaits(item)) is not None:
                self._wait_for(awaited)
                return
            self._ready.append(item)
            self._request(at_most=self._ahead)
        if self._taker is not None and not self._taker.done():
            self._taker.set_result(None)

    def _wait_for(self, awaited: "Future[Any]") -> None:
        """Steps the iterator again when `awaited` is there."""
        loop = asyncio.get_running_loop()
        self._awaited = awaited
        # It counts as a step that waits: a clock that jumps over idle time must not jump over it.
        self._worker.count(1, loop)

        def arrived(_awaited: "Future[Any]") -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._go_on, awaited)

        awaited.add_done_callback(arrived)

    def _go_on(self, awaited: "Future[Any]") -> None:
        if self._awaited is awaited:
            self._stop_waiting()
            self._request(at_most=max(1, self._ahead))

    def _stop_waiting(self) -> None:
        if self._awaited is not None:
            self._awaited = None
            self._worker.count(-1, asyncio.get_running_loop())

    def _close_iterator(self) -> None:
        close = getattr(self._iterator, "close", None)
        if close is not None:
            close()
