"""The page in a real browser: consent, a spoken talk, correction, reload, files."""

from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from websockets.asyncio.client import connect

from tests.fakes import speech_like
from tests.ui.browsing import (
    CAPTURE,
    LONG,
    browsing,
    needs_chromium,
    page_server,
    say,
)
from tests.ui.states import talk
from ui.realtime.hosting.admission import AdmissionSettings

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def question(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fake microphone: something said, then a long silence, for ever."""
    path = tmp_path_factory.mktemp("microphone") / "question.wav"
    soundfile.write(path, speech_like((0.5, 2.0), length_s=12.0, rate=48_000), 48_000)
    return path


@pytest.fixture(scope="module")
def address() -> Generator[str]:
    with page_server() as found:
        yield found


@pytest.fixture
async def page(address: str, question: Path) -> AsyncGenerator[Any]:
    async with browsing(address, question) as opened:
        yield opened


async def test_a_spoken_talk(page: Any) -> None:
    await page.click("#a-talk")
    assert await page.is_visible("#a-consent")
    assert "machine" in await page.inner_text("#a-consent")
    await page.click("#a-consent button[value=no]")
    assert await page.inner_text("#a-talk-label") == "Talk"
    assert await page.evaluate("window.attune.audio.stream === undefined")

    await page.click("#a-talk")
    await page.click("#a-consent button[value=yes]")
    await page.wait_for_function("window.attune.isLive")
    await page.evaluate(CAPTURE)
    await page.wait_for_selector(".a-emotion summary:has-text('angry')")
    assert (await page.inner_text(".a-you .a-words")).startswith("Utterance")
    await page.wait_for_selector(".a-attune .a-words:has-text('That sounds hard')")
    await page.wait_for_function("window.loudest > 0.01")

    await page.keyboard.press("Escape")
    await page.wait_for_selector(".a-unheard")
    await page.wait_for_function("window.quietFor > 5")
    heard = await page.evaluate("window.attune.screen.view.turns['0'].heard")
    assert LONG.startswith(heard)
    assert len(heard) < len(LONG.strip())

    await page.click(".a-emotion summary")
    await page.click(".a-choices button:has-text('sad')")
    await page.wait_for_selector(".a-emotion summary:has-text('sad, you said')")

    async with page.expect_download() as waiting:
        await page.click("[data-save=md]")
    saved = Path(await (await waiting.value).path()).read_text(encoding="utf-8")
    assert "sad, as you said" in saved
    assert "(interrupted)" in saved

    await page.reload(wait_until="commit")
    await page.wait_for_selector("#attune[data-state=ready]")
    await page.wait_for_selector(".a-emotion summary:has-text('sad, you said')")
    await page.click("#a-end")
    await page.wait_for_selector("#a-status:has-text('ended')")


async def test_the_head_says_who_answers_instead_of_whom(question: Path) -> None:
    notice = "flite speaks instead of <piper>: go online once"
    with page_server(notice=notice) as address:
        async with browsing(address, question) as page:
            assert await page.inner_text("#a-instead") == notice
    with page_server() as address:
        async with browsing(address, question) as page:
            assert not await page.is_visible("#a-instead")


async def test_typed_turns_and_files(page: Any, tmp_path: Path) -> None:
    await say(page, "<img src=x onerror=alert(1)>")
    await page.wait_for_selector(".a-you .a-words:has-text('<img')")
    assert await page.locator(".a-you img").count() == 0
    await page.wait_for_selector(".a-attune .a-words")

    page_as_sound = tmp_path / "page.wav"
    page_as_sound.write_text("<html><script>alert(1)</script></html>", encoding="utf-8")
    await page.set_input_files("#a-upload", str(page_as_sound))
    await page.wait_for_selector("#a-problem:has-text('no sound')")

    sound = tmp_path / "question.wav"
    soundfile.write(sound, speech_like((0.1, 1.0), length_s=1.2), 16_000)
    await page.set_input_files("#a-upload", str(sound))
    await page.wait_for_selector(".a-turn:nth-child(2) .a-attune .a-words")
    assert await page.text_content("#a-problem") == ""


async def test_who_asks_is_told_which_words_the_model_did_not_make(page: Any) -> None:
    view = {"type": "attune.view", "change": talk(2, "listening")}
    await page.evaluate("(event) => window.attune.event(event)", view)
    assert not await page.is_visible("text=written beforehand")
    await page.check("#a-details")
    told = await page.locator(".a-attune").all_inner_texts()
    assert ["written beforehand" in text for text in told] == [False, True]
    await say(page, "Slower, please.")
    await page.wait_for_selector(".a-attune:has-text('Answered without the model.')")


async def test_button_and_typing_stay_in_sight_in_a_long_talk(page: Any) -> None:
    await page.set_viewport_size({"width": 390, "height": 700})
    for turn in range(5):
        await say(page, "A long story that goes on and on. " * 8)
        await page.wait_for_selector(f".a-turn:nth-child({turn + 1}) .a-attune .a-words")
    scroll = "(share) => { const s = document.querySelector('#a-scroll'); "
    scroll += "s.scrollTop = share * s.scrollHeight; return s.scrollTop; }"
    await page.evaluate(scroll, 0)
    seen = """(selector) => {
      const { top, bottom } = document.querySelector(selector).getBoundingClientRect();
      return top >= 0 && bottom <= innerHeight;
    }"""
    assert await page.evaluate(seen, "#a-text")
    assert await page.evaluate(scroll, 0.5) > 300
    assert await page.evaluate(seen, "#a-text")
    assert await page.evaluate(seen, "#a-talk")
    assert await page.evaluate(seen, "#a-end")
    await page.click("#a-newest")
    await page.wait_for_selector("#a-newest", state="hidden")
    last = ".a-turn:last-child .a-attune"
    assert await page.evaluate(seen, last)
    # Nor does what is shown besides push the newest out of sight.
    await page.check("#a-details")
    assert await page.evaluate(seen, f"{last} .a-detail:last-child")
    assert await page.is_hidden("#a-newest")


async def test_one_can_leave_the_waiting_line(question: Path) -> None:
    with page_server(admission=AdmissionSettings(most=1, first=1)) as full:
        socket = f"{full.replace('http', 'ws')}v1/realtime"
        async with connect(socket) as held, browsing(full, question) as page:
            await held.recv()
            await page.click("#a-talk")
            await page.click("#a-consent button[value=yes]")
            await page.wait_for_selector("#a-status:has-text('number 1 in line')")
            assert await page.inner_text("#a-talk-label") == "In line"
            await page.click("#a-leave")
            await page.wait_for_selector("#a-status:has-text('Press Talk')")
            assert await page.evaluate("window.attune.audio.stream === null")
            assert await page.inner_text("#a-talk-label") == "Talk"

            # The next time there is room.
            await page.click("#a-talk")
            await page.wait_for_selector("#a-status:has-text('in line')")
            await held.close()
            await page.wait_for_function("window.attune.hasSession")
            await page.wait_for_selector("#a-mute:has-text('Mute')")


async def test_without_a_microphone_there_is_advice(page: Any) -> None:
    await page.evaluate(
        "() => { navigator.mediaDevices.getUserMedia = () => "
        "Promise.reject(new DOMException('no', 'NotAllowedError')); }"
    )
    await page.focus("#a-talk")
    await page.keyboard.press("Enter")
    await page.click("#a-consent button[value=yes]")
    await page.wait_for_selector("#a-problem:has-text('microphone is blocked')")
    assert await page.inner_text("#a-talk-label") == "Talk"


async def test_everything_has_a_name_and_fits_a_phone(page: Any) -> None:
    await page.set_viewport_size({"width": 360, "height": 740})
    unnamed = await page.evaluate(
        """() => [...document.querySelectorAll('button, input, textarea')].filter((node) => {
          const label = node.labels && node.labels.length && node.labels[0].textContent.trim();
          return !(node.textContent.trim() || node.getAttribute('aria-label') || label);
        }).map((node) => node.outerHTML)"""
    )
    assert unnamed == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
