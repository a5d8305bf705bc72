"""As somebody new would, with a browser and no text: talk, mend an emotion, find yesterday's talk,
go on with it, export it, delete it."""

from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import soundfile

from assistant.records.mending import is_being_written
from assistant.records.reading import find_records, read_record
from assistant.records.turns import recorded_turns
from models.emotions import Emotion
from tests.assistant.records.made import TALK, make_record
from tests.fakes import speech_like
from tests.ui.browsing import browsing, needs_chromium, page_server, say

pytestmark = needs_chromium
YESTERDAY = "yesterday-1"


@pytest.fixture
def records(tmp_path: Path) -> Path:
    folder = tmp_path / "records"
    make_record(folder / YESTERDAY, TALK, began=datetime.now(UTC) - timedelta(days=1))
    return folder


@pytest.fixture
def address(records: Path) -> Generator[str]:
    with page_server(reply="I see, and I am listening.", records=records) as found:
        yield found


@pytest.fixture
async def page(address: str, tmp_path: Path) -> AsyncGenerator[Any]:
    question = tmp_path / "question.wav"
    soundfile.write(question, speech_like((0.5, 2.0), length_s=60.0, rate=48_000), 48_000)
    async with browsing(address, question) as opened:
        yield opened


def new_records(folder: Path) -> list[Path]:
    return [one.folder for one in find_records(folder) if one.id != YESTERDAY]


async def closed(page: Any, folder: Path) -> Path:
    """Waits until the talk that was recorded is whole."""
    while not (new := new_records(folder)) or is_being_written(new[-1]):
        await page.wait_for_timeout(100)
    return new[-1]


async def test_the_whole_way(page: Any, records: Path, tmp_path: Path) -> None:
    # Yesterday's talk stands on the first page, by day and words.
    await page.wait_for_selector("#a-latest:has-text('yesterday')")
    assert "I failed my driving test" in await page.inner_text("#a-latest")
    await page.click("#a-latest button")
    await page.wait_for_selector("#a-earlier:has-text('You go on with the talk of yesterday')")
    assert await page.locator("#a-earlier .a-turn").count() == len(TALK)

    # Talk: it is kept where one agrees to that, and is answered by voice.
    await page.click("#a-talk")
    await page.check("#a-keep-words")
    await page.click("#a-consent button[value=yes]")
    await page.wait_for_selector("#a-log .a-attune .a-words")
    assert await page.inner_text("#a-kept") == "Kept: words"
    assert await page.locator("#a-earlier .a-turn").count() == len(TALK), "it stays in sight"

    # Mend how it was meant.
    await page.click("#a-log .a-emotion summary")
    await page.click("#a-log .a-choices button:has-text('sad')")
    await page.wait_for_selector("#a-log .a-emotion:has-text('sad, you said')")
    await page.click("#a-end")
    new = await closed(page, records)
    (found,) = [one for one in find_records(records) if one.folder == new]
    record = read_record(found)
    assert record.continues == YESTERDAY
    assert recorded_turns(record)[0].emotion is Emotion.SAD

    # Find yesterday's among the talks, and take it home.
    await page.click("#a-records")
    await page.fill("input[name=text]", "driving")
    await page.click("button:has-text('Search')")
    assert await page.locator(".records li").count() == 1
    await page.click(".records li a >> nth=0")
    await page.click("summary:has-text('Export')")
    async with page.expect_download() as download:
        await page.click(".tools a:has-text('Markdown')")
    saved = tmp_path / "saved.md"
    await (await download.value).save_as(saved)
    assert "I failed my driving test" in saved.read_text(encoding="utf-8")

    # Delete it.
    await page.click("summary:has-text('Delete')")
    await page.click("button:has-text('Delete for good')")
    await page.wait_for_selector("text=is deleted")
    assert not (records / YESTERDAY).exists()
    assert new.exists()


async def test_a_yes_to_one_talk_is_none_to_the_next(page: Any, records: Path) -> None:
    await page.click("#a-talk")
    await page.check("#a-keep-words")
    await page.check("#a-keep-audio")
    await page.click("#a-consent button[value=yes]")
    await page.wait_for_selector("#a-kept:has-text('Kept: words and sound')")
    await page.wait_for_selector("#a-log .a-attune .a-words")
    await page.click("#a-end")
    assert await page.is_hidden("#a-kept")
    first = await closed(page, records)
    await page.click("#a-talk")
    assert not await page.is_checked("#a-keep-words")
    assert not await page.is_checked("#a-keep-audio")
    await page.click("#a-consent button[value=yes]")
    await page.wait_for_selector("#a-log .a-attune .a-words")
    assert await page.is_hidden("#a-kept")
    await page.click("#a-end")
    await page.wait_for_timeout(500)
    assert new_records(records) == [first]


async def test_from_the_list_one_goes_on_in_one_touch(page: Any, records: Path) -> None:
    await page.goto(f"{page.url}records")
    await page.click(".records .go-on")
    await page.wait_for_selector("#a-earlier .a-turn")
    assert "continue=" not in page.url, "a reload does not go on once more"
    await page.click("#a-earlier button:has-text('new talk')")
    assert not await page.is_visible("#a-earlier")
    assert await page.is_visible("#a-latest")


async def test_a_talk_that_was_not_recorded_can_be_gone_on_with(page: Any, records: Path) -> None:
    await say(page, "My name is Anna.")
    await page.wait_for_selector("#a-log .a-attune .a-words")
    await page.click("#a-end")
    await say(page, "Something new.")
    await page.wait_for_selector(".a-past:has-text('My name is Anna')")
    await page.click(".a-past button:has-text('go on with it')")
    # The one that was under way is kept, too.
    await page.wait_for_selector(".a-past:has-text('Something new')")
    await page.wait_for_selector("#a-earlier:has-text('My name is Anna')")
    await say(page, "What is my name?")
    await page.wait_for_selector("#a-log .a-attune .a-words")
    items = "window.attune.screen.view.turns"
    assert await page.evaluate(f"Object.values({items}).length") == 1
    assert new_records(records) == []
    await page.reload()
    await page.wait_for_selector("#a-earlier:has-text('My name is Anna')")


async def test_a_talk_that_is_gone_is_said_to_be(page: Any) -> None:
    await page.goto(f"{page.url}?continue=nothing")
    await page.wait_for_selector("#a-problem:has-text('cannot be gone on with')")
