"""A talk in a real browser: last word → first audible sound, barge-in → silence.

    python -m benchmarks.web_browser [--model nano] [--minutes 3]

Chromium listens to a recording that asks, waits for the answer and speaks into it, over and over.
The page's own meters, read every few milliseconds, say when the microphone and the loudspeaker are
loud: the figures hold all of microphone, socket, model, voice and playback, but not the sound card.
"""

import argparse
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from assistant.audio import Waveform, resample
from benchmarks.results import p50_p95, table, write_section
from benchmarks.web import RATE_HZ, load_recordings, serve

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --use-fake-ui-for-media-stream "
    "--use-fake-device-for-media-stream --autoplay-policy=no-user-gesture-required"
).split()
BARGE_IN_S = 1.2
"""From the end of a question to the words that interrupt its answer, which is playing by then."""
REST_S = 7.0
LOUD = 0.01
GAP_MS = 1_000.0
"""Quiet of this length ends a stretch of sound."""
POLL_MS = 5

WATCH = f"""() => {{
  const audio = window.attune.audio;
  window.log = [];
  setInterval(() => {{
    const {{ person, assistant }} = audio.levels();
    window.log.push([performance.now(), person, assistant]);
  }}, {POLL_MS});
}}"""


@dataclass(frozen=True)
class Stretch:
    """Sound on one side, in ms on the page's clock."""

    start_ms: float
    end_ms: float


def script(recordings: list[Waveform]) -> Waveform:
    """Returns what the browser's microphone hears: question, interruption, rest."""
    quiet = np.zeros(round(BARGE_IN_S * RATE_HZ), dtype=np.float32)
    rest = np.zeros(round(REST_S * RATE_HZ), dtype=np.float32)
    parts: list[Waveform] = [rest]
    for question in recordings:
        parts += [question, quiet, recordings[0], rest]
    return np.concatenate(parts)


def watch(page_url: str, microphone: Path, minutes: float) -> np.ndarray:
    """Returns rows of time, microphone level and loudspeaker level."""
    from playwright.sync_api import sync_playwright

    flags = [*FLAGS, f"--use-file-for-fake-audio-capture={microphone}"]
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(
            executable_path=shutil.which("chromium"), headless=True, args=flags
        )
        page: Any = browser.new_page()
        page.goto(page_url, wait_until="commit", timeout=240_000)
        page.wait_for_selector("#attune[data-state=ready]", timeout=240_000)
        page.click("#a-talk")
        page.click("#a-consent button[value=yes]")
        page.wait_for_function("window.attune.isLive")
        page.evaluate(WATCH)
        page.wait_for_timeout(minutes * 60_000)
        rows = page.evaluate("window.log")
        browser.close()
    return np.asarray(rows, dtype=np.float64)


def stretches(times: np.ndarray, levels: np.ndarray, gap_ms: float = GAP_MS) -> list[Stretch]:
    """Returns where the level is above the threshold, short gaps bridged."""
    loud = times[levels > LOUD]
    if not len(loud):
        return []
    breaks = np.flatnonzero(np.diff(loud) > gap_ms)
    starts = loud[np.concatenate([[0], breaks + 1])]
    ends = loud[np.concatenate([breaks, [len(loud) - 1]])]
    return [Stretch(start, end) for start, end in zip(starts, ends, strict=True)]


def figures(rows: np.ndarray) -> tuple[list[float], list[float]]:
    """Returns response times and times from an interruption to silence, in ms."""
    person = stretches(rows[:, 0], rows[:, 1], gap_ms=600.0)
    assistant = stretches(rows[:, 0], rows[:, 2])
    responses: list[float] = []
    silences: list[float] = []
    for answer in assistant:
        asked = [one for one in person if one.end_ms < answer.start_ms]
        if asked:
            responses.append(answer.start_ms - asked[-1].end_ms)
        into = [one for one in person if answer.start_ms < one.start_ms < answer.end_ms]
        if into:
            silences.append(answer.end_ms - into[0].start_ms)
    return responses, silences


def main() -> None:
    """Measures and writes the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="nano")
    parser.add_argument("--minutes", type=float, default=3.0)
    options = parser.parse_args()
    sound = resample(script(load_recordings()), from_hz=RATE_HZ, to_hz=48_000)
    server, url = serve(options)
    try:
        with tempfile.TemporaryDirectory() as folder:
            microphone = Path(folder) / "microphone.wav"
            soundfile.write(microphone, sound, 48_000)
            page_url = url.replace("ws:", "http:").replace("v1/realtime", "")
            rows = watch(page_url, microphone, options.minutes)
    finally:
        server.terminate()
        server.wait(60)
    responses, silences = figures(rows)
    body = table(
        ["", "count", "p50 / p95 ms"],
        [
            ["last word → first audible sound", len(responses), p50_p95(responses)],
            ["interruption begins → silence", len(silences), p50_p95(silences)],
        ],
    )
    write_section("A talk in the browser", "python -m benchmarks.web_browser", body)


if __name__ == "__main__":
    main()
