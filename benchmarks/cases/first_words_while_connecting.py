"""What is said while the page connects, or sent while a client waits in line, is kept."""

import asyncio

import numpy as np

from benchmarks.cases.browser import MICROPHONE_HZ, page_at, press_talk
from benchmarks.cases.case import Case
from benchmarks.cases.client import RATE_HZ, Client, server
from benchmarks.cases.slow_line import slow_line
from benchmarks.cases.speech import say, silence
from benchmarks.echo_server import word_errors

NEEDS = ("flite", "chromium")
QUESTIONS = ("Hello, how are you today?", "I failed my driving test.")
ROUND_TRIPS_S = (0.0, 0.8, 2.0)


def run(case: Case) -> None:
    """Speaks as the microphone opens, over lines of several round trips."""
    with server() as port:
        for question in QUESTIONS:
            later = asyncio.run(_heard(port, question, 0.0, lead_s=3.0))
            case.note(f"said three seconds later: {later!r}")
            most = max(1, _errors(question, later))
            for trip_s in ROUND_TRIPS_S:
                heard = asyncio.run(_heard(port, question, trip_s))
                case.expect(
                    _errors(question, heard) <= most,
                    f"round trip {trip_s} s, spoken at once; heard: {heard!r}",
                )
    with server("--admission.most", "1") as port:
        asyncio.run(_in_line(case, port))


def _errors(said: str, heard: str) -> int:
    said, heard = ("".join(c for c in text if c not in ",?!.") for text in (said, heard))
    return word_errors(said, heard)


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


async def _in_line(case: Case, port: int) -> None:
    """Sends settings and a question while the only place is taken by somebody else."""
    session = {"type": "realtime", "instructions": "You are a pirate."}
    sound = np.concatenate([say(QUESTIONS[0], rate_hz=RATE_HZ), silence(3, RATE_HZ)])
    async with Client(port) as alone:
        await alone.until("session.created")
        await alone.append(sound)
        await alone.until("response.done", timeout_s=40)
        async with Client(port, "?wait=1") as waiting:
            await waiting.until("attune.waiting")
            await waiting.send("session.update", session=session)
            await waiting.append(sound)
            await asyncio.sleep(0.5)
            await alone.socket.close()
            updated = await waiting.until("session.updated") or {}
            await waiting.until("response.done", timeout_s=40)
            await asyncio.sleep(0.5)
    told = updated.get("session", {}).get("instructions")
    case.expect(told == session["instructions"], f"settings sent in line hold: {told!r}")
    case.expect(waiting.words == alone.words != [], f"speech sent in line: {waiting.words}")
