"""The page in a real Chromium whose microphone is a file."""

import contextlib
import shutil
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import pytest

from assistant.remembered import RememberedFile
from models.emotions import Emotion
from tests.assistant.engines.voices.voice_checks import LAST_RESORT_VOICE, voice_or_skip
from tests.fakes import LevelDetector, ScriptedModel, certain
from tests.ui.serving import serving
from ui.realtime.hosting.admission import AdmissionSettings
from ui.realtime.hosting.engines import Resident
from ui.records.pages import RecordsPages

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = [
    pytest.mark.slow,
    pytest.mark.device,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --use-fake-ui-for-media-stream "
    "--use-fake-device-for-media-stream --autoplay-policy=no-user-gesture-required"
).split()
PATIENT_MS = 90_000
LONG = "That sounds hard, and I am glad that you tell me. " * 6

# Collects what the page really plays, from the node before the loudspeaker, and counts the
# frames that it takes from the microphone.
CAPTURE = """() => {
  const page = window.attune;
  window.loudest = 0;
  window.quietFor = 0;
  setInterval(() => {
    const level = page.audio.levels().assistant;
    window.loudest = Math.max(window.loudest, level);
    window.quietFor = level > 0.001 ? 0 : window.quietFor + 1;
  }, 20);
  window.frames = 0;
  const take = page.audio.onFrame;
  page.audio.onFrame = (frame) => {
    window.frames += 1;
    take(frame);
  };
}"""
OWN = ("data:", "blob:")


@contextlib.contextmanager
def page_server(
    *,
    reply: str = LONG,
    admission: AdmissionSettings | None = None,
    notice: str | None = None,
    records: Path | None = None,
    memory: Path | None = None,
    port: int = 0,
) -> Generator[str]:
    """Serves the page with a real voice and a scripted model; yields its address."""
    voice = voice_or_skip(LAST_RESORT_VOICE)
    engines = Resident(
        models={"mini": ScriptedModel([reply], [certain(Emotion.ANGRY)])},
        voices={"voice": voice},
        open_detector=LevelDetector,
        policies=("empathetic", "flat"),
        notice=notice,
        records=records,
        shown_records=records,
        remembered=RememberedFile(memory) if memory is not None else None,
    )
    pages = RecordsPages(records, None) if records is not None else None
    with serving(engines, with_page=True, admission=admission, records=pages, port=port) as (
        host,
        _site,
    ):
        yield f"http://{host}/"


@contextlib.asynccontextmanager
async def browsing(address: str, microphone: Path) -> AsyncGenerator[Any]:
    """Yields the opened page; fails on errors of scripts, missing files and requests elsewhere."""
    playwright = pytest.importorskip("playwright.async_api")
    flags = [*FLAGS, f"--use-file-for-fake-audio-capture={microphone}"]
    async with playwright.async_playwright() as browsers:
        browser = await browsers.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=flags
        )
        # What waits for a condition here is a script, which the page's own policy forbids.
        context = await browser.new_context(viewport={"width": 900, "height": 900}, bypass_csp=True)
        page = await context.new_page()
        page.set_default_timeout(PATIENT_MS)
        outside: list[str] = []
        faults: list[str] = []
        page.on("request", lambda r: None if r.url.startswith(OWN) else outside.append(r.url))
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        missing: list[str] = []
        page.on("response", lambda r: missing.append(r.url) if r.status == 404 else None)
        await page.goto(address, wait_until="commit")
        await page.wait_for_selector("#attune[data-state=ready]")
        yield page
        await browser.close()
        assert faults == []
        assert [url for url in missing if "/static/" in url] == []
        assert [url for url in outside if not url.startswith(address)] == []


async def begin(page: Any) -> None:
    """Presses Talk, consents, and watches what is played."""
    await page.click("#a-talk")
    await page.click("#a-consent button[value=yes]")
    await page.wait_for_function("window.attune.isLive && window.attune.hasSession")
    await page.evaluate(CAPTURE)


async def agree(page: Any) -> None:
    """Consents, as one does before the first exchange of a tab."""
    await page.evaluate("sessionStorage.setItem('attune-consent', 'yes')")


async def say(page: Any, text: str) -> None:
    """Types a text and sends it, with the consent that goes before."""
    await agree(page)
    await page.fill("#a-text", text)
    await page.press("#a-text", "Enter")
