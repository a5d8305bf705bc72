"""Buttons outside the page, and what is shown of a press before the server says so."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.fakes import speech_like
from tests.ui.browsing import begin, browsing, needs_chromium, page_server, say
from tests.ui.states import CUT_OFF, UNDER_WAY, talk

pytestmark = needs_chromium
# Nobody can ask a browser which buttons a page takes.
LISTEN = """navigator.mediaSession.setActionHandler = (name, act) => {
  (window.actions ||= {})[name] = act;
};"""

PICTURE = "navigator.mediaSession.metadata.artwork[0].src"


@pytest.fixture(scope="module")
def address() -> Generator[str]:
    with page_server() as found:
        yield found


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("microphone") / "quiet.wav"
    soundfile.write(path, speech_like(length_s=5.0, rate=48_000), 48_000)
    return path


async def test_the_button_of_a_headset_mutes_stops_the_answer_and_ends(
    address: str, quiet: Path
) -> None:
    async with browsing(address, quiet) as page:
        await page.add_init_script(LISTEN)
        await page.reload()
        await page.wait_for_selector("#attune[data-state=ready]")
        await begin(page)
        assert await page.evaluate("navigator.mediaSession.playbackState") == "playing"
        assert await page.evaluate(f"fetch({PICTURE}).then((answer) => answer.ok)")
        await press(page, "pause")
        await page.wait_for_selector("#a-mute[aria-pressed=true]")
        await press(page, "play")
        await page.wait_for_selector("#a-mute[aria-pressed=false]")
        await say(page, "Tell me something long.")
        await page.wait_for_function("window.loudest > 0.01")
        await press(page, "pause")
        await page.wait_for_selector(".a-unheard")
        assert await page.get_attribute("#a-mute", "aria-pressed") == "false"
        await press(page, "hangup")
        await page.wait_for_selector("#a-status:has-text('The talk has ended')")
        assert await page.evaluate("navigator.mediaSession.playbackState") == "none"


async def press(page: Any, button: str) -> None:
    await page.evaluate(f"window.actions.{button}()")


async def test_a_correction_is_shown_before_a_busy_server_confirms_it(
    address: str, quiet: Path
) -> None:
    async with browsing(address, quiet) as page:
        await begin(page)
        await page.evaluate(CUT_OFF)
        await page.evaluate(UNDER_WAY, talk(2, "listening"))
        await page.click(".a-turn:nth-child(2) .a-emotion summary")
        await page.click(".a-turn:nth-child(2) .a-emotion button:has-text('happy')")
        await page.wait_for_selector(".a-turn:nth-child(2) .a-emotion:has-text('happy, you said')")
