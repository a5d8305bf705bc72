"""Time without sound is silence: a question is answered although no frame comes after it."""

import asyncio
import time

from benchmarks.cases.case import Case
from benchmarks.cases.client import RATE_HZ, Client, server
from benchmarks.cases.speech import say

NEEDS = ("flite",)
QUESTIONS = ("Hello, how are you today?", "I failed my driving test.", "Thank you for listening.")
SOON_S = 4.0
"""From the last frame to the end of the turn and the beginning of its answer, on a busy machine."""
GAP_S = 2.0
HICCUP_S = 0.6


def run(case: Case) -> None:
    """Stops sending after a question, between three questions, and for a moment within one."""
    with server() as port:
        asyncio.run(_one(case, port))
        asyncio.run(_three(case, port))
        asyncio.run(_hiccup(case, port))


async def _one(case: Case, port: int) -> None:
    async with Client(port) as client:
        await client.stream(say(QUESTIONS[0], rate_hz=RATE_HZ))
        ended_s = time.monotonic()
        begun = await client.until("response.output_audio.delta", timeout_s=20)
        took_s = time.monotonic() - ended_s
        case.expect(begun is not None and took_s < SOON_S, f"answered soon; after {took_s:.1f} s")


async def _three(case: Case, port: int) -> None:
    async with Client(port) as client:
        for question in QUESTIONS:
            count = len(client.events)
            await client.stream(say(question, rate_hz=RATE_HZ))
            # Who goes on before an answer begins has not asked twice: on a busy machine that takes
            # longer than the silence.
            await client.until("response.output_audio.delta", timeout_s=20, after=count)
            await asyncio.sleep(GAP_S)
        await asyncio.sleep(2.0)
        case.expect(len(client.words) == 3, f"three questions are three turns: {client.words}")


async def _hiccup(case: Case, port: int) -> None:
    sound = say(QUESTIONS[0], rate_hz=RATE_HZ)
    middle = len(sound) // 2
    late = middle + round(HICCUP_S * RATE_HZ)
    async with Client(port) as client:
        await client.stream(sound[:middle])
        await asyncio.sleep(HICCUP_S)
        await client.append(sound[middle:late])
        await client.stream(sound[late:])
        await client.until("response.done", timeout_s=20)
        case.expect(len(client.words) == 1, f"a hiccup divides no question: {client.words}")
