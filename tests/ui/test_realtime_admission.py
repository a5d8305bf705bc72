"""Who is let in: places, addresses, measured latency and the waiting line."""

import asyncio
import contextlib
from typing import Any

import pytest

from ui.realtime_admission import UNPROVEN_S, AdmissionSettings, Gate, Refused, Visit
from ui.realtime_burden import WINDOW_S

MOST_LOAD = AdmissionSettings().most_load


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


class House:
    """A gate whose visitors talk as they are told to."""

    def __init__(self, clock: Clock, **settings: Any) -> None:
        self.clock = clock
        self.busy_s = 0.0
        self.gate = Gate(AdmissionSettings(**settings), clock, lambda: self.busy_s)
        self.visits: list[Visit] = []

    def burst(self, visitors: int) -> int:
        """Returns how many of so many visitors come in, all at once."""
        before = len(self.visits)
        for _ in range(visitors):
            with contextlib.suppress(Refused):
                self.visits.append(self.gate.try_enter(""))
        return len(self.visits) - before

    def talk(self, seconds: int, *, latency_ms: float = 20.0, load: float = 0.0) -> None:
        """Everybody is answered every five seconds while the model works so much of the time."""
        for second in range(seconds):
            self.clock.now_s += 1.0
            self.busy_s += load
            self.gate.burden.look()
            if second % 5 == 4:
                for visit in self.visits:
                    self.gate.answered(visit, latency_ms)


def test_places_and_addresses_are_counted(clock: Clock) -> None:
    gate = Gate(AdmissionSettings(most=3, per_address=2), clock)
    first = gate.try_enter("a")
    gate.try_enter("a")
    with pytest.raises(Refused, match="your address"):
        gate.try_enter("a")
    gate.try_enter("b")
    with pytest.raises(Refused, match="places"):
        gate.try_enter("c")
    gate.leave(first)
    gate.try_enter("c")
    assert gate.active == 3


def test_a_burst_waits_until_the_first_were_answered(clock: Clock) -> None:
    house = House(clock, first=4)
    assert house.burst(16) == 4
    house.talk(5, load=0.05)
    assert house.burst(12) == 4
    house.talk(5, load=0.1)
    assert house.burst(8) == 8


def test_visitors_who_never_talk_do_not_keep_others_out_for_ever(clock: Clock) -> None:
    house = House(clock, first=4)
    assert house.burst(16) == 4
    clock.now_s += UNPROVEN_S + 1.0
    assert house.burst(16) == 4


def test_nobody_new_while_answers_are_late(clock: Clock) -> None:
    house = House(clock, budget_ms=400)
    house.burst(3)
    house.talk(15, latency_ms=900.0)
    assert house.gate.burden.p95_ms() == 900.0
    assert house.burst(1) == 0
    clock.now_s += WINDOW_S + 1.0
    assert house.gate.burden.p95_ms() is None
    assert house.burst(1) == 1


def test_nobody_new_who_would_make_answers_late(clock: Clock) -> None:
    house = House(clock, budget_ms=400)
    house.burst(2)
    house.talk(20, latency_ms=300.0)
    # In time for two, too late for three.
    assert house.burst(1) == 0


def test_answers_must_be_well_in_time_again_before_somebody_comes_in(clock: Clock) -> None:
    house = House(clock, budget_ms=400)
    house.burst(4)
    house.talk(15, latency_ms=390.0)
    assert house.burst(1) == 0
    clock.now_s += WINDOW_S
    house.talk(15, latency_ms=300.0)
    assert house.burst(1) == 0, "300 ms for four is 375 ms for five: too near the budget"
    clock.now_s += WINDOW_S
    house.talk(15, latency_ms=200.0)
    assert house.burst(1) == 1


def test_nobody_new_who_would_make_the_model_too_busy(clock: Clock) -> None:
    house = House(clock)
    house.burst(4)
    house.talk(20, latency_ms=5.0, load=0.8 * MOST_LOAD)
    # Four use 80 percent of what may be used: the fifth takes the rest.
    assert house.burst(4) == 1
    house.talk(20, latency_ms=5.0, load=MOST_LOAD)
    assert house.burst(1) == 0
    house.gate.leave(house.visits.pop())
    house.talk(20, latency_ms=5.0, load=0.5 * MOST_LOAD)
    assert house.burst(1) == 1


def test_a_few_late_answers_say_nothing(clock: Clock) -> None:
    house = House(clock)
    house.burst(1)
    house.talk(5, latency_ms=5_000.0)
    assert house.burst(1) == 1


def test_an_empty_house_lets_in_however_slow_it_was(clock: Clock) -> None:
    house = House(clock)
    house.burst(2)
    house.talk(20, latency_ms=5_000.0, load=1.0)
    for visit in house.visits:
        house.gate.leave(visit)
    assert house.burst(2) == 1


async def test_the_line_is_served_in_its_order(clock: Clock) -> None:
    gate = Gate(AdmissionSettings(most=1, line=2), clock)
    visit = gate.try_enter("")
    told: list[tuple[str, int]] = []
    entered: list[str] = []

    async def visitor(name: str) -> None:
        async def tell(place: int) -> None:
            told.append((name, place))

        await gate.wait("", tell)
        entered.append(name)

    first = asyncio.create_task(visitor("first"))
    second = asyncio.create_task(visitor("second"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert told == [("first", 1), ("second", 2)]
    with pytest.raises(Refused, match="line is full"):
        await visitor("third")
    with pytest.raises(Refused, match="others"):
        gate.try_enter("")
    gate.leave(visit)
    await first
    assert entered == ["first"]
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    assert gate.waiting == 0
    assert gate.active == 1
