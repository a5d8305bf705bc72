"""The page in a Chromium whose microphone is a recording."""

import contextlib
import shutil
import tempfile
from collections.abc import AsyncGenerator
from typing import Any

import soundfile

from assistant.audio.waveform import Waveform

MICROPHONE_HZ = 48_000
FLAGS = (
    "--no-sandbox --disable-gpu --use-fake-ui-for-media-stream "
    "--use-fake-device-for-media-stream --autoplay-policy=no-user-gesture-required"
).split()


@contextlib.asynccontextmanager
async def page_at(port: int, microphone: Waveform) -> AsyncGenerator[Any]:
    """Yields the page of the server at `port`; its browser hears `microphone` (48 kHz)."""
    from playwright.async_api import async_playwright

    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        soundfile.write(file.name, microphone, MICROPHONE_HZ, subtype="PCM_16")
        flags = [*FLAGS, f"--use-file-for-fake-audio-capture={file.name}"]
        async with async_playwright() as browsers:
            browser = await browsers.chromium.launch(
                executable_path=shutil.which("chromium"), args=flags
            )
            page = await browser.new_page(bypass_csp=True)
            await page.goto(f"http://127.0.0.1:{port}/")
            await page.wait_for_selector("#attune[data-state=ready]")
            yield page
            await browser.close()


async def press_talk(page: Any) -> None:
    """Presses Talk and consents to nothing but the talk itself."""
    await page.click("#a-talk")
    await page.click("#a-consent button[value=yes]")
