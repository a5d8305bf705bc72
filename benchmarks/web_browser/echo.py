"""Echo in the browser: does the page cut itself off, and is a person heard who speaks into answers.

    python -m benchmarks.web_browser.echo [--answers 12] [--sentences 12] [--write]

A real Chromium plays into a null sink of PulseAudio that is led back into its microphone. Answers
are twenty seconds long; what is said in them is not a model's (`benchmarks/rooms/long_answers.py`):
ears, voice, page and server are the product's. *Nobody interrupts*: an answer that is cut, or
words that are understood while nobody speaks, are the page hearing itself. *A person*: a sentence
of flite is said some seconds into an answer; it is caught where that answer is cut, and kept where
at least half of its words are understood. Browsers with their own canceller switched off stand for
those whose canceller misses what Web Audio plays. Overloaded machines lose sound: measure quietly.
"""

import argparse
import asyncio
import os
import shutil
from dataclasses import dataclass
from typing import Any

from benchmarks.cases.browser import press_talk
from benchmarks.cases.client import server
from benchmarks.cases.page_hears_itself import FLAGS, WATCH, WITHOUT_CANCELLER
from benchmarks.cases.speech import say, trimmed
from benchmarks.echo_server import SAID, VOICES, word_errors
from benchmarks.results import table, write_section
from benchmarks.rooms.long_answers import NAME, long_answers
from benchmarks.rooms.sound_server import SoundLoop, sound_loop

ASKED = "Tell me something."
PATIENT_MS, HEARD_MS = 90_000.0, 15_000.0
QUIET_S = 2.0
"""Before the next question: what is cut at the very end is still this answer's."""
BEGUN = "e.type === 'output_audio_buffer.started'"
OVER = "/^output_audio_buffer.(stopped|cleared)$/.test(e.type)"
HEARD = "(e.transcript || '').length > 0 && e.type.endsWith('transcription.completed')"


@dataclass(frozen=True)
class Situation:
    """What the browser hears of itself."""

    name: str
    echo_db: float | None
    has_canceller: bool


SITUATIONS = (
    Situation("no echo", None, True),
    Situation("-20 dB, the browser cancels", -20.0, True),
    Situation("-10 dB, the browser cancels", -10.0, True),
    Situation("-20 dB, the browser does not cancel", -20.0, False),
    Situation("-10 dB, the browser does not cancel", -10.0, False),
)
DELAY_MS = 40


@dataclass
class Counts:
    """What happened in one situation."""

    answers: int = 0
    cut: int = 0
    heard_itself: int = 0
    """Answers in which words were understood though nobody spoke."""
    said: int = 0
    caught: int = 0
    kept: int = 0
    words: int = 0
    errors: int = 0

    def row(self, name: str) -> list[str]:
        """Returns a row of the table."""
        wrong = f"{100 * self.errors / self.words:.0f} %" if self.words else "–"
        return [
            name,
            f"{self.cut}/{self.answers}",
            f"{self.heard_itself}/{self.answers}",
            f"{self.caught}/{self.said}",
            f"{self.kept}/{self.said}",
            wrong,
        ]


HEAD = [
    "echo",
    "answers that cut themselves off",
    "answers that heard themselves",
    "people caught",
    "kept",
    "word errors",
]


class PageTalk:
    """The page under way in a browser."""

    def __init__(self, page: Any) -> None:
        self._page = page

    async def events(self) -> list[dict[str, Any]]:
        """Returns what the page was told so far, without sound."""
        found: list[dict[str, Any]] = await self._page.evaluate(
            "window.events.map(({ delta, ...event }) => event)"
        )
        return found

    async def until(self, condition: str, since: int, patient_ms: float = PATIENT_MS) -> bool:
        """Waits for an event since there were `since`; returns whether it came in time."""
        from playwright.async_api import TimeoutError as TookTooLong

        expression = f"window.events.slice({since}).some((e) => {condition})"
        try:
            await self._page.wait_for_function(expression, timeout=patient_ms)
        except TookTooLong:
            return False
        return True

    async def ask(self) -> int:
        """Types a question and waits until the answer sounds; returns how many events there were.

        Raises:
            RuntimeError: Nothing is answered.
        """
        since = len(await self.events())
        await self._page.fill("#a-text", ASKED)
        await self._page.keyboard.press("Enter")
        if not await self.until(BEGUN, since):
            raise RuntimeError("the page does not answer what is typed")
        return len(await self.events())


async def alone(talk: PageTalk, counts: Counts) -> None:
    """Lets one answer sound to its end, and counts what the page made of it."""
    since = await talk.ask()
    await talk.until(OVER, since)
    await asyncio.sleep(QUIET_S)
    later = (await talk.events())[since:]
    counts.answers += 1
    counts.cut += any(event["type"] == "output_audio_buffer.cleared" for event in later)
    counts.heard_itself += bool(transcripts(later))
    if transcripts(later):
        await talk.until(OVER, since + len(later), 60_000.0)  # it answers itself


async def spoken_into(talk: PageTalk, sound: SoundLoop, number: int, counts: Counts) -> None:
    """Says a sentence into one answer, and counts what became of it."""
    text = SAID[number % len(SAID)]
    since = await talk.ask()
    await asyncio.sleep(1.5 + 0.9 * (number % 4))
    await sound.say(trimmed(say(text, VOICES[number % len(VOICES)])))
    await talk.until(HEARD, since, HEARD_MS)
    later = (await talk.events())[since:]
    heard = " ".join(transcripts(later))
    errors = word_errors(text, heard)
    counts.said += 1
    counts.caught += any(event["type"] == "output_audio_buffer.cleared" for event in later)
    counts.kept += errors <= len(text.split()) / 2
    counts.words += len(text.split())
    counts.errors += errors
    print(f"    {text!r}: {heard!r}", flush=True)
    await talk.until(OVER, since + len(later), 60_000.0)  # the answer to it
    await asyncio.sleep(QUIET_S)


def transcripts(later: list[dict[str, Any]]) -> list[str]:
    """Returns the words that were understood, of events of the socket."""
    told = (e.get("transcript") for e in later if e["type"].endswith("transcription.completed"))
    return [text for text in told if text]


async def hold(situation: Situation, sound: SoundLoop, port: int, most: tuple[int, int]) -> Counts:
    """Returns what happened in one talk of the page.

    Args:
        situation: What the browser hears of itself.
        sound: The sound server, with that echo.
        port: Of Attune.
        most: Answers alone, and sentences.
    """
    from playwright.async_api import async_playwright

    counts = Counts()
    async with async_playwright() as browsers:
        browser = await browsers.chromium.launch(
            executable_path=shutil.which("chromium"),
            headless=False,  # Playwright's own way of being headless mutes the sound
            args=["--headless=new", *FLAGS],
            env=dict(os.environ),
        )
        page = await browser.new_page(bypass_csp=True)
        page.set_default_timeout(PATIENT_MS)
        await page.goto(f"http://127.0.0.1:{port}/")
        await page.wait_for_selector("#attune[data-state=ready]")
        if not situation.has_canceller:
            await page.evaluate(WITHOUT_CANCELLER)
        await press_talk(page)
        await page.wait_for_function("window.attune.isLive && window.attune.hasSession")
        await page.evaluate(WATCH)
        talk = PageTalk(page)
        for _ in range(most[0]):
            await alone(talk, counts)
        for number in range(most[1]):
            await spoken_into(talk, sound, number, counts)
        await browser.close()
    return counts


def measure(answers: int, sentences: int) -> str:
    """Returns the table."""
    rows: list[list[str]] = []
    for situation in SITUATIONS:
        with sound_loop() as sound, long_answers() as llm:
            sound.offer_microphone()
            if situation.echo_db is not None:
                sound.lead_back(situation.echo_db, delay_ms=DELAY_MS)
            with server("--llm-server", llm, "--llm-name", NAME) as port:
                counts = asyncio.run(hold(situation, sound, port, (answers, sentences)))
        rows.append(counts.row(situation.name))
        print(rows[-1], flush=True)
    return table(HEAD, rows)


def main() -> None:
    """Measures and prints; `--write` puts it into RESULTS.md."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--answers", type=int, default=12, help="alone, in each situation")
    parser.add_argument("--sentences", type=int, default=12, help="said in each situation")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    text = measure(options.answers, options.sentences)
    print(text)
    if options.write:
        command = "python -m benchmarks.web_browser.echo"
        command += f" --answers {options.answers} --sentences {options.sentences}"
        write_section("Echo in the browser", command, text)


if __name__ == "__main__":
    main()
