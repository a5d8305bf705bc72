"""The page in Firefox: its worklets, its microphone, its dialogs, and the recorded talks."""

from pathlib import Path

import pytest

from tests.assistant.records.made import make_record
from tests.sound_server import SoundServer, missing_program
from tests.ui.browsing import page_server
from tests.ui.firefox import FIREFOX, firefox

pytestmark = [
    pytest.mark.slow,
    pytest.mark.device,
    pytest.mark.skipif(FIREFOX is None, reason="firefox is not installed"),
    pytest.mark.skipif(
        missing_program() is not None, reason=f"{missing_program()} is not installed"
    ),
]
# Without a sound card Firefox runs no sound at all: it plays to a server of its own.
COUNT = """(() => {
  const { audio } = window.attune, take = audio.onFrame;
  window.frames_ = window.loudest = 0;
  audio.onFrame = (frame) => { window.frames_ += 1; take(frame); };
  setInterval(() => { window.loudest = Math.max(window.loudest, audio.levels().assistant); }, 20);
})()"""
TYPE = """(() => {
  document.querySelector('#a-text').value = 'Hello there.';
  document.querySelector('#a-composer').requestSubmit();
})()"""
STATUS = "document.querySelector('#a-status').textContent"


async def test_a_talk_in_firefox(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_record(tmp_path / "records" / name)
    with (
        SoundServer(tmp_path / "sound") as sound,
        page_server(reply="I am glad that you are here.", records=tmp_path / "records") as address,
    ):
        async with firefox(sound.environment) as page:
            await page.go(address)
            await page.until("document.querySelector('#attune').dataset.state === 'ready'")
            await page.click("#a-talk")
            await page.until("document.querySelector('#a-consent').open")
            await page.click("#a-consent button[value=yes]")
            await page.until("window.attune.hasSession && window.attune.isLive")
            await page.value(COUNT)
            await page.until("window.frames_ > 20")
            await page.value(TYPE)
            await page.until("document.querySelector('.a-attune .a-words')")
            await page.until("window.loudest > 0.005")
            await page.click("#a-end")
            await page.until(f"{STATUS}.startsWith('The talk has ended')")

            await page.go(f"{address}records")
            shown = "getComputedStyle(document.querySelector('.comparing')).display"
            assert await page.value(shown) == "none"
            ticks = "document.querySelectorAll('.tick input')"
            await page.value(f"{ticks}.forEach((box) => box.click())")
            assert await page.value(shown) == "block"
            await page.go(f"{address}records/one")
            await page.until("document.querySelector('audio').duration > 10")
            assert page.faults == []
