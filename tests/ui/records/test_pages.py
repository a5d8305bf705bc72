"""The pages of recorded talks: what they show, what they refuse, and in a real browser."""

import io
import zipfile
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from assistant.records.exporting import write_exports
from assistant.records.exports.table import FORMATS
from assistant.records.reading import resolve
from assistant.records.recording import LOG_NAME, Consent
from models.emotions import Emotion
from tests.assistant.records.made import BEGAN, TALK, Said, make_record
from tests.ui.browsing import CHROMIUM, FLAGS, PATIENT_MS, needs_chromium
from tests.ui.serving import resident, serving
from ui.records.pages import RecordsPages
from ui.web.command import _records_pages  # pyright: ignore[reportPrivateUsage]
from ui.web.server import Site
from ui.web.settings import WebSettings

NASTY = "<img src=x onerror=alert(1)> & more"


def in_chromium(test: Any) -> Any:
    """Marks a test as one that opens a browser."""
    for mark in needs_chromium:
        test = mark(test)
    return test


async def until(page: Any, condition: str) -> None:
    """Waits for a condition; the page's own policy forbids a script that would look for it."""
    while not await page.evaluate(condition):
        await page.wait_for_timeout(50)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "records"
    make_record(folder / "first", [Said(NASTY), *TALK])
    later = BEGAN + timedelta(days=1)
    make_record(folder / "second", [Said("Hello there.", Emotion.HAPPY)], began=later)
    return folder


@pytest.fixture
def client(root: Path) -> Generator[TestClient]:
    engines = resident()
    site = Site(engines, with_page=False, records=RecordsPages(root, None))
    with TestClient(site.app, base_url="http://localhost") as opened:
        yield opened
    engines.close()


def test_talks_are_listed_and_searched(client: TestClient) -> None:
    text = client.get("/records").text
    assert text.index("second") < text.index("first")
    assert NASTY not in text
    assert "&lt;img src=x" in text
    assert "first" not in client.get("/records", params={"text": "HELLO"}).text
    assert "second" not in client.get("/records", params={"until": "2026-03-01"}).text
    assert "second" not in client.get("/records", params={"emotion": "angry"}).text
    nasty = client.get("/records", params={"text": '"><script>alert(1)</script>'}).text
    assert "<script>" not in nasty
    assert "Nothing was found." in nasty
    assert client.get("/records", params={"emotion": "bored"}).status_code == 422
    assert client.get("/records", params={"since": "nonsense"}).status_code == 400
    assert client.get("/records", params={"skip": 1}).text.count("<li>") == 1


def test_a_talk_is_shown_with_its_sound(client: TestClient, root: Path) -> None:
    shown = client.get("/records/first")
    assert 'src="/records/first/sound"' in shown.text
    assert "<img" not in shown.text
    assert shown.headers["cache-control"] == "no-store"
    part = client.get("/records/first/sound", headers={"Range": "bytes=0-43"})
    assert part.status_code == 206, "a browser can jump in it"
    assert part.content == (root / "first" / "audio.wav").read_bytes()[:44]
    make_record(root / "silent", consent=Consent(audio=False))
    assert "not kept" in client.get("/records/silent").text
    assert client.get("/records/silent/sound").status_code == 404


def test_two_talks_stand_side_by_side_with_what_differs(client: TestClient) -> None:
    assert client.get("/records").text.count("form='compare'") == 2
    shown = client.get("/records/compare/two", params={"talk": ["first", "second"]})
    assert shown.status_code == 200
    assert shown.text.count('class="talk"') == 2
    assert 'src="/records/first/sound"' in shown.text and "/records/second/sound" in shown.text
    assert "<img" not in shown.text
    assert "<tr class='differs'><th scope='row'>Turns</th>" in shown.text
    assert "<tr><th scope='row'>Model</th>" in shown.text
    assert "happy 1" in shown.text
    for talks in ([], ["first"], ["first", "first"], ["first", "second", "third"]):
        answer = client.get("/records/compare/two", params={"talk": talks})
        assert answer.status_code == 404 and "tick two" in answer.text
    gone = client.get("/records/compare/two", params={"talk": ["first", "../x"]})
    assert gone.status_code == 404


@pytest.mark.parametrize("form", FORMATS)
def test_exports_are_downloaded(client: TestClient, form: str) -> None:
    answer = client.get(f"/records/first/export/{form}")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith('attachment; filename="first')
    if form == "csv":
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert archive.namelist() == ["conversations.csv", "turns.csv", "codebook.csv"]
    else:
        assert "driving" in answer.text or form == "html"


def test_a_talk_is_deleted_and_the_page_says_what_is_left(
    client: TestClient, root: Path, tmp_path: Path
) -> None:
    (path,) = write_exports([resolve(root, "first")], "md", tmp_path / "out", pytest.fail)
    path.write_text("changed")
    told = client.post("/records/first/delete").text
    assert "first is deleted" in told
    assert str(path) in told
    assert not (root / "first").exists()
    assert client.get("/records/first").status_code == 404
    assert "first" not in client.get("/records").text
    assert len(list((root / "receipts").iterdir())) == 1


@pytest.mark.parametrize(
    "path", ["nope", "..%2Fsecret", "%2e%2e", "first/export/docx", "%00", "first%2F..%2Fsecond"]
)
def test_what_is_not_there_is_said(client: TestClient, root: Path, path: str) -> None:
    make_record(root.parent / "secret")
    answer = client.get(f"/records/{path}")
    assert answer.status_code == 404
    assert "driving" not in answer.text


def test_a_damaged_talk_is_shown_as_such(client: TestClient, root: Path) -> None:
    (root / "second" / LOG_NAME).write_text("{}\nnonsense\n")
    assert "line 2" in client.get("/records").text
    assert client.get("/records/second").status_code == 404
    assert "line 2" in client.get("/records/second").text


def test_pages_of_other_sites_delete_nothing(client: TestClient, root: Path) -> None:
    answer = client.post("/records/first/delete", headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403
    assert client.get("/records", headers={"Host": "evil.example"}).status_code == 421
    assert (root / "first").exists()
    assert client.get("/records/first/delete").status_code == 405


@pytest.mark.parametrize(
    ("changes", "password", "is_shown"),
    [
        ({}, None, True),
        ({}, "me:12345678", False),
        ({"hosts": ("attune.example",)}, None, False),
        ({"host": "0.0.0.0"}, "me:12345678", False),
        ({"host": "0.0.0.0", "show_records": True}, "me:12345678", True),
    ],
)
def test_visitors_do_not_see_the_talks_of_others(
    tmp_path: Path, changes: dict[str, Any], password: str | None, is_shown: bool
) -> None:
    settings = WebSettings(records=tmp_path, **changes)
    assert (_records_pages(settings, password) is not None) == is_shown
    assert _records_pages(WebSettings(), None) is None, "nothing is recorded"


def test_without_the_pages_there_is_no_route() -> None:
    engines = resident()
    with TestClient(Site(engines, with_page=False).app, base_url="http://localhost") as opened:
        assert opened.get("/records").status_code == 404
    engines.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@in_chromium
async def test_an_exported_page_works_offline(root: Path, tmp_path: Path, scheme: str) -> None:
    (path,) = write_exports([resolve(root, "first")], "html", tmp_path / "out", pytest.fail)
    playwright = pytest.importorskip("playwright.async_api")
    async with playwright.async_playwright() as browsers:
        browser = await browsers.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=FLAGS
        )
        context = await browser.new_context(offline=True, color_scheme=scheme)
        page = await context.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        # What content security refuses is said on the console.
        page.on("console", lambda message: faults.append(message.text))
        await page.goto(path.as_uri())
        await until(page, "document.querySelector('audio').readyState >= 1")
        assert await page.evaluate("document.querySelector('audio').duration") == (
            pytest.approx(16.0, abs=0.3)
        )
        await page.click("circle >> nth=2")
        await page.wait_for_selector(".w.now")
        assert await page.inner_text(".w.now") == "I"
        assert await page.get_attribute(".head", "x1") != "0"
        background = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background == {"light": "rgb(246, 244, 241)", "dark": "rgb(21, 23, 28)"}[scheme]
        width = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert width <= 0, "nothing reaches beyond the window"
        await browser.close()
        assert faults == []


@in_chromium
async def test_talks_are_searched_compared_and_followed_in_a_browser(root: Path) -> None:
    playwright = pytest.importorskip("playwright.async_api")
    with serving(records=RecordsPages(root, None)) as (host, _site):
        async with playwright.async_playwright() as browsers:
            browser = await browsers.chromium.launch(
                executable_path=CHROMIUM, headless=True, args=FLAGS
            )
            page = await browser.new_page(viewport={"width": 1200, "height": 900})
            page.set_default_timeout(PATIENT_MS)
            faults: list[str] = []
            page.on("pageerror", lambda fault: faults.append(str(fault)))
            page.on("console", lambda message: faults.append(message.text))
            await page.goto(f"http://{host}/records")
            await page.select_option("select[name=emotion]", "happy")
            await page.fill("input[name=since]", "2026-03-02")
            await page.click("text=Search")
            await page.wait_for_selector("text=1 talk")
            assert await page.locator(".records li a[href='/records/second']").count() == 1
            assert await page.locator(".records li").count() == 1
            assert await page.input_value("input[name=since]") == "2026-03-02"
            await page.goto(f"http://{host}/records")
            for box in await page.query_selector_all("input[type=checkbox]"):
                assert not await page.is_visible("text=Compare the two")
                await box.check()
            await page.click("text=Compare the two")
            await page.wait_for_selector(".talk >> nth=1")
            await until(
                page, "[...document.querySelectorAll('audio')].every((one) => one.readyState >= 1)"
            )
            left, right = await page.query_selector_all(".both > section")
            boxes = [await side.bounding_box() for side in (left, right)]
            assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] < boxes[1]["x"]
            # Each follows its own sound, and one is silent where the other speaks.
            await (await left.query_selector("button[data-from]")).click()
            await page.wait_for_selector(".both > section:nth-child(1) .w.now")
            assert await page.query_selector(".both > section:nth-child(2) .w.now") is None
            await (await right.query_selector("button[data-from]")).click()
            await until(page, "document.querySelectorAll('audio')[0].paused")
            await page.set_viewport_size({"width": 390, "height": 800})
            width = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert width <= 0, "nothing reaches beyond the window"
            await browser.close()
            assert faults == []
