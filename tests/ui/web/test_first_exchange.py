"""What stands around an exchange: disclosure, help, recordings, signs of life, the app."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.fakes import speech_like
from tests.ui.browsing import (
    CHROMIUM,
    FLAGS,
    agree,
    begin,
    browsing,
    needs_chromium,
    page_server,
    say,
)

pytestmark = needs_chromium
CHANGE = "(change) => window.attune.event({ type: 'attune.view', change })"
TURN: dict[str, Any] = {
    "turn": 0, "start_s": 1.0, "end_s": 2.0, "words": "i am here", "typed": False, "emotion": None,
    "corrected": None, "style": None, "reply": "", "heard": "", "interrupted": False,
    "failure": None, "response_s": None, "settings": {}, "marks_ms": {},
}  # fmt: skip


@pytest.fixture(scope="module")
def question(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("microphone") / "question.wav"
    soundfile.write(path, speech_like((0.5, 2.0), length_s=30.0, rate=48_000), 48_000)
    return path


@pytest.fixture(scope="module")
def address() -> Generator[str]:
    with page_server(reply="I see, and I am listening.") as found:
        yield found


@pytest.fixture
async def page(address: str, question: Path) -> AsyncGenerator[Any]:
    async with browsing(address, question) as opened:
        yield opened


def sound(folder: Path) -> str:
    path = folder / "Sunday walk.wav"
    soundfile.write(path, speech_like((0.1, 1.0), length_s=1.2), 16_000)
    return str(path)


async def type_something(page: Any, _folder: Path) -> None:
    await page.fill("#a-text", "Hello.")
    await page.press("#a-text", "Enter")


async def play_an_example(page: Any, _folder: Path) -> None:
    await page.click("#a-examples button:has-text('Bad news')")


async def give_a_file(page: Any, folder: Path) -> None:
    await page.set_input_files("#a-upload", sound(folder))


@pytest.mark.parametrize("exchange", [type_something, play_an_example, give_a_file])
async def test_it_says_what_it_is_before_the_first_exchange(
    page: Any, tmp_path: Path, exchange: Any
) -> None:
    await exchange(page, tmp_path)
    await page.wait_for_selector("#a-consent:has-text('machine')")
    await page.click("#a-consent button[value=no]")
    assert not await page.evaluate("window.attune.socket.isWanted")
    assert await page.evaluate("window.attune.outbox.waiting") == []
    await exchange(page, tmp_path)
    await page.click("#a-consent button[value=yes]")
    await page.wait_for_selector(".a-attune .a-words")

    # Said once in a tab.
    await type_something(page, tmp_path)
    await page.wait_for_selector(".a-turn:nth-child(2) .a-attune .a-words")
    assert not await page.is_visible("#a-consent")


async def test_a_recording_has_its_name_its_player_and_its_answer(
    page: Any, tmp_path: Path
) -> None:
    await agree(page)
    await page.set_input_files("#a-upload", sound(tmp_path))
    await page.wait_for_selector(".a-you .a-recording:has-text('Sunday walk.wav')")
    await page.wait_for_selector(".a-attune .a-words")
    duration = "document.querySelector('.a-you audio').duration"
    await page.wait_for_function(f"{duration} > 1")
    assert await page.evaluate(duration) == pytest.approx(1.2, abs=0.1)
    await say(page, "And now in words.")
    await page.wait_for_selector(".a-turn:nth-child(2) .a-attune .a-words")
    assert await page.locator(".a-recording").count() == 1


async def test_numbers_can_be_called_by_a_touch(page: Any) -> None:
    text = (
        "In danger call 112 or 911. Day and night: <b>Samaritans</b> on 116 123, from 8 to 22 "
        "o'clock 01 809 2166, or findahelpline.com. When it is over, say: I am safe."
    )
    notice = {"text": text, "urgency": "help"}
    await page.evaluate(CHANGE, {"turns": {"0": TURN}, "notices": [notice]})
    assert await page.inner_text("#a-help") == text
    links = await page.eval_on_selector_all("#a-help a", "(all) => all.map((a) => a.href)")
    assert links == [
        "tel:112",
        "tel:911",
        "tel:116123",
        "tel:018092166",
        "https://findahelpline.com/",
    ]
    # It stands beside the talk, not over it.
    for width in (390, 900, 1300):
        await page.set_viewport_size({"width": width, "height": 800})
        covered = await page.evaluate(
            """() => {
              const [help, said] = ['#a-help', '#a-scroll'].map((name) =>
                document.querySelector(name).getBoundingClientRect());
              return help.left < said.right && said.left < help.right
                && help.top < said.bottom - 1 && said.top + 1 < help.bottom;
            }"""
        )
        assert not covered


async def test_an_emotion_is_shown_where_there_is_one(page: Any) -> None:
    heard: dict[str, Any] = {
        "label": "neutral",
        "confidence": 0.99,
        "abstained": False,
        "probabilities": {},
    }
    turns = {
        "0": TURN | {"emotion": heard},
        "1": TURN | {"turn": 1, "emotion": heard | {"label": "sad", "confidence": 0.8}},
        "2": TURN | {"turn": 2, "emotion": heard | {"label": "angry", "abstained": True}},
        "3": TURN | {"turn": 3, "words": ""},
    }
    await page.evaluate(CHANGE, {"turns": turns})
    shown = await page.locator(".a-emotion summary").all_inner_texts()
    assert [text.strip() for text in shown] == ["", "sad", "perhaps angry"]
    assert "99" not in await page.inner_text("#a-log")
    # All of them can be mended, and say what that does.
    await page.click(".a-turn:nth-child(1) summary")
    assert "next answer" in await page.inner_text(".a-turn:nth-child(1) .a-choices")
    # Words as people write them; none where none were understood.
    assert await page.inner_text(".a-turn:nth-child(1) .a-you .a-words") == "I am here."
    assert await page.inner_text(".a-turn:nth-child(4) .a-you .a-words") == "Not understood"


async def test_the_course_stays_in_sight(page: Any) -> None:
    point = {"emotion": "sad", "confidence": 0.8, "certain": True, "corrected": False}
    turns = {str(i): TURN | {"turn": i, "start_s": 20.0 * i} for i in range(30)}
    course = [point | {"turn": i, "corrected": i == 3} for i in range(30)]
    await page.evaluate(CHANGE, {"turns": turns, "course": course})
    for width in (390, 900, 1300):
        await page.set_viewport_size({"width": width, "height": 800})
        await page.evaluate("document.querySelector('#a-scroll').scrollTop = 99999")
        bottom = await page.evaluate(
            "document.querySelector('#a-course').getBoundingClientRect().bottom"
        )
        assert 0 < bottom <= 800
    assert await page.locator(".a-area .a-swatch").count() == 30
    assert await page.locator(".a-area .a-own").count() == 1
    times = await page.locator(".a-times span").all_inner_texts()
    assert times[0] == "0:00"
    assert "5:00" in times


async def test_a_long_thought_shows_that_it_is_alive(page: Any) -> None:
    await say(page, "Hello.")
    await page.wait_for_selector(".a-attune .a-words")
    await page.wait_for_function("window.attune.screen.view.floor === 'listening'")
    await page.evaluate(CHANGE, {"floor": "thinking", "turns": {"1": TURN | {"turn": 1}}})
    assert await page.is_visible("#a-live .a-dots")
    await page.wait_for_selector("#a-status:has-text('Still thinking')")
    assert "Still thinking" in await page.inner_text("#a-live")
    await page.evaluate(
        CHANGE, {"floor": "Attune speaks", "turns": {"1": TURN | {"turn": 1, "reply": "Yes."}}}
    )
    assert await page.locator("#a-live *").count() == 0


async def test_captions_are_added_to_and_give_way_to_the_words(page: Any) -> None:
    await begin(page)
    await page.evaluate(
        """() => {
          const page = window.attune, item_id = 'item_1';
          const kind = 'conversation.item.input_audio_transcription';
          window.caption = () => document.querySelector('#a-live').innerText.trim();
          page.event({ type: 'attune.view', change: { floor: 'you speak' } });
          page.event({ type: `${kind}.delta`, item_id, delta: 'i lost' });
          window.first = window.caption();
          page.event({ type: `${kind}.delta`, item_id, delta: ' my keys' });
          window.second = window.caption();
          page.event({ type: `${kind}.completed`, item_id, transcript: 'i lost my keys' });
          window.third = window.caption();
        }"""
    )
    assert await page.evaluate("[window.first, window.second, window.third]") == [
        "I lost.",
        "I lost my keys.",
        "",
    ]


async def test_the_orb_says_by_its_form_what_goes_on(page: Any) -> None:
    pictures = await page.evaluate(
        """async () => {
          const module = new URL('attune/static/screen/orb.js', document.baseURI);
          const { FORMS, Orb } = await import(module);
          const canvas = document.createElement('canvas');
          canvas.width = canvas.height = 120;
          const orb = new Orb(canvas, () => ({ person: 0.1, assistant: 0.1 }));
          orb.step = () => {};
          return Object.keys(FORMS).map((state) => {
            orb.state = state;
            orb.still();
            return canvas.toDataURL();
          });
        }"""
    )
    assert len(pictures) == 8
    assert len(set(pictures)) == 8
    await begin(page)
    assert await page.evaluate("window.attune.orb.state") in ("listening", "hearing")
    await page.click("#a-mute")
    await page.wait_for_function("window.attune.orb.state === 'muted'")
    assert await page.get_attribute("#a-mute", "aria-pressed") == "true"
    assert await page.inner_text("#a-mute") == "Unmute"


async def test_one_orb_moves_smoothly_to_its_place_in_the_talk(page: Any) -> None:
    moves = await page.evaluate(
        """(change) => {
          const stage = document.querySelector('#a-stage');
          const before = stage.getBoundingClientRect();
          window.attune.event({ type: 'attune.view', change });
          const after = stage.getBoundingClientRect();
          return { orbs: document.querySelectorAll('canvas').length,
                   moving: stage.getAnimations().length,
                   jump: Math.hypot(before.x - after.x, before.y - after.y) };
        }""",
        {"turns": {"0": TURN}},
    )
    assert moves["orbs"] == 1
    assert moves["moving"] == 1
    assert moves["jump"] < 2
    await page.wait_for_function("!document.querySelector('#a-stage').getAnimations().length")
    assert await page.evaluate("document.querySelector('#a-stage').offsetWidth") < 200


async def test_a_phone_hears_of_no_keys_and_stays_awake(address: str, question: Path) -> None:
    playwright = pytest.importorskip("playwright.async_api")
    flags = [*FLAGS, f"--use-file-for-fake-audio-capture={question}"]
    async with playwright.async_playwright() as browsers:
        browser = await browsers.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=flags
        )
        device = browsers.devices["Pixel 5"] | {"bypass_csp": True}
        page = await (await browser.new_context(**device)).new_page()
        await page.goto(address)
        await page.evaluate(
            """() => {
              window.locks = [];
              const request = (kind) => { window.locks.push(kind); return { release() {} }; };
              Object.defineProperty(navigator, 'wakeLock', { value: { request } });
            }"""
        )
        assert await page.inner_text("#a-status") == "Press Talk."
        await begin(page)
        assert await page.evaluate("window.locks") == ["screen"]
        await page.wait_for_selector(".a-attune .a-words")
        shown = await page.inner_text("#attune")
        assert "space bar" not in shown
        assert "Esc" not in shown
        await browser.close()


async def test_the_page_runs_under_its_own_policy(address: str) -> None:
    playwright = pytest.importorskip("playwright.async_api")
    async with playwright.async_playwright() as browsers:
        browser = await browsers.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        await page.goto(address)
        await page.wait_for_selector("#attune[data-state=ready]")
        await say(page, "Hello.")
        await page.wait_for_selector(".a-attune .a-words", timeout=90_000)
        assert [text for text in said if "policy" in text.lower()] == []
        await browser.close()


async def test_without_its_server_the_page_says_what_is_missing(question: Path) -> None:
    with ExitStack() as running:
        address = running.enter_context(page_server(reply="I see."))
        async with browsing(address, question) as page:
            await say(page, "I lost my keys.")
            await page.wait_for_selector(".a-attune .a-words")
            await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
            await asyncio.to_thread(running.close)
            await page.reload(wait_until="commit")
            await page.wait_for_selector("h1:has-text('Attune is not running')")
            await page.wait_for_selector(".a-past:has-text('I lost my keys.')")
            assert await page.is_visible(".a-past button:has-text('text')")
