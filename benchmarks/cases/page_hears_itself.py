"""The page in a browser without an echo canceller does not answer itself, and hears people."""

import asyncio
import os
import shutil
from typing import Any

from benchmarks.cases.browser import press_talk
from benchmarks.cases.case import Case
from benchmarks.cases.client import server
from benchmarks.cases.speech import say, trimmed
from benchmarks.rooms.sound_server import NEEDS as SOUND_NEEDS
from benchmarks.rooms.sound_server import SoundLoop, sound_loop

NEEDS = (*SOUND_NEEDS, "flite", "chromium")
FLAGS = (
    "--no-sandbox --disable-gpu --use-fake-ui-for-media-stream "
    "--autoplay-policy=no-user-gesture-required --disable-features=ChromeWideEchoCancellation"
).split()
ECHO_DB, DELAY_MS = -10.0, 40
QUESTIONS = (
    "I failed my driving test.",
    "Tell me about yourself.",
    "What do you think about music?",
    "My dog is ill.",
)
SPOKEN_INTO, SAID = 1, "I lost my job yesterday."
PATIENT_S = 90.0
WATCH = """() => {
  window.events = [];
  const take = window.attune.socket.onEvent;
  window.attune.socket.onEvent = (event) => { window.events.push(event); take(event); };
}"""
WITHOUT_CANCELLER = """() => {
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = (wanted) =>
    open({ ...wanted, audio: { ...wanted.audio, echoCancellation: false } });
}"""


def run(case: Case) -> None:
    """Asks four questions by keyboard, and speaks into the second answer."""
    with sound_loop() as sound, server() as port:
        sound.offer_microphone()
        sound.lead_back(ECHO_DB, delay_ms=DELAY_MS)
        asyncio.run(_talk(case, sound, port))


async def _talk(case: Case, sound: SoundLoop, port: int) -> None:
    from playwright.async_api import async_playwright

    async with async_playwright() as browsers:
        browser = await browsers.chromium.launch(
            executable_path=shutil.which("chromium"),
            headless=False,  # Playwright's own way of being headless mutes the sound
            args=["--headless=new", *FLAGS],
            env=dict(os.environ),
        )
        page = await browser.new_page(bypass_csp=True)
        page.set_default_timeout(1_000 * PATIENT_S)
        await page.goto(f"http://127.0.0.1:{port}/")
        await page.wait_for_selector("#attune[data-state=ready]")
        await page.evaluate(WITHOUT_CANCELLER)
        await press_talk(page)
        await page.wait_for_function("window.attune.isLive && window.attune.hasSession")
        await page.evaluate(WATCH)
        for number, question in enumerate(QUESTIONS):
            await _ask(case, sound, page, question, is_spoken_into=number == SPOKEN_INTO)
        states = [event["echo"] for event in await _events(page, "attune.echo")]
        case.expect("removed" in states, f"the server finds the echo and says so; seen: {states}")
        await browser.close()


async def _ask(
    case: Case, sound: SoundLoop, page: Any, question: str, *, is_spoken_into: bool
) -> None:
    before = len(await _events(page))
    await page.fill("#a-text", question)
    await page.keyboard.press("Enter")
    begun = f"window.events.slice({before}).some((e) => e.type === 'output_audio_buffer.started')"
    await page.wait_for_function(begun, timeout=1_000 * PATIENT_S)
    if is_spoken_into:
        await asyncio.sleep(1.0)
        await sound.say(trimmed(say(SAID, "rms")))
        has_it = "(e) => (e.transcript || '').includes('lost my')"
        heard = f"window.events.slice({before}).some({has_it})"
        await _until(page, heard)
    over = "(e) => /^output_audio_buffer.(stopped|cleared)$/.test(e.type)"
    await _until(page, f"window.events.slice({before}).some({over})")
    await asyncio.sleep(2.0)
    await _until(page, "window.attune.screen.view.floor === 'listening'")
    later = (await _events(page))[before:]
    cut = sum(event["type"] == "output_audio_buffer.cleared" for event in later)
    said = [e["transcript"] for e in later if e["type"].endswith("transcription.completed")]
    if is_spoken_into:
        words = " ".join(said).lower()
        text = f"{SAID!r} cuts one answer, and is heard; seen: {cut} cut, {said}"
        case.expect(cut == 1 and "lost my" in words, text)
        if cut != 1:
            case.note(f"what happened: {[event['type'] for event in later]}")
    else:
        case.expect(not cut and not said, f"{question!r}: not cut off by itself; heard: {said}")


async def _until(page: Any, condition: str) -> None:
    from playwright.async_api import TimeoutError as TookTooLong

    try:
        await page.wait_for_function(condition, timeout=1_000 * PATIENT_S)
    except TookTooLong:
        return  # what is expected and did not happen is told by the events


async def _events(page: Any, kind: str | None = None) -> list[Any]:
    found = await page.evaluate("window.events.map(({ delta, ...event }) => event)")
    return [event for event in found if kind is None or event["type"] == kind]
