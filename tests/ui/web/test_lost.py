"""Nothing that the person said or wrote is lost: broken sound, slow lines, servers that go."""

import asyncio
import json
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, asynccontextmanager
from functools import reduce as fold
from pathlib import Path
from typing import Any

import pytest
import soundfile

from assistant import events
from assistant.engines.protocols import EmotionEstimate, SpeakingStyle, Transcript
from benchmarks.cases.slow_line import SlowLine, slow_line
from models.emotions import Emotion
from tests.fakes import certain, speech_like
from tests.ui.browsing import begin, browsing, needs_chromium, page_server, say
from ui.saved_talk import saved_talk
from ui.view import View, reduce
from ui.view_json import view_json

pytestmark = needs_chromium
LONG = "I am listening to you, and I am in no hurry at all. " * 12
STUBBORN = """() => {
  const { context } = window.attune.audio;
  window.wakeUp = context.resume.bind(context);
  context.resume = () => Promise.reject(new DOMException('a call', 'InvalidStateError'));
  return context.suspend();
}"""
"""Suspends the sound as a call does: it cannot be woken."""
WILLING = "() => { delete window.attune.audio.context.resume; }"
RUNS = "window.attune.audio.context.state === 'running'"


@pytest.fixture(scope="module")
def question(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("microphone") / "question.wav"
    soundfile.write(path, speech_like((0.5, 2.0), length_s=30.0, rate=48_000), 48_000)
    return path


@pytest.fixture(scope="module")
def address() -> Generator[str]:
    with page_server(reply=LONG) as found:
        yield found


@pytest.fixture
async def page(address: str, question: Path) -> AsyncGenerator[Any]:
    async with browsing(address, question) as opened:
        yield opened


def port_of(address: str) -> int:
    return int(address.rstrip("/").rpartition(":")[2])


@asynccontextmanager
async def behind(address: str, delay_s: float) -> AsyncGenerator[tuple[str, SlowLine]]:
    async with slow_line(port_of(address), delay_s) as (port, line):
        yield f"http://127.0.0.1:{port}/", line


async def status(page: Any, text: str) -> None:
    await page.wait_for_selector(f"#a-status:has-text('{text}')")


async def saved(page: Any, kind: str) -> str:
    async with page.expect_download() as waiting:
        await page.click(f"[data-save={kind}]")
    return Path(await (await waiting.value).path()).read_text(encoding="utf-8")


async def test_sound_that_is_suspended_wakes_by_itself(page: Any) -> None:
    await begin(page)
    await page.evaluate("window.attune.audio.context.suspend()")
    await page.wait_for_function(RUNS)
    assert "interrupted" not in await page.inner_text("#a-status")


@pytest.mark.parametrize("floor", ["listening", "Attune speaks"])
async def test_a_break_is_said_until_the_sound_is_woken(page: Any, floor: str) -> None:
    await begin(page)
    await page.wait_for_function(f"window.attune.screen.view.floor === '{floor}'")
    await page.evaluate(STUBBORN)
    await status(page, "interrupted")
    assert await page.is_visible("#a-wake")
    await page.click("#a-wake")
    await status(page, "interrupted")
    # At once: a sound that may run again wakes by itself, and the button goes.
    await page.evaluate(f"({WILLING})(); document.querySelector('#a-wake').click()")
    await page.wait_for_function(RUNS)
    await page.wait_for_selector("#a-wake", state="hidden")
    assert "interrupted" not in await page.inner_text("#a-status")


async def test_a_page_that_is_seen_again_and_the_mute_button_wake_the_sound(page: Any) -> None:
    await begin(page)
    await page.evaluate(STUBBORN)
    await status(page, "interrupted")
    await page.evaluate(WILLING)
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await page.wait_for_function(RUNS)

    await page.evaluate(STUBBORN)
    await status(page, "interrupted")
    await page.evaluate(WILLING)
    await page.click("#a-mute")
    await page.click("#a-mute")
    await page.wait_for_function(RUNS)
    assert await page.inner_text("#a-mute") == "Mute"


async def test_a_microphone_that_falls_silent_is_said_and_opened_again(page: Any) -> None:
    await begin(page)
    await page.evaluate(
        """() => {
          const [track] = window.attune.audio.stream.getAudioTracks();
          Object.defineProperty(track, 'muted', { value: true });
          track.dispatchEvent(new Event('mute'));
        }"""
    )
    await status(page, "interrupted")
    await page.click("#a-wake")
    await page.wait_for_selector("#a-wake", state="hidden")
    assert await page.evaluate("!window.attune.audio.isAsleep && window.attune.audio.isListening")


LOSE = """() => {
  const [track] = window.attune.audio.stream.getAudioTracks();
  track.stop();
  track.dispatchEvent(new Event('ended'));
}"""
NO_MICROPHONE = """() => {
  const { mediaDevices } = navigator;
  window.realMedia = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = () => Promise.reject(new DOMException('none', 'NotFoundError'));
}"""


async def test_a_microphone_that_is_unplugged(page: Any) -> None:
    await begin(page)
    await page.evaluate(LOSE)
    await page.wait_for_selector("#a-problem:has-text('another one hears you')")
    assert await page.evaluate("window.attune.isLive && window.attune.audio.isListening")

    await page.evaluate(NO_MICROPHONE)
    await page.evaluate(LOSE)
    await page.wait_for_selector("#a-problem:has-text('The microphone was lost. No microphone')")
    assert await page.inner_text("#a-talk-label") == "Talk"
    await page.evaluate("() => { navigator.mediaDevices.getUserMedia = window.realMedia; }")
    await page.evaluate("navigator.mediaDevices.dispatchEvent(new Event('devicechange'))")
    await page.wait_for_selector("#a-problem:has-text('The microphone is back')")
    assert await page.inner_text("#a-mute") == "Mute"


async def test_what_is_said_while_the_page_connects_is_heard(address: str, question: Path) -> None:
    async with behind(address, 0.5) as (slow, _line), browsing(slow, question) as page:
        await page.evaluate(
            """() => {
              const page = window.attune, take = page.audio.onFrame, send = page.socket.send;
              window.counts = { early: 0, taken: 0, sent: 0 };
              page.audio.onFrame = (frame) => {
                window.counts.early += !page.hasSession;
                window.counts.taken += 1;
                take(frame);
              };
              page.socket.send = function (event) {
                window.counts.sent += event.type === 'input_audio_buffer.append';
                return send.call(this, event);
              };
            }"""
        )
        await page.click("#a-talk")
        await page.click("#a-consent button[value=yes]")
        await status(page, "Connecting")
        await page.wait_for_selector(".a-attune .a-words")
        counts = await page.evaluate("window.counts")
        assert counts["early"] > 10
        assert counts["sent"] == counts["taken"]


async def test_only_the_last_ten_seconds_wait_for_a_session(page: Any) -> None:
    kept = await page.evaluate(
        """async () => {
          const module = new URL('attune/static/talk/outbox.js', document.baseURI);
          const { Outbox } = await import(module);
          const sent = [];
          const outbox = new Outbox((event) => sent.push(event));
          outbox.put({ type: 'input_audio_buffer.clear' });
          for (let i = 0; i < 400; i += 1) outbox.put({ type: 'input_audio_buffer.append', i });
          outbox.put({ type: 'input_audio_buffer.commit' });
          const lost_s = outbox.open();
          outbox.put({ type: 'response.create' });
          return { sent, lost_s };
        }"""
    )
    kinds = [event["type"].split(".")[-1] for event in kept["sent"]]
    assert [kinds[0], *kinds[-2:]] == ["clear", "commit", "create"]
    frames = [event["i"] for event in kept["sent"] if "i" in event]
    assert frames == list(range(400 - len(frames), 400))
    assert len(frames) * 0.032 == pytest.approx(10.0, abs=0.04)
    assert kept["lost_s"] == pytest.approx((400 - len(frames)) * 0.032)


async def test_a_text_stays_in_the_box_until_the_server_has_it(
    address: str, question: Path
) -> None:
    async with behind(address, 0.3) as (slow, line), browsing(slow, question) as page:
        await say(page, "I am <b>here</b>.")
        assert await page.input_value("#a-text") == "I am <b>here</b>."
        await page.press("#a-text", "Enter")
        await page.wait_for_selector(".a-attune .a-words")
        assert await page.input_value("#a-text") == ""
        assert await page.locator(".a-you").count() == 1, "sent once, shown once"

        line.cut()
        await say(page, "Are you there?")
        await status(page, "Trying again")
        assert await page.input_value("#a-text") == "Are you there?"
        line.is_cut = False
        await page.wait_for_selector(".a-you:has-text('Are you there?')")
        assert await page.input_value("#a-text") == ""


async def test_a_text_that_is_refused_comes_back(page: Any) -> None:
    await say(page, "Hello.")
    await page.wait_for_selector(".a-attune .a-words")
    await say(page, "long " * 900)
    await page.wait_for_selector("#a-problem:has-text('about 300 words fit')")
    assert "about 900" in await page.inner_text("#a-problem")
    assert await page.input_value("#a-text") == "long " * 900

    # The server's own limit, should the page's be another one some day.
    await page.evaluate(
        """() => {
          const page = window.attune, text = 'long '.repeat(900);
          page.typed.box.value = '';
          page.question({ type: 'input_text', text }, page.typed.send(text));
        }"""
    )
    await page.wait_for_selector("#a-problem:has-text('characters')")
    assert await page.input_value("#a-text") == "long " * 900
    assert await page.locator(".a-turn").count() == 1


async def test_a_text_whose_item_is_deleted_comes_back(page: Any) -> None:
    await say(page, "Hello.")
    await page.wait_for_selector(".a-attune .a-words")
    await page.evaluate(
        """() => {
          const { typed } = window.attune;
          const id = typed.send('Never answered');
          typed.take(id);
          const turns = window.attune.screen.view.turns;
          typed.match({ ...turns, 9: { ...turns[0], words: 'Never answered', heard: '' } });
          if (typed.box.value || document.querySelector('.a-pending')) throw new Error('twice');
          typed.match(turns);
          window.attune.event({ type: 'conversation.item.deleted', item_id: id });
        }"""
    )
    assert await page.input_value("#a-text") == "Never answered"
    assert await page.locator(".a-pending").count() == 0


async def test_a_talk_can_be_saved_after_its_end(page: Any) -> None:
    await say(page, "I lost my keys.")
    await page.wait_for_selector(".a-attune .a-words")
    during = await saved(page, "md")
    await page.click("#a-end")
    await status(page, "has ended")
    after = await saved(page, "md")
    assert "I lost my keys." in during
    assert "I lost my keys." in after
    assert json.loads(await saved(page, "json"))["turns"]["0"]["words"] == "I lost my keys."
    assert "I lost my keys." in await saved(page, "vtt")

    # A new talk does not write over it, nor does a page that is loaded anew.
    await say(page, "I found them.")
    await page.wait_for_selector("#a-log .a-you:has-text('I found them.')")
    assert await page.is_visible(".a-past:has-text('I lost my keys.')")
    assert "I lost my keys." not in await saved(page, "md")
    async with page.expect_download() as waiting:
        await page.click(".a-past button:has-text('text')")
    past = Path(await (await waiting.value).path()).read_text(encoding="utf-8")
    assert "I lost my keys." in past
    await page.reload(wait_until="commit")
    await page.wait_for_selector("#a-log .a-you:has-text('I found them.')")
    assert await page.is_visible(".a-past:has-text('I lost my keys.')")


async def test_a_server_that_was_restarted_takes_no_word_with_it(question: Path) -> None:
    with ExitStack() as first, ExitStack() as second:
        address = first.enter_context(page_server(reply="I see."))
        port = port_of(address)
        async with browsing(address, question) as page:
            await begin(page)
            await page.wait_for_selector(".a-turn:nth-child(1) .a-attune .a-words")
            await say(page, "I lost my keys.")
            await page.wait_for_selector(".a-turn:nth-child(2) .a-attune .a-words")
            await asyncio.to_thread(first.close)
            await status(page, "Trying again")
            assert await page.is_visible("#a-log:has-text('I lost my keys.')")
            assert "I lost my keys." in await saved(page, "md")
            await page.fill("#a-text", "Are you there?")

            second.enter_context(page_server(reply="I see.", port=port))
            await status(page, "was restarted")
            assert await page.is_visible("#a-log:has-text('I lost my keys.')")
            assert await page.inner_text("#a-talk-label") == "Talk"
            assert await page.evaluate("!window.attune.audio.isListening")
            assert "I lost my keys." in await saved(page, "md")
            assert await page.input_value("#a-text") == "Are you there?"

            await page.click("#a-talk")
            await page.wait_for_function("window.attune.hasSession")
            assert await page.is_visible(".a-past:has-text('I lost my keys.')")
            assert await page.locator("#a-log .a-turn").count() == 0


async def test_settings_in_force_are_shown_again_after_a_reload(page: Any) -> None:
    await say(page, "Hello.")
    await page.wait_for_selector(".a-attune .a-words")
    await page.click("#a-settings-open")
    await page.fill("#a-patience", "2.2")
    await page.click("label:has-text('Flat')")
    await page.keyboard.press("Escape")
    await page.check("#a-hold")
    await page.wait_for_function("window.attune.screen.view.settings.policy === 'flat'")
    await page.reload(wait_until="commit")
    await page.wait_for_selector("#attune[data-state=ready]")
    await page.click("#a-settings-open")
    await page.wait_for_selector("#a-policy-flat:checked")
    assert await page.input_value("#a-patience") == "2.2"
    assert await page.is_checked("#a-hold")
    in_force = await page.evaluate("window.attune.screen.view.settings")
    assert (in_force["policy"], in_force["patience"]) == ("flat", 2.2)


def rich_view() -> View:
    """A talk with all that a saved one may hold."""
    happened: list[events.Event] = [
        events.ConversationStarted(
            *(0.0, "mini", "flite", "empathetic", "2026-01-01"), in_force={"patience": 1.0}
        ),
        *spoken(0, "I “failed” \u2028my <b>exam</b> & --> ran.", {"voice": "flite", "speed": 1.25}),
        events.EmotionHeard(2.0, 0, certain(Emotion.SAD, 0.8127)),
        events.StyleChosen(2.0, 0, SpeakingStyle(Emotion.SAD, 0.7, 0.88, -1.5, 0.9, -2.0, 1.4)),
        events.ReplyText(2.1, 0, "I am so sorry."),
        events.Interrupted(3.0, 0, "I am", "I am so sorry.", 0.5, 1),
        events.SettingsChanged(3.1, {"voice": "espeak", "patience": 1.7}),
        *spoken(1, "", {"voice": "espeak", "speed": 1.25}),
        events.EmotionHeard(3.0, 1, EmotionEstimate((0.41, 0.19, 0.2, 0.1, 0.1), abstained=True)),
        events.TurnFailed(3.5, 1, "the voice\nbroke"),
        events.UtteranceEnded(3700.0, 2, 3690.2, 3690.2, 3690.2, "typed"),
        events.WordsHeard(3700.0, 2, Transcript("Are you there?", source="typed")),
        events.EmotionCorrected(3700.0, 2, Emotion.HAPPY),
        events.ReplyFinished(3701.0, 2, "Yes.", "Yes."),
    ]
    return fold(reduce, happened, View())


def spoken(turn: int, words: str, settings: dict[str, Any]) -> list[events.Event]:
    end_s = 2.0 + turn
    return [
        events.UtteranceEnded(end_s, turn, end_s - 1.6, end_s - 0.3, 1.6, "silence", settings),
        events.WordsHeard(end_s, turn, Transcript(words, None, "decoder")),
    ]


@pytest.mark.parametrize("view", [View(), rich_view()], ids=["empty", "rich"])
async def test_the_page_saves_what_the_server_would(page: Any, view: View) -> None:
    made = await page.evaluate(
        """async (view) => {
          const module = new URL('attune/static/panels/saved.js', document.baseURI);
          const { savedTalk } = await import(module);
          const kinds = ['md', 'json', 'vtt'];
          return Object.fromEntries(kinds.map((kind) => [kind, savedTalk(view, kind)]));
        }""",
        view_json(view) | {"turns": view_json(view).get("turns", {})},
    )
    assert made["md"] == saved_talk(view, "md")
    assert made["vtt"] == saved_talk(view, "vtt")
    whole = json.loads(saved_talk(view, "json") or "")
    assert json.loads(made["json"]) == {"turns": {}} | whole
