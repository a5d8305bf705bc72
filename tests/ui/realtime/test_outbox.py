"""Events on their way out: in order, bounded, and only while somebody is there."""

import asyncio
import json

import pytest

from ui.realtime.outbox import ClientStalled, Outbox


async def test_events_leave_in_order_with_ids() -> None:
    outbox, sent = Outbox(), list[str]()

    async def send(message: str) -> None:
        sent.append(message)

    outbox.put({"type": "before anybody came"})
    outbox.open()
    for number in range(3):
        outbox.put({"type": "event", "number": number})
    pumping = asyncio.ensure_future(outbox.pump(send))
    await asyncio.sleep(0)
    pumping.cancel()
    events = [json.loads(message) for message in sent]
    assert [event["number"] for event in events] == [0, 1, 2]
    assert len({event["event_id"] for event in events}) == 3


async def test_a_client_that_never_reads_is_given_up() -> None:
    outbox = Outbox(most_bytes=10_000)
    outbox.open()
    sending = asyncio.Event()

    async def send(message: str) -> None:
        sending.set()
        await asyncio.Event().wait()

    outbox.put({"type": "first"})
    pumping = asyncio.ensure_future(outbox.pump(send))
    await sending.wait()
    for _ in range(1_000):
        outbox.put({"type": "event", "fill": "a" * 100})
    pumping.cancel()
    with pytest.raises(ClientStalled):
        await outbox.pump(send)


async def test_a_client_that_comes_back_gets_nothing_old() -> None:
    outbox, sent = Outbox(most_bytes=200), list[str]()

    async def send(message: str) -> None:
        sent.append(message)

    outbox.open()
    for _ in range(10):
        outbox.put({"type": "old"})
    outbox.close()
    outbox.put({"type": "while away"})
    outbox.open()
    outbox.put({"type": "new"})
    pumping = asyncio.ensure_future(outbox.pump(send))
    await asyncio.sleep(0)
    pumping.cancel()
    assert [json.loads(message)["type"] for message in sent] == ["new"]
