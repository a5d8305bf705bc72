"""Who is let in: places, addresses, measured latency and the waiting line."""

import asyncio

import pytest

from ui.realtime_admission import WINDOW_S, AdmissionSettings, Gate, Refused


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_places_and_addresses_are_counted(clock: Clock) -> None:
    gate = Gate(AdmissionSettings(most=3, per_address=2), clock)
    gate.try_enter("a")
    gate.try_enter("a")
    with pytest.raises(Refused, match="your address"):
        gate.try_enter("a")
    gate.try_enter("b")
    with pytest.raises(Refused, match="places"):
        gate.try_enter("c")
    gate.leave("a")
    gate.try_enter("c")
    assert gate.active == 3


def test_nobody_new_while_answers_are_late(clock: Clock) -> None:
    gate = Gate(AdmissionSettings(budget_ms=400), clock)
    gate.try_enter("")
    for _ in range(20):
        gate.answered(900.0)
    assert gate.p95_ms() == 900.0
    with pytest.raises(Refused):
        gate.try_enter("")
    clock.now_s = WINDOW_S + 1.0
    assert gate.p95_ms() is None
    gate.try_enter("")


def test_a_few_late_answers_say_nothing(clock: Clock) -> None:
    gate = Gate(AdmissionSettings(), clock)
    gate.try_enter("")
    gate.answered(5_000.0)
    gate.try_enter("")


def test_an_empty_house_lets_in_however_slow_it_was(clock: Clock) -> None:
    gate = Gate(AdmissionSettings(), clock)
    for _ in range(20):
        gate.answered(5_000.0)
    gate.try_enter("")


async def test_the_line_is_served_in_its_order(clock: Clock) -> None:
    gate = Gate(AdmissionSettings(most=1, line=2), clock)
    gate.try_enter("")
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
    gate.leave("")
    await first
    assert entered == ["first"]
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    assert gate.waiting == 0
    assert gate.active == 1
