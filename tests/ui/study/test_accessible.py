"""Who cannot see well, or has no mouse, takes part like others: axe on every page of a study."""

import base64
from typing import Any

import pytest

from tests.assistant.study.small_study import CONTENT, make_study
from tests.fakes import speech_like
from tests.ui.axe import faults_of
from tests.ui.browsing import needs_chromium
from tests.ui.study.serving_study import PASSWORD, Visitor, clip, serving_study
from tests.ui.study.test_browser import microphone, open_browser

__all__ = ["microphone"]
pytestmark = needs_chromium
INSTRUMENTS = "pets sus ueq_s godspeed affect_grid ios manipulation demographics time_offered"
QUESTIONS = "[questionnaires]\nbefore = [{}]\nblock = []\n".format(
    ", ".join(f'"{name}"' for name in INSTRUMENTS.split())
)
STUDY = CONTENT[: CONTENT.index("[questionnaires]")] + QUESTIONS


async def checked(page: Any, what: str) -> None:
    await page.wait_for_selector("h1, h2")
    found = await faults_of(page)
    assert found == [], f"{what}: {found}"
    reaches = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert reaches <= 0, f"{what}: nothing reaches beyond the window"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_take_part(tmp_path, microphone, scheme):
    async_api = pytest.importorskip("playwright.async_api")
    folder = make_study(tmp_path / "study", STUDY)
    with serving_study(folder) as (host, _):
        async with async_api.async_playwright() as playwright:
            browser, _, page = await open_browser(playwright, microphone)
            await page.emulate_media(color_scheme=scheme)
            await page.goto(f"http://{host}/?participant=p1")
            await page.wait_for_selector("text=Next")
            await checked(page, "information")
            await page.click("text=Next")
            await checked(page, "consent")
            for box in await page.query_selector_all("[data-choice]"):
                await box.check()
            await page.click("button.main")
            await page.wait_for_selector("text=Turn the microphone on")
            await checked(page, "sound")
            # Goes on in another tab, which takes over, and looks at each page in this one.
            visitor, seen = Visitor(host, "p1", "other"), []
            shown = visitor.ask("join")
            visitor.ask("attention", clip=clip(speech_like((0.1, 0.6), length_s=1.0)))
            shown = visitor.done(shown, microphone_db=-20.0, loudspeaker=True)
            while shown["kind"] != "completed":
                await page.reload()
                await page.wait_for_selector("button.main")
                await checked(page, shown["step"])
                seen.append(shown["kind"])
                shown = visitor.ask("join")
                if shown["kind"] == "questions":
                    shown = visitor.fill_in(shown)
                else:
                    if shown["kind"] == "talk":
                        visitor.talk()
                    shown = visitor.done(shown)
            await page.reload()
            await checked(page, "completed")
            assert seen.count("questions") >= len(INSTRUMENTS.split())
            await browser.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_watch_a_study(tmp_path, microphone, scheme):
    async_api = pytest.importorskip("playwright.async_api")
    folder = make_study(tmp_path / "study", CONTENT.replace("turns = 1", "turns = 2"))
    credentials = base64.b64encode(PASSWORD.encode()).decode()
    with serving_study(folder) as (host, _):
        visitor = Visitor(host, "p1")
        visitor.enter()
        visitor.talk(until="study.probe")
        async with async_api.async_playwright() as playwright:
            browser, context, page = await open_browser(playwright, microphone)
            await context.set_extra_http_headers({"authorization": f"Basic {credentials}"})
            await page.emulate_media(color_scheme=scheme)
            await page.goto(f"http://{host}/experimenter/")
            await page.wait_for_selector("text=p1")
            await checked(page, "experimenter")
            await browser.close()
