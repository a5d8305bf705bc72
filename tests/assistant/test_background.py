import asyncio
import threading

import pytest

from assistant.background import Background


def test_work_runs_on_a_thread_of_its_own_until_it_is_stopped() -> None:
    background = Background("others")
    begun, stopped = threading.Event(), threading.Event()

    async def wait() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async def name() -> str:
        return threading.current_thread().name

    assert background.start(name()).result(10.0) == "others"
    work = background.start(wait())
    assert begun.wait(10.0)
    work.cancel()
    assert stopped.wait(10.0)
    background.close()
    assert "others" not in {thread.name for thread in threading.enumerate()}


def test_what_still_runs_ends_before_the_last() -> None:
    background = Background("others")
    order: list[str] = []
    begun = threading.Event()

    async def wait() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            order.append("work")

    async def last() -> None:
        order.append("last")

    work = background.start(wait())
    assert begun.wait(10.0)
    background.close(last())
    assert order == ["work", "last"]
    assert work.cancelled() or work.exception() is not None


def test_one_that_never_ran_can_be_closed() -> None:
    Background("others").close()


def test_an_error_is_carried_to_who_asks() -> None:
    background = Background("others")

    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        background.start(fail()).result(10.0)
    background.close()
