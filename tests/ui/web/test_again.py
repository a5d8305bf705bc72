"""An answer is heard again by a touch, with the words following, and is no part of the talk."""

from collections.abc import Generator
from pathlib import Path

import pytest
import soundfile

from tests.fakes import speech_like
from tests.ui.browsing import begin, browsing, needs_chromium, page_server, say

pytestmark = needs_chromium
REPLY = "That sounds hard, and I am glad that you tell me about it today."
SAID_NOW = "[...document.querySelectorAll('.a-said-now')].map((word) => word.textContent.trim())"
# What goes out of the microphone, louder than the mark that is sent where nobody is to be heard.
SENT = """() => {
  window.sent = 0;
  const put = window.attune.outbox.put.bind(window.attune.outbox);
  window.attune.outbox.put = (event) => {
    if (event.type === 'input_audio_buffer.append') {
      const bytes = Uint8Array.from(atob(event.audio), (c) => c.charCodeAt(0));
      window.sent = Math.max(...new Int16Array(bytes.buffer));
    }
    put(event);
  };
}"""


@pytest.fixture(scope="module")
def address() -> Generator[str]:
    with page_server(reply=REPLY) as found:
        yield found


@pytest.fixture(scope="module")
def murmur(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A microphone that hears something all the time, and nothing that is a turn."""
    path = tmp_path_factory.mktemp("microphone") / "murmur.wav"
    soundfile.write(path, speech_like(length_s=5.0, rate=48_000) + 0.002, 48_000)
    return path


async def test_an_answer_is_heard_again(address: str, murmur: Path) -> None:
    async with browsing(address, murmur) as page:
        await begin(page)
        await page.evaluate(SENT)
        await say(page, "I failed my exam.")
        button = page.locator(".a-attune .a-again")
        await button.wait_for()
        before = await page.inner_html(".a-attune .a-words")
        await page.wait_for_function("window.sent > 1")
        await button.click()
        await page.wait_for_selector("#a-status:has-text('not listened to meanwhile')")
        await page.wait_for_function("window.sent === 1")
        player = "window.attune.again.player"
        assert 2 < await page.evaluate(f"{player}.duration || 5") < 20
        await page.wait_for_function(f"({SAID_NOW}).length === 1 && {player}?.currentTime > 1")
        first = await page.evaluate(SAID_NOW)
        await page.wait_for_function(f"{player}?.currentTime > 2")
        later = await page.evaluate(SAID_NOW)
        assert REPLY.index(first[0]) < REPLY.index(later[0])
        assert await button.get_attribute("aria-label") == "Stop"
        await page.wait_for_selector("#a-status:has-text('Listening')")
        assert await page.inner_html(".a-attune .a-words") == before
        await page.wait_for_function("window.sent > 1")


async def test_who_presses_or_writes_ends_it_and_another_talk_has_none_of_it(
    address: str, murmur: Path
) -> None:
    async with browsing(address, murmur) as page:
        await say(page, "I failed my exam.")
        button = page.locator(".a-attune .a-again").first
        await button.click()
        await page.wait_for_function("window.attune.again.isPlaying")
        await button.click()
        assert not await page.evaluate("window.attune.again.isPlaying")
        await button.click()
        await say(page, "And then I laughed.")
        await page.wait_for_function("window.attune.answer.playing")
        assert not await page.evaluate("window.attune.again.isPlaying")
        await page.wait_for_selector(".a-turn:nth-child(2) .a-again")
        await page.click("#a-end")
        await button.click()
        await page.wait_for_selector("#a-status:has-text('Heard again.')")
        await page.evaluate("window.attune.keepShown()")
        assert await page.evaluate("window.attune.again.sounds.size") == 0
        assert await page.locator(".a-again").count() == 0
