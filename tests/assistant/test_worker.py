"""Workers: order, fairness between conversations, bounds, errors and early ends."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

import pytest

from assistant.clock import replay
from assistant.errors import EngineFailed
from assistant.worker import Worker

Result = TypeVar("Result")


def on_worker(main: Coroutine[Any, Any, Result], *workers: Worker) -> Result:
    try:
        return replay(main, workers=workers)
    finally:
        for worker in workers:
            worker.close()


def test_calls_run_on_one_thread_that_is_not_the_loops() -> None:
    worker = Worker("engine")

    async def main() -> set[str]:
        return {await worker.call(lambda: threading.current_thread().name) for _ in range(5)}

    assert on_worker(main(), worker) == {"engine"}
    assert "engine" not in {thread.name for thread in threading.enumerate()}


def test_a_stream_gives_the_items_in_order() -> None:
    worker = Worker("engine")

    async def main() -> list[int]:
        return [item async for item in worker.stream(lambda: iter(range(100)))]

    assert on_worker(main(), worker) == list(range(100))


def test_two_streams_take_turns_step_by_step() -> None:
    worker = Worker("engine")
    steps: list[str] = []

    def items(name: str) -> Iterator[str]:
        for _ in range(20):
            steps.append(name)
            yield name

    async def drain(name: str) -> None:
        async for _ in worker.stream(lambda: items(name)):
            pass

    async def main() -> None:
        await asyncio.gather(drain("a"), drain("b"))

    on_worker(main(), worker)
    ahead = 0
    for index in range(2, 38):
        ahead = max(ahead, abs(steps[:index].count("a") - steps[:index].count("b")))
    assert ahead <= 2


def test_what_is_due_first_goes_first() -> None:
    worker = Worker("engine")
    release = threading.Event()
    order: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        held = asyncio.create_task(worker.call(release.wait))
        await asyncio.sleep(0)
        calls: list[asyncio.Task[None]] = []
        for name, due_s in (("spoken", 5.0), ("waiting", -1.0), ("also waiting", -1.0)):
            due = partial(float, loop.time() + due_s)
            calls.append(asyncio.create_task(worker.call(partial(order.append, name), due=due)))
        calls.append(asyncio.create_task(worker.call(partial(order.append, "at once"))))
        await asyncio.sleep(0)
        release.set()
        await asyncio.gather(held, *calls)

    on_worker(main(), worker)
    assert order == ["waiting", "also waiting", "at once", "spoken"]


def test_a_stream_that_is_closed_while_it_waits_is_never_begun() -> None:
    worker = Worker("engine")
    release = threading.Event()
    begun: list[int] = []

    def items() -> Iterator[int]:
        begun.append(1)
        yield 1

    async def main() -> None:
        held = asyncio.create_task(worker.call(release.wait))
        await asyncio.sleep(0)
        stream = worker.stream(items)
        taking = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        taking.cancel()
        stream.close()
        release.set()
        await held
        await worker.call(lambda: None)

    on_worker(main(), worker)
    assert begun == []


def test_no_more_is_computed_ahead_than_allowed() -> None:
    worker = Worker("engine")
    made: list[int] = []

    def items() -> Iterator[int]:
        for index in range(100):
            made.append(index)
            yield index

    async def main() -> None:
        stream = worker.stream(items, ahead=3)
        await anext(stream)
        await asyncio.sleep(1.0)
        stream.close()

    on_worker(main(), worker)
    assert len(made) <= 4


def test_an_error_arrives_where_the_item_was_awaited() -> None:
    worker = Worker("engine")

    def items() -> Iterator[int]:
        yield 1
        raise EngineFailed("broken: mend it")

    async def main() -> list[int]:
        got: list[int] = []
        with pytest.raises(EngineFailed, match="mend it"):
            async for item in worker.stream(items):
                got.append(item)
        with pytest.raises(ZeroDivisionError):
            await worker.call(lambda: 1 // 0)
        return [*got, await worker.call(lambda: 2)]

    assert on_worker(main(), worker) == [1, 2]


def test_a_closed_stream_closes_its_iterator_before_later_calls_run() -> None:
    worker = Worker("engine")
    order: list[str] = []

    def items() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            order.append("closed")

    async def main() -> None:
        stream = worker.stream(items, ahead=1)
        await anext(stream)
        stream.close()
        await worker.call(lambda: order.append("later"))

    on_worker(main(), worker)
    assert order == ["closed", "later"]


def test_a_cancelled_caller_does_not_disturb_the_worker() -> None:
    worker = Worker("engine")
    release = threading.Event()

    async def main() -> int:
        task = asyncio.create_task(worker.call(release.wait))
        await asyncio.sleep(0)
        task.cancel()
        release.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await worker.call(lambda: 7)

    assert on_worker(main(), worker) == 7


def test_more_waiting_steps_than_allowed_are_refused() -> None:
    worker = Worker("engine", limit=2)
    release = threading.Event()

    async def main() -> None:
        tasks = [asyncio.create_task(worker.call(release.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(EngineFailed, match="too many conversations"):
            await worker.call(lambda: None)
        release.set()
        await asyncio.gather(*tasks)

    on_worker(main(), worker)


def test_a_stream_can_be_closed_however_much_waits() -> None:
    worker = Worker("engine", limit=1)
    release = threading.Event()

    async def main() -> None:
        stream = worker.stream(lambda: iter(range(3)), ahead=0)
        assert await anext(stream) == 0
        waiting = asyncio.create_task(worker.call(release.wait))
        await asyncio.sleep(0)
        stream.close()
        release.set()
        await waiting

    on_worker(main(), worker)


def test_the_replay_clock_jumps_over_waits_and_stands_still_during_work() -> None:
    worker = Worker("engine")

    async def main() -> float:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(3_600.0)
        await worker.call(lambda: sum(range(100_000)))
        return loop.time()

    assert on_worker(main(), worker) == 3_600.0


def test_waiting_for_nothing_is_an_error_not_a_hang() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="nothing is under way"):
        on_worker(main())


def test_a_step_that_waits_for_others_leaves_the_thread_free() -> None:
    worker = Worker("engine")
    arrived: Future[None] = Future()
    order: list[str] = []

    def items() -> Iterator[str | Future[None]]:
        yield "first"
        yield arrived
        yield "last"

    async def main() -> list[str | Future[None]]:
        stream = worker.stream(items, awaits=_future)
        taken = [await anext(stream)]
        asked = asyncio.ensure_future(anext(stream))
        await worker.call(lambda: order.append("another conversation"))
        assert not asked.done()
        assert worker.waiting, "a clock that jumps over idle time must wait for it"
        arrived.set_result(None)
        taken.append(await asked)
        taken += [item async for item in stream]
        assert worker.waiting == 0
        return taken

    assert on_worker(main(), worker) == ["first", "last"]
    assert order == ["another conversation"]


def test_a_stream_that_waits_for_others_can_be_closed() -> None:
    worker = Worker("engine")
    closed = threading.Event()
    arrived: Future[None] = Future()

    def items() -> Iterator[Future[None]]:
        try:
            yield arrived
        finally:
            closed.set()

    async def main() -> None:
        stream = worker.stream(items, awaits=_future)
        asked = asyncio.ensure_future(anext(stream))
        while not worker.waiting or arrived not in (stream._awaited,):
            await asyncio.sleep(0)
        asked.cancel()
        stream.close()
        await worker.call(lambda: None)
        arrived.set_result(None)
        await asyncio.sleep(0)
        assert worker.waiting == 0

    on_worker(main(), worker)
    assert closed.is_set()


def test_what_a_closed_loop_asked_for_is_not_waited_for_on_the_next_one() -> None:
    worker = Worker("engine")
    go_on = threading.Event()

    async def leave() -> None:
        worker.submit(go_on.wait, lambda _result, _error: None)
        assert worker.waiting == 1

    async def come() -> int:
        assert worker.waiting == 0
        go_on.set()
        await worker.call(lambda: None)
        return worker.waiting

    asyncio.run(leave())
    assert on_worker(come(), worker) == 0


def _future(item: object) -> Future[Any] | None:
    return item if isinstance(item, Future) else None
