"""A microphone that gives only silence is told of once, with the remedy, and when it is back."""

import asyncio

from benchmarks.cases.case import Case
from benchmarks.cases.client import RATE_HZ, Client, server
from benchmarks.cases.speech import say, silence

NEEDS = ("flite",)
QUESTION = "Hello, how are you today?"
SILENT_S = 25.0


def run(case: Case) -> None:
    """Speaks, sends zeros for a while, and speaks again."""
    with server() as port:
        asyncio.run(_hold(case, port))


async def _hold(case: Case, port: int) -> None:
    question = say(QUESTION, rate_hz=RATE_HZ)
    async with Client(port) as client:
        await client.send("session.update", session={"type": "realtime", "attune": {"view": True}})
        await client.append(question)
        await client.append(silence(5, RATE_HZ))
        await asyncio.sleep(4.0)
        case.expect(not _notices(client), f"a pause is no fault: {_notices(client)}")
        await client.append(silence(SILENT_S, RATE_HZ))
        await _until(client, "only silence")
        told = [text for text in _notices(client) if "only silence" in text]
        case.expect(len(told) == 1, f"silence is told once: {_notices(client)}")
        case.expect(all("settings" in text for text in told), "the remedy is named")
        await client.append(question)
        await _until(client, "heard again")
        back = [text for text in _notices(client) if "heard again" in text]
        case.expect(len(back) == 1, f"and that sound is back: {_notices(client)}")


async def _until(client: Client, text: str) -> None:
    """Waits until a notice says so, and a moment longer; at most half a minute."""
    for _ in range(60):
        if any(text in notice for notice in _notices(client)):
            break
        await asyncio.sleep(0.5)
    await asyncio.sleep(2.0)


def _notices(client: Client) -> list[str]:
    """Returns the notices of the newest picture that shows any."""
    shown = [e["change"]["notices"] for e in client.events if "notices" in e.get("change", {})]
    return [notice["text"] for notice in shown[-1]] if shown else []
