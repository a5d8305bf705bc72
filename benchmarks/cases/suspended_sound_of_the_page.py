"""A page whose sound the system suspends says so, and hears and speaks again as soon as it may."""

import asyncio
from typing import Any

import numpy as np

from benchmarks.cases.browser import MICROPHONE_HZ, page_at, press_talk
from benchmarks.cases.case import Case
from benchmarks.cases.client import server
from benchmarks.cases.speech import say, silence

NEEDS = ("flite", "chromium")
QUESTION = "Hello, how are you today?"
FLOORS = ("you speak", "Attune speaks", "listening")
CALL_S = 2.5
SUSPEND = "window.attune.audio.context.suspend()"
CALL = """() => {
  const { context } = window.attune.audio;
  context.resume = () => Promise.reject(new DOMException('a call', 'InvalidStateError'));
  return context.suspend();
}"""
"""While it lasts nothing can be woken."""
HANG_UP = "() => { delete window.attune.audio.context.resume; }"
SEEN = "() => { document.dispatchEvent(new Event('visibilitychange')); }"
WAKES: dict[str, str | None] = {
    "by itself, seen again": SEEN,
    "by its button": "() => document.querySelector('#a-wake').click()",
    "by Mute and Unmute": "() => [1, 2].forEach(() => document.querySelector('#a-mute').click())",
    "by nobody's doing": None,
}


def run(case: Case) -> None:
    """Suspends the sound for a moment and for a call, whoever has the floor."""
    with server() as port:
        for floor in FLOORS:
            asyncio.run(_hold(case, port, floor))
        asyncio.run(_hear_on(case, port))


def _microphone() -> Any:
    return np.concatenate(
        [
            silence(1, MICROPHONE_HZ),
            say(QUESTION, rate_hz=MICROPHONE_HZ),
            silence(30, MICROPHONE_HZ),
        ]
    )


async def _hold(case: Case, port: int, floor: str) -> None:
    async with page_at(port, _microphone()) as page:
        await press_talk(page)
        if floor == "listening":
            await page.wait_for_selector(".a-attune .a-words")
        await page.wait_for_function(f"window.attune.screen.view.floor === '{floor}'")
        await page.evaluate(SUSPEND)
        await asyncio.sleep(1.0)
        state = await _state(page)
        case.expect(state == "running", f"{floor}: suspended for a moment, it runs; seen: {state}")
        for name, wake in WAKES.items():
            await page.evaluate(CALL)
            await asyncio.sleep(CALL_S)
            said = await page.inner_text("#a-status")
            is_offered = await page.is_visible("#a-wake")
            case.expect(
                "interrupted" in said and is_offered,
                f"{floor}: a call is said, and a button offered; seen: {said}",
            )
            await page.evaluate(HANG_UP)
            if wake is not None:
                await page.evaluate(wake)
            await asyncio.sleep(0.8 if wake else 3.0)
            state, said = await _state(page), await page.inner_text("#a-status")
            case.expect(
                state == "running" and "interrupted" not in said,
                f"{floor}: woken {name}; seen: {state}, {said}",
            )


async def _hear_on(case: Case, port: int) -> None:
    """What is said after a call is heard and answered."""
    sound = np.concatenate([silence(12, MICROPHONE_HZ), _microphone()])
    async with page_at(port, sound) as page:
        await press_talk(page)
        await page.wait_for_function("window.attune.hasSession")
        await page.evaluate(CALL)
        await asyncio.sleep(CALL_S)
        await page.evaluate(HANG_UP)
        await page.click("#a-wake")
        await page.wait_for_selector(".a-attune .a-words", timeout=60_000)
        heard = await page.inner_text(".a-you .a-words")
        case.expect("how are you today" in heard.lower(), f"heard after it: {heard}")


async def _state(page: Any) -> str:
    return await page.evaluate("window.attune.audio.context.state")
