"""What a person says while the page still connects is heard from its first word on."""

import asyncio

import numpy as np

from benchmarks.cases.browser import MICROPHONE_HZ, page_at, press_talk
from benchmarks.cases.case import Case
from benchmarks.cases.client import server
from benchmarks.cases.slow_line import slow_line
from benchmarks.cases.speech import say, silence

NEEDS = ("flite", "chromium")
QUESTIONS = ("Hello, how are you today?", "I failed my driving test.")
ROUND_TRIPS_S = (0.0, 0.8, 2.0)


def run(case: Case) -> None:
    """Speaks as the microphone opens, over lines of several round trips."""
    with server() as port:
        for question in QUESTIONS:
            wanted = asyncio.run(_heard(port, question, 0.0, lead_s=3.0))
            case.note(f"said three seconds later: {wanted!r}")
            for trip_s in ROUND_TRIPS_S:
                heard = asyncio.run(_heard(port, question, trip_s))
                case.expect(
                    heard == wanted, f"round trip {trip_s} s, spoken at once; heard: {heard!r}"
                )


async def _heard(port: int, question: str, trip_s: float, lead_s: float = 0.1) -> str:
    sound = np.concatenate(
        [
            silence(lead_s, MICROPHONE_HZ),
            say(question, rate_hz=MICROPHONE_HZ),
            silence(30, MICROPHONE_HZ),
        ]
    )
    async with slow_line(port, trip_s / 2) as (slow, _line), page_at(slow, sound) as page:
        await press_talk(page)
        await page.wait_for_selector(".a-attune .a-words", timeout=60_000)
        return (await page.inner_text(".a-you .a-words")).lower()
