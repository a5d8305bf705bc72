"""A talk in a real browser: last word → first audible sound, barge-in → silence.

    python -m benchmarks.web_browser [--model NAME] [--minutes 3] [--write]

Chromium listens to a recording that asks, waits for the answer and speaks into it, over and over.
The page's own meters, read every few milliseconds, say when the microphone and the loudspeaker are
loud: the figures hold all of microphone, socket, model, voice and playback, but not the sound card.
The terminal's conversation is given the same recording by file, on a clock that jumps over waits
and counts all work as it really takes; its sound is read in the same way.
"""

import argparse
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from assistant.assembly import open_engines
from assistant.audio.file_devices import FileMicrophone, FileSpeaker
from assistant.audio.protocols import Ends
from assistant.audio.waveform import Waveform, resample
from assistant.clock import replay
from assistant.session import open_talk
from assistant.settings import TalkCommandSettings
from benchmarks.results import p50_p95, table, write_section
from benchmarks.rooms.web_clients import RATE_HZ, load_recordings
from benchmarks.web import serve, stop
from models.checkpoints.embedded import EMBEDDED

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --use-fake-ui-for-media-stream "
    "--use-fake-device-for-media-stream --autoplay-policy=no-user-gesture-required"
).split()
BARGE_IN_S = 2.5
"""From the end of a question to the words that interrupt its answer, which is playing by then."""
REST_S = 8.0
LOUD = 0.01
GAP_MS = 1_000.0
"""Quiet of this length ends a stretch of sound."""
POLL_MS = 5
METER_S = 512 / 48_000
"""Window of the page's meters."""

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
        page: Any = browser.new_page(bypass_csp=True)
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


def replayed(options: argparse.Namespace, sound: Waveform) -> np.ndarray:
    """Returns the same rows for the terminal's conversation, which is given `sound`."""
    settings = TalkCommandSettings(model=options.model)
    engines = open_engines(settings, judging=settings)
    rate, played = engines.voice.sample_rate, list[Waveform]()
    sound = np.resize(sound, round(options.minutes * 60 * RATE_HZ))
    ends = Ends(FileMicrophone([sound]), FileSpeaker(played.append, sample_rate=rate))

    async def hold() -> None:
        await open_talk(engines, ends, settings.talk).run()

    try:
        replay(hold(), workers=engines.workers, counts_work=True)
    finally:
        engines.close()
    person, assistant = (
        windows(side, hz) for side, hz in ((sound, RATE_HZ), (np.concatenate(played), rate))
    )
    count = min(len(person), len(assistant))
    return np.stack([POLL_MS * np.arange(count), person[:count], assistant[:count]], axis=1)


def windows(sound: Waveform, rate_hz: int) -> np.ndarray:
    """Returns the level in the window that the page's meters have, every `POLL_MS`."""
    power = np.concatenate([[0.0], np.cumsum(np.square(sound, dtype=np.float64))])
    ends = np.arange(0, len(sound), rate_hz * POLL_MS // 1_000)
    starts = np.maximum(0, ends - round(rate_hz * METER_S))
    return np.sqrt((power[ends] - power[starts]) / (rate_hz * METER_S))


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


def rows_of(where: str, levels: np.ndarray) -> list[list[object]]:
    responses, silences = figures(levels)
    return [
        [where, name, len(times), p50_p95(times) if times else "–"]
        for name, times in (
            ("last word → first audible sound", responses),
            ("interruption begins → silence", silences),
        )
    ]


def main() -> None:
    """Measures and prints; `--write` puts it into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    sound = script(load_recordings())
    server, url = serve(options)
    try:
        with tempfile.TemporaryDirectory() as folder:
            microphone = Path(folder) / "microphone.wav"
            soundfile.write(microphone, resample(sound, from_hz=RATE_HZ, to_hz=48_000), 48_000)
            page_url = url.replace("ws:", "http:").replace("v1/realtime", "")
            browser = watch(page_url, microphone, options.minutes)
    finally:
        stop(server)
    rows = rows_of("Chromium", browser) + rows_of("terminal", replayed(options, sound))
    body = table(["", "from → to", "count", "p50 / p95 ms"], rows)
    print(body)
    if options.write:
        command = f"python -m benchmarks.web_browser --model {Path(options.model).name}"
        write_section("A talk in the browser", command, body)


if __name__ == "__main__":
    main()
