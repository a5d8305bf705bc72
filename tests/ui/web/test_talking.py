"""Taking the floor in a real browser: by voice, by holding the button or the space bar, muted."""

from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import pytest
import soundfile

from assistant.audio.waveform import Waveform
from tests.fakes import speech_like
from tests.ui.browsing import begin, browsing, needs_chromium, page_server

pytestmark = needs_chromium
REPLY = "I am listening to you, and I am in no hurry at all. " * 24
"""Long enough to be interrupted, however late the answer begins."""
QUESTION_S = (4.0, 5.5)
"""Late enough for a slow machine to connect before."""
INTERRUPTION_S = (16.0, 18.0)
RATE_HZ = 48_000
MUTING = """(frames) => {
  const page = window.attune;
  const take = page.audio.onFrame;
  let left = frames;
  page.audio.onFrame = (frame) => {
    take(frame);
    left -= 1;
    if (left === 0) page.toggle();
  };
}"""
"""Mutes the page once it has heard so many frames, whether or not it is connected yet."""


@pytest.fixture(scope="module")
def address() -> Generator[str]:
    with page_server(reply=REPLY) as found:
        yield found


def microphone(folder: Path, sound: Waveform) -> Path:
    path = folder / "microphone.wav"
    soundfile.write(path, sound, RATE_HZ)
    return path


@pytest.fixture
async def interrupted(address: str, tmp_path: Path) -> AsyncGenerator[Any]:
    sound = speech_like(QUESTION_S, INTERRUPTION_S, length_s=60.0, rate=RATE_HZ)
    async with browsing(address, microphone(tmp_path, sound)) as page:
        yield page


@pytest.fixture
async def noisy(address: str, tmp_path: Path) -> AsyncGenerator[Any]:
    """Somebody talks all the time."""
    sound = speech_like((0.0, 20.0), length_s=20.0, rate=RATE_HZ)
    async with browsing(address, microphone(tmp_path, sound)) as page:
        yield page


async def test_the_voice_interrupts(interrupted: Any) -> None:
    page = interrupted
    await begin(page)
    await page.wait_for_function("window.loudest > 0.01")
    assert await page.locator(".a-unheard").count() == 0

    # The second sound of the person silences the answer, for good.
    await page.wait_for_selector(".a-turn:nth-child(1) .a-unheard")
    await page.wait_for_function("window.quietFor > 5 && !window.attune.playing")
    first = await page.evaluate("window.attune.screen.view.turns['0']")
    assert first["interrupted"]
    assert first["heard"]
    assert REPLY.startswith(first["heard"])
    assert len(first["heard"]) < len(REPLY) / 2
    shown = await page.inner_text(".a-turn:nth-child(1) .a-unheard")
    assert REPLY.strip().startswith(first["heard"] + shown.rstrip())

    # What interrupted is a turn of its own, and is answered aloud.
    await page.evaluate("window.loudest = 0")
    await page.wait_for_selector(".a-turn:nth-child(2) .a-attune .a-words")
    await page.wait_for_function("window.loudest > 0.01")
    words = await page.inner_text(".a-turn:nth-child(2) .a-you .a-words")
    assert words == "Utterance 1."


async def heard_frames(page: Any, count: int) -> None:
    """Waits until the page has taken so many more frames of the microphone."""
    await page.evaluate("window.until = window.frames + " + str(count))
    await page.wait_for_function("window.frames >= window.until")


async def test_the_button_is_held_to_talk(noisy: Any) -> None:
    page = noisy
    await page.check("#a-hold")
    await begin(page)
    assert await page.inner_text("#a-talk-label") == "Hold to talk"
    # Nothing is heard before the button is held, although somebody talks.
    await heard_frames(page, 40)
    assert await page.locator(".a-turn").count() == 0

    await page.hover("#a-talk")
    await page.mouse.down()
    await page.wait_for_selector("#a-status:has-text('let go')")
    await heard_frames(page, 30)
    await page.mouse.up()
    await page.wait_for_selector(".a-turn:nth-child(1) .a-attune .a-words")
    await page.wait_for_function("window.loudest > 0.01")

    # Holding the space bar stops the answer and asks again; the button has the focus.
    await page.keyboard.down("Space")
    await page.wait_for_selector(".a-turn:nth-child(1) .a-unheard")
    await page.wait_for_function("window.quietFor > 5")
    await heard_frames(page, 30)
    await page.keyboard.up("Space")
    await page.wait_for_selector(".a-turn:nth-child(2) .a-attune .a-words")
    assert await page.inner_text("#a-talk-label") == "Hold to talk"
    assert await page.text_content("#a-problem") == ""


async def test_the_space_bar_works_right_after_choosing_to_hold(noisy: Any) -> None:
    page = noisy
    await begin(page)
    await page.click("#a-hold")
    await page.wait_for_function("window.attune.holds")
    await page.keyboard.down("Space")
    await page.wait_for_selector("#a-status:has-text('let go')")
    await heard_frames(page, 30)
    # A window that loses the keyboard never sees the key come up.
    await page.evaluate("window.dispatchEvent(new Event('blur'))")
    await page.wait_for_selector(".a-attune .a-words")
    assert await page.is_checked("#a-hold")


async def test_a_touch_too_short_to_hold_words_is_said_to_be(noisy: Any) -> None:
    page = noisy
    await page.check("#a-hold")
    await begin(page)
    await page.evaluate("() => { window.attune.hold(true); window.attune.hold(false); }")
    await page.wait_for_selector("#a-problem:has-text('Hold')")
    assert await page.locator(".a-turn").count() == 0


async def begin_and_mute(page: Any, *, after_frames: int) -> None:
    """Talks for so many frames; the page itself counts them, so that no other may slip in."""
    await page.evaluate(MUTING, after_frames)
    await begin(page)
    await page.wait_for_selector("#a-mute:has-text('Unmute')")


async def test_a_turn_that_is_muted_half_way_is_answered(noisy: Any) -> None:
    page = noisy
    await begin_and_mute(page, after_frames=12)
    await page.wait_for_selector(".a-turn:nth-child(1) .a-attune .a-words")
    await page.wait_for_selector("#a-status:text-is('Attune speaks. The microphone is off.')")
    await page.keyboard.press("Escape")
    await page.wait_for_selector("#a-status:text-is('The microphone is off.')")
    await heard_frames(page, 60)
    assert await page.locator(".a-turn").count() == 1
    assert await page.text_content("#a-problem") == ""


async def test_a_sound_that_is_muted_before_it_is_a_word_is_said_to_be_too_short(
    noisy: Any,
) -> None:
    page = noisy
    await begin_and_mute(page, after_frames=3)
    await page.wait_for_selector("#a-problem:has-text('too short')")
    assert await page.locator(".a-turn").count() == 0
    assert await page.inner_text("#a-status") == "The microphone is off."

    # Whoever unmutes can say it again.
    await page.click("#a-mute")
    assert await page.text_content("#a-problem") == ""
    await page.wait_for_selector("#a-status:has-text('I hear you')")
