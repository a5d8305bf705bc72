"""Who is let in: places, addresses, measured latency and the waiting line."""

import asyncio
import contextlib
from typing import Any

import pytest

from ui.realtime.hosting.admission import UNPROVEN_S, AdmissionSettings, Gate, NoRoom, Visit
from ui.realtime.hosting.load import WINDOW_S

MOST_LOAD, BUDGET_MS = 0.35, 400.0
BUSY = 0.6 * MOST_LOAD
"""Enough that conversations wait for each other."""


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
        self.busy_s = self.voice_s = 0.0
        usual = {"budget_ms": BUDGET_MS, "most_load": MOST_LOAD}
        limits = AdmissionSettings.model_validate({**usual, **settings})
        self.gate = Gate(limits, clock, lambda: (self.busy_s, self.voice_s))
        self.visits: list[Visit] = []

    def burst(self, visitors: int, *, from_here: bool = False) -> int:
        """Returns how many of so many visitors come in, all at once."""
        before = len(self.visits)
        for number in range(visitors):
            with contextlib.suppress(NoRoom):
                address = "" if from_here else f"{before}.{number}"
                self.visits.append(self.gate.try_enter(address))
        return len(self.visits) - before

    def talk(self, seconds: int, *, latency_ms: float = 20.0, load: float = BUSY) -> None:
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
    with pytest.raises(NoRoom, match="your address"):
        gate.try_enter("a")
    gate.try_enter("b")
    with pytest.raises(NoRoom, match="places"):
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
    house = House(clock)
    house.burst(3)
    house.talk(15, latency_ms=900.0)
    assert house.gate.burden.p95_ms() == 900.0
    assert house.burst(1) == 0
    clock.now_s += WINDOW_S + 1.0
    assert house.gate.burden.p95_ms() is None
    assert house.burst(1) == 1


def test_nobody_new_who_would_make_answers_late(clock: Clock) -> None:
    house = House(clock)
    house.burst(2)
    house.talk(20, latency_ms=300.0)
    # In time for two, too late for three.
    assert house.burst(1) == 0


def test_answers_must_be_well_in_time_again_before_somebody_comes_in(clock: Clock) -> None:
    house = House(clock)
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
    house.talk(5, latency_ms=5_000.0, load=0.4 * MOST_LOAD)
    assert house.burst(1) == 1


@pytest.mark.parametrize("latency_ms", [450.0, 2_000.0, 30_000.0])
@pytest.mark.parametrize("visitors", [1, 3])
def test_slow_answers_of_an_idle_machine_keep_nobody_out(
    clock: Clock, latency_ms: float, visitors: int
) -> None:
    house = House(clock)
    house.burst(visitors)
    house.talk(60, latency_ms=latency_ms, load=0.02)
    assert house.burst(1) == 1
    house.talk(60, latency_ms=latency_ms, load=MOST_LOAD)
    assert house.burst(1) == 0


def test_answers_are_late_as_well_where_the_voice_is_what_is_busy(clock: Clock) -> None:
    house = House(clock)
    house.burst(3)
    for _ in range(20):
        house.voice_s += 0.9
        house.talk(1, latency_ms=900.0, load=0.02)
        for visit in house.visits:
            house.gate.answered(visit, 900.0)
    assert house.burst(1) == 0


def test_who_is_gone_takes_no_place_and_leaves_no_latency(clock: Clock) -> None:
    house = House(clock, most=3)
    house.burst(3)
    house.talk(30, latency_ms=3_000.0, load=0.45 * MOST_LOAD)
    assert house.burst(1) == 0
    for visit in house.visits[1:]:
        house.gate.went_away(visit)
    assert house.gate.active == 1
    house.gate.went_away(house.visits[0])
    house.gate.came_back(house.visits[0])
    assert house.burst(1) == 1
    assert house.gate.burden.p95_ms() is None


def test_one_client_of_this_computer_may_open_many_at_once(clock: Clock) -> None:
    house = House(clock)
    assert house.burst(12, from_here=True) == 12
    # They do not stand in the way of visitors from elsewhere, either.
    assert house.burst(8) == 4 == house.gate.settings.first
    assert House(clock, most=5).burst(8, from_here=True) == 5


def test_a_house_that_is_closing_says_so(clock: Clock) -> None:
    house = House(clock)
    house.gate.is_closing = True
    with pytest.raises(NoRoom, match="closing"):
        house.gate.try_enter("")


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
    with pytest.raises(NoRoom, match="line is full"):
        await visitor("third")
    with pytest.raises(NoRoom, match="others"):
        gate.try_enter("")
    gate.leave(visit)
    await first
    assert entered == ["first"]
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    assert gate.waiting == 0
    assert gate.active == 1
