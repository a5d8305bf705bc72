"""What gateways and replicas of a cluster tell each other, also where somebody hangs."""

import asyncio
import threading
from collections.abc import Sequence

from assistant.engines.cluster.course import Figures
from assistant.errors import EngineFailed
from ui.realtime.hosting.census import Census, Count
from ui.realtime.hosting.replicas import Replicas


async def test_others_are_counted() -> None:
    census = Census(lambda own: Count(own.active + 1))
    await census.compare(Count(4))
    assert census.elsewhere == Count(5)
    census.close()


async def test_a_census_that_hangs_holds_nobody_up_and_is_heard_when_it_answers() -> None:
    goes_on, asked = threading.Event(), list[Count]()

    def hang(own: Count) -> Count:
        asked.append(own)
        goes_on.wait(30)
        return Count(7)

    census = Census(hang, wait_s=0.01)
    async with asyncio.timeout(60.0):
        while not asked:
            await census.compare(Count(0))
        for active in range(1, 4):
            await census.compare(Count(active))
        assert census.elsewhere == Count()
        assert asked == [Count(0)], "asked once, and not again and again behind the first"
        goes_on.set()
        while census.elsewhere != Count(7):
            await census.compare(Count(9))
    census.close()


async def test_a_census_that_is_gone_leaves_what_was_known() -> None:
    told = [Count(3)]

    def ask(_own: Count) -> Count:
        if not told:
            raise EngineFailed("gone")
        return told.pop()

    census = Census(ask)
    for _ in range(2):
        await census.compare(Count())
        assert census.elsewhere == Count(3)
    census.close()


async def test_replicas_are_counted_by_name() -> None:
    told = [
        Figures("voice", "b", 2, 0, 0.5),
        Figures("speech model", 'a"1', 7, 3, 1.25, talks=4, prefilled=1),
    ]
    replicas = Replicas(lambda: told)
    lines = (await replicas.text()).splitlines()
    assert 'attune_replicas_answering{engine="speech model"} 1' in lines
    assert 'attune_replica_requests_total{engine="speech model",replica="a\\"1"} 7' in lines
    assert 'attune_replica_busy_s_total{engine="voice",replica="b"} 0.5' in lines
    assert 'attune_replica_prefilled_total{engine="speech model",replica="a\\"1"} 1' in lines
    assert sum(line.startswith("# TYPE attune_replica_") for line in lines) == 5
    replicas.close()


async def test_replicas_that_are_silent_are_none() -> None:
    goes_on = threading.Event()

    def hang() -> Sequence[Figures]:
        goes_on.wait(30)
        return ()

    def fail() -> Sequence[Figures]:
        raise EngineFailed("gone")

    for ask in (hang, fail):
        replicas = Replicas(ask, wait_s=0.01)
        async with asyncio.timeout(60.0):
            assert (await replicas.text()).splitlines()[-1] == "attune_replicas_answering 0"
        goes_on.set()
        replicas.close()
