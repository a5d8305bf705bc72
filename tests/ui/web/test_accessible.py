"""Who cannot see, or not well, or has no mouse: contrast, axe, landmarks, order, motion."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import soundfile

from assistant.remembered import RememberedFile
from tests.assistant.records.made import make_record
from tests.fakes import speech_like
from tests.ui.axe import faults_of
from tests.ui.browsing import browsing, needs_chromium, page_server
from tests.ui.states import NAMES, states

pytestmark = needs_chromium
TWO = "talk=earlier&talk=another"
NEUTRAL: dict[str, Any] = {
    "label": "neutral",
    "confidence": 0.99,
    "abstained": False,
    "probabilities": {},
}
TURN: dict[str, Any] = {
    "turn": 0, "start_s": 1.0, "end_s": 2.0, "words": "i lost my keys", "typed": False,
    "emotion": NEUTRAL, "corrected": None, "style": None, "reply": "That is bad. Tell me more.",
    "heard": "That is", "interrupted": True, "failure": None, "response_s": 1.0, "settings": {},
    "marks_ms": {"endpoint": 600.0, "heard": 700.0, "first_token": 900.0, "played": 1200.0},
}  # fmt: skip
TURNS: list[dict[str, Any]] = [
    TURN,
    TURN | {"turn": 1, "emotion": NEUTRAL | {"label": "happy", "confidence": 0.8}},
    TURN | {"turn": 2, "emotion": NEUTRAL | {"label": "angry", "abstained": True}},
    TURN | {"turn": 3, "corrected": "sad", "words": "", "failure": "the voice broke"},
    TURN | {"turn": 4, "emotion": NEUTRAL | {"label": "surprise"}, "typed": True},
]
COURSE = [
    {"turn": i, "emotion": emotion, "confidence": 0.8, "certain": i != 2, "corrected": i == 3}
    for i, emotion in enumerate(["neutral", "happy", "angry", "sad", "surprise"])
]
TALK: dict[str, Any] = {
    "turns": {str(turn["turn"]): turn for turn in TURNS},
    "course": COURSE,
    "suggestion": "my name is Anna",
    "notices": [
        {"text": "In danger call 112.", "urgency": "help"},
        {"text": "Your microphone is quiet.", "urgency": "warning"},
        {"text": "It takes its own voice out.", "urgency": "note"},
    ],
}
# Reads the colours as they are drawn: of each text, and of the edge or ground of each control.
CONTRASTS = """() => {
  const part = (value) => { const c = value / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const colour = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
    return { rgb: [r, g, b], a }; };
  const ground = (node) => { for (let at = node; at; at = at.parentElement) {
    const { rgb, a } = colour(getComputedStyle(at).backgroundColor); if (a === 1) return rgb; }
    return [255, 255, 255]; };
  const ratio = (one, other) => { const [a, b] = [light(one), light(other)].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05); };
  const faint = [];
  for (const node of document.querySelectorAll('#attune *')) {
    const style = getComputedStyle(node);
    const box = node.getBoundingClientRect();
    if (!box.width || style.visibility === 'hidden' || node.closest('.a-sr, .a-long')) continue;
    const hasText = [...node.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim());
    const text = ratio(colour(style.color).rgb, ground(node));
    if (hasText && text < 4.5) faint.push([node.className, 'text', text]);
    if (node.matches('button, textarea, summary, .a-file')) {
      const under = ground(node.parentElement);
      const drawn = [colour(style.borderTopColor).rgb, ground(node)];
      const edge = Math.max(...drawn.map((one) => ratio(one, under)));
      const isBare = node.matches('.a-link, .a-past summary');
      if (!isBare && edge < 3) faint.push([node.className, 'edge', edge]);
    }
    if (node.matches('.a-swatch')) {
      const sign = ratio(colour(style.borderTopColor).rgb, ground(node.parentElement));
      if (sign < 3) faint.push([node.className, 'sign', sign]);
    }
  }
  return faint;
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    folder = tmp_path_factory.mktemp("kept")
    for name in ("earlier", "another"):
        make_record(folder / "records" / name)
    memory = RememberedFile(folder / "memory.json")
    memory.add("My sister is called Ana")
    with page_server(records=folder / "records", memory=memory.path) as found:
        yield found


@pytest.fixture(scope="module")
def silence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("microphone") / "silence.wav"
    soundfile.write(path, speech_like(length_s=5.0, rate=48_000), 48_000)
    return path


@asynccontextmanager
async def state(address: str, silence: Path, name: str, scheme: str) -> AsyncGenerator[Any]:
    async with browsing(address, silence) as page:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        await page.wait_for_selector("#a-voices .a-option", state="attached")
        await page.wait_for_selector("#a-latest button", state="attached")
        if name == "talk":
            await page.set_viewport_size({"width": 1300, "height": 900})
            await page.evaluate(
                "(change) => window.attune.event({ type: 'attune.view', change })", TALK
            )
            await page.check("#a-details")
            await page.click(".a-turn:nth-child(2) summary")
        yield page


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
async def test_everybody_can_read_every_state(
    address: str, silence: Path, width: int, scheme: str
) -> None:
    seen: list[str] = []
    async with browsing(address, silence) as page:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        await page.set_viewport_size({"width": width, "height": 900})
        await page.wait_for_selector("#a-latest button", state="attached")
        async for name in states(page):
            seen.append(name)
            assert await page.evaluate(CONTRASTS) == [], name
            assert await faults_of(page) == [], name
            reaches = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert reaches <= 0, f"{name}: nothing reaches beyond the window"
    assert tuple(seen) == NAMES


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_read_recorded_talks(address: str, silence: Path, scheme: str) -> None:
    async with browsing(address, silence) as page:
        await page.emulate_media(color_scheme=scheme)
        for place in ("records", "records/earlier", "records/none", "records/compare/two?" + TWO):
            await page.goto(f"{address}{place}")
            assert await faults_of(page) == [], place


async def test_the_keyboard_reaches_everything_in_the_order_of_the_page(
    address: str, silence: Path
) -> None:
    async with state(address, silence, "welcome", "light") as page:
        reached: list[str] = []
        for _ in range(16):
            await page.keyboard.press("Tab")
            reached.append(
                await page.evaluate("document.activeElement.id || document.activeElement.innerText")
            )
    order = ["a-settings-open", "a-talk", "A greeting", "Bad news", "a-text", "a-upload", "Send"]
    places = [next(i for i, at in enumerate(reached) if at.strip() == name) for name in order]
    assert places == sorted(places)


async def test_the_page_has_its_landmarks_and_one_title(address: str, silence: Path) -> None:
    async with state(address, silence, "talk", "light") as page:
        assert await page.locator("main").count() == 1
        assert await page.locator("header").count() == 1
        assert await page.locator("h1").all_inner_texts() == ["Attune"]
        assert await page.title() == "Attune"
        assert await page.get_attribute("html", "lang") == "en"
        label = await page.get_attribute("#a-course-plot", "aria-label")
        assert label == (
            "Course of emotion: turn 1 neutral; turn 2 happy; turn 3 angry, unsure; "
            "turn 4 sad, your word; turn 5 surprise"
        )


async def test_who_wants_no_motion_gets_none(address: str, silence: Path) -> None:
    async with state(address, silence, "talk", "light") as page:
        assert await page.evaluate("document.getAnimations().length") == 0
        picture = "document.querySelector('#a-orb').toDataURL()"
        first = await page.evaluate(picture)
        await page.wait_for_timeout(400)
        assert await page.evaluate(picture) == first
