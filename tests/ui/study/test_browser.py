"""A participant in a real Chromium whose microphone is a file."""

import json

import numpy as np
import pytest
import soundfile

from assistant.study.keeping.store import read_lines
from assistant.study.run.runner import Runner
from tests.assistant.study.small_study import CONTENT, make_study
from tests.fakes import speech_like
from tests.ui.browsing import CHROMIUM, FLAGS, PATIENT_MS, needs_chromium
from tests.ui.study.serving_study import serving_study

pytestmark = needs_chromium


@pytest.fixture
def microphone(tmp_path):
    path = tmp_path / "microphone.wav"
    sound = speech_like((0.3, 1.2), length_s=4.0, rate=48_000)
    soundfile.write(path, np.clip(sound, -1, 1), 48_000)
    return path


async def open_browser(playwright, microphone):
    flags = [*FLAGS, f"--use-file-for-fake-audio-capture={microphone}"]
    browser = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=flags)
    context = await browser.new_context(viewport={"width": 390, "height": 800})
    page = await context.new_page()
    page.set_default_timeout(PATIENT_MS)
    return browser, context, page


async def go_to_talk(page, host):
    await page.goto(f"http://{host}/?PROLIFIC_PID=abc123&STUDY_ID=s1&SESSION_ID=t1")
    await page.click("text=Next")
    await page.click("text=I take part >> nth=-1")
    assert "tick the first box" in await page.inner_text("#problem")
    for box in await page.query_selector_all("[data-choice]"):
        await box.check()
    await page.click("button.main")
    await page.click("text=Turn the microphone on")
    await page.wait_for_selector("text=good")
    await page.click("text=Play a sound")
    await page.check("text=I hear the sound well")
    await page.click("text=Record, and say")
    await page.wait_for_selector("text=that was heard")
    await page.click("text=Next")
    await page.wait_for_selector("text=Begin the conversation")


async def test_a_whole_block_in_the_browser_with_a_reload_in_its_middle(tmp_path, microphone):
    async_api = pytest.importorskip("playwright.async_api")
    folder = make_study(tmp_path / "study", CONTENT.replace("turns = 1", "turns = 2"))
    with serving_study(folder) as (host, _):
        async with async_api.async_playwright() as playwright:
            browser, context, page = await open_browser(playwright, microphone)
            faults, outside = [], []
            page.on("pageerror", lambda fault: faults.append(str(fault)))
            page.on("request", lambda r: outside.append(r.url) if host not in r.url else None)
            await go_to_talk(page, host)
            await page.click("text=Begin the conversation")
            await page.click("fieldset .points button >> nth=5")
            await page.reload()
            await page.click("text=Go on with the conversation")
            await page.click("fieldset .points button >> nth=2")
            await page.wait_for_selector("fieldset[data-item]")
            # A second window takes over, and the first says so.
            other = await context.new_page()
            await other.goto(page.url)
            await other.wait_for_selector("fieldset[data-item]")
            await page.click("fieldset[data-item] input >> nth=0")
            await page.wait_for_selector("text=open in another window")
            await page.click("text=Go on here")
            await page.wait_for_selector("fieldset[data-item]")
            await page.click("text=Next")
            assert "10 to go" in await page.inner_text("#problem")
            for field in await page.query_selector_all("fieldset[data-item]"):
                await (await field.query_selector_all("input"))[1].click()
            await page.click("text=Next")
            await page.wait_for_selector("text=Begin the conversation")
            await page.go_back()
            await page.wait_for_selector("text=no way back")
            await browser.close()
        assert faults == []
        assert [url for url in outside if not url.startswith(("data:", "blob:"))] == []
    state = Runner(folder).roster.participant("abc123")
    assert state.link == {"STUDY_ID": "s1", "SESSION_ID": "t1"}
    assert (state.talks["block1-talk"].attempts, state.talks["block1-talk"].turns) == (1, 2)
    probes = {key: given.value for key, given in state.answers.items() if "probe" in key[1]}
    assert probes == {
        ("block1-talk", "probe:1.0"): 6,
        ("block1-talk", "probe:1.1"): 3,
    }
    answered = [
        line for line in read_lines(folder.log("abc123")) if line.get("instrument") == "sus"
    ]
    assert len(answered) == 10 and all(line["seconds"] > 0 for line in answered)
    assert "joined" in json.dumps(read_lines(folder.log("abc123"))[0])


WHY = """
title = "Own"
citation = "Own"
licence = "CC0"
[[items]]
name = "typed"
text = "What happened?"
form = "text"
maximum = 500
[[items]]
name = "pasted"
text = "What else?"
form = "text"
maximum = 500
"""
QUIET = """
[sound]
check = false
attention_word = ""
[questionnaires]
before = ["why"]
block = ["sus"]
"""


async def test_how_texts_came_to_be_and_the_trap_are_noted(tmp_path, microphone):
    async_api = pytest.importorskip("playwright.async_api")
    folder = make_study(tmp_path / "study", CONTENT[: CONTENT.index("[sound]")] + QUIET)
    (folder.path / "instruments").mkdir()
    (folder.path / "instruments" / "why.toml").write_text(WHY)
    with serving_study(folder) as (host, _):
        async with async_api.async_playwright() as playwright:
            browser, _, page = await open_browser(playwright, microphone)
            await page.goto(f"http://{host}/?participant=p1")
            await page.click("text=Next")
            await page.check("[data-choice=take_part]")
            await page.click("button.main")
            boxes = page.locator("fieldset[data-item] textarea")
            await boxes.nth(0).type("It was a good day, with rain.", delay=5)
            text = "It was pasted from somewhere else."
            await boxes.nth(1).evaluate(PASTE, text)
            # Nobody gets there by keys or by eye; a program that fills in everything does.
            reached = set()
            for _ in range(12):
                await page.keyboard.press("Tab")
                reached.add(await page.evaluate("document.activeElement.id"))
            assert "website" not in reached
            box = await page.locator("#website").bounding_box()
            assert box is None or box["x"] + box["width"] < 0
            await page.evaluate("document.getElementById('website').value = 'http://bot'")
            await page.click("text=Next")
            await page.wait_for_selector("text=Begin the conversation")
            await browser.close()
    lines = read_lines(folder.log("p1"))
    assert lines[0]["driven"] is True, "Chromium says that a program drives it"
    assert [line["step"] for line in lines if line["kind"] == "trapped"] == ["before-why"]
    typing = {line["item"]: line["typing"] for line in lines if line.get("instrument") == "why"}
    assert typing["typed"]["keys"] == 29 and typing["typed"]["pasted"] == 0
    assert typing["typed"]["seconds"] > 0.1
    assert typing["pasted"]["pasted"] == len(text) and typing["pasted"]["keys"] == 0


PASTE = """(box, text) => {
  const data = new DataTransfer();
  data.setData("text", text);
  box.focus();
  box.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
  box.value = text;
  box.dispatchEvent(new Event("change", { bubbles: true }));
}"""


FRAMES = """([count, level]) => {
  for (let i = 0; i < count; i += 1) {
    window.study.part.frame({ heard: new Int16Array(512).fill(level) });
  }
  return [window.study.part.values.microphone_db, window.study.part.values.noise_db];
}"""


async def test_who_spoke_well_enough_may_be_silent_until_the_end_of_the_page(tmp_path, microphone):
    async_api = pytest.importorskip("playwright.async_api")
    folder = make_study(tmp_path / "study")
    with serving_study(folder) as (host, _):
        async with async_api.async_playwright() as playwright:
            browser, _, page = await open_browser(playwright, microphone)
            await page.goto(f"http://{host}/?participant=p1")
            await page.click("text=Next")
            await page.check("[data-choice=take_part]")
            await page.click("button.main")
            await page.wait_for_selector("text=Turn the microphone on")
            # A click of a second says nothing of how loud somebody speaks.
            assert (await page.evaluate(FRAMES, [30, 8_000]))[0] is None
            loud, _ = await page.evaluate(FRAMES, [60, 3_277])
            assert loud > -20
            # Then come the headphone trials: a minute of listening, in the quiet of a room.
            assert await page.evaluate(FRAMES, [2_000, 10]) == [loud, -70.3]
            await browser.close()
