"""Takes the README's pictures of the page, in a real Chromium that hears the bundled recording.

    python docs/images/make.py [--model NAME] [--address http://localhost:7860/] [--pause 14]

`--pause` is how long the first answer takes at most on this machine, in seconds. Without
`--address` a server is started for them. All states of the page are taken by `states.py`.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parents[1]))

from assistant.audio.waveform import resample  # noqa: E402
from benchmarks.rooms.web_clients import RATE_HZ, load_recordings  # noqa: E402
from benchmarks.web import serve, stop  # noqa: E402
from benchmarks.web_browser.__main__ import FLAGS  # noqa: E402
from models.checkpoints.embedded import EMBEDDED  # noqa: E402

DESKTOP = {"viewport": {"width": 1280, "height": 760}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 1.2, "has_touch": True}
PATIENCE_MS = 900_000
FIRST, SECOND = 1, 2
"""Turns of the recording that are shown: bad news, then good news."""


def microphone(folder: Path, pause_s: float) -> Path:
    """Returns a file with two turns, and room for the answer to the first one."""
    recordings = load_recordings()
    # A room is never quite silent: a microphone that gives zeros is said to be muted.
    room = np.random.default_rng(0)
    lengths_s = (1.0, pause_s, 90.0 + pause_s)
    rests = [room.normal(0.0, 2e-4, round(s * RATE_HZ)).astype(np.float32) for s in lengths_s]
    parts = [rests[0], recordings[FIRST], rests[1], recordings[SECOND], rests[2]]
    path = folder / "microphone.wav"
    sound = resample(np.concatenate(parts), from_hz=RATE_HZ, to_hz=48_000)
    soundfile.write(path, sound, 48_000)
    return path


def open_page(browser: Any, address: str, scheme: str, size: dict[str, Any]) -> Any:
    """Returns the page, ready to talk."""
    page = browser.new_context(**size, color_scheme=scheme, bypass_csp=True).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address, wait_until="commit", timeout=PATIENCE_MS)
    page.wait_for_selector("#attune[data-state=ready]")
    page.wait_for_selector("#a-examples button")
    return page


def talk(page: Any) -> None:
    """Talks until the second answer is spoken."""
    page.click("#a-talk")
    page.click("#a-consent button[value=yes]")
    page.wait_for_selector(".a-turn:nth-child(2) .a-attune .a-words")
    page.wait_for_function(
        "() => ['Attune speaks', 'listening'].includes(window.attune.screen.view.floor)"
    )
    page.wait_for_timeout(1_200)


def correct(page: Any) -> None:
    """Says how the bad news was meant: the recording is read without any feeling."""
    page.click(".a-turn:nth-child(1) .a-emotion summary")
    page.click(".a-turn:nth-child(1) .a-emotion button:has-text('sad')")
    page.wait_for_selector(".a-turn:nth-child(1) .a-emotion:has-text('you said')")
    page.evaluate("document.activeElement.blur()")


def take(address: str, pause_s: float) -> None:
    """Takes each picture in a browser of its own."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as browsers:
        file = microphone(Path(folder), pause_s)
        for name, scheme, size in (("web", "light", DESKTOP), ("web_phone", "dark", PHONE)):
            browser = browsers.chromium.launch(
                executable_path=shutil.which("chromium"),
                args=[*FLAGS, f"--use-file-for-fake-audio-capture={file}"],
            )
            page = open_page(browser, address, scheme, size)
            talk(page)
            correct(page)
            page.wait_for_timeout(700)
            page.screenshot(path=FOLDER / f"{name}.png")
            print(FOLDER / f"{name}.png", flush=True)
            browser.close()


def main() -> None:
    """Takes the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--address")
    parser.add_argument("--pause", type=float, default=14.0)
    options = parser.parse_args()
    if options.address:
        return take(options.address, options.pause)
    server, url = serve(options)
    try:
        take(url.replace("ws:", "http:").replace("v1/realtime", ""), options.pause)
    finally:
        stop(server)


if __name__ == "__main__":
    main()
