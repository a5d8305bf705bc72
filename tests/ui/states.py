"""The states of the page one after the other, as its events make them, for tests and pictures."""

from collections.abc import AsyncGenerator
from typing import Any

NAMES = (
    *("empty", "consent", "connecting", "listening", "hearing", "thinking", "speaking"),
    *("correcting", "interrupted", "paused", "muted", "danger", "settings", "lost", "past"),
)
STYLE = {
    "emotion": "sad", "intensity": 0.7, "rate": 0.9, "pitch": -1.0, "pitch_range": 0.9,
    "energy": -2.0, "pause": 1.3,
}  # fmt: skip
CAPTION = "conversation.item.input_audio_transcription"
UNDER_WAY = "(change) => window.attune.event({ type: 'attune.view', change })"
# From here on the page shows what it is told by a script: its server says nothing more.
CUT_OFF = """() => {
  window.attune.socket.send = () => {};
  window.attune.socket.onEvent = () => {};
}"""
# The talk is kept, and the sound of its first answer is here.
KEPT_AND_HEARD = """() => {
  document.querySelector('#a-keep-words').checked = true;
  window.attune.again.turns.set(0, 'first');
  window.attune.again.sounds.set('first', [new Uint8Array(48000)]);
}"""
SLOW_SERVER = """() => {
  const talk = window.attune.socket;
  window.connectNow = talk.connect.bind(talk);
  talk.connect = () => { talk.isWanted = true; };
}"""
LOST = """() => {
  const { socket } = window.attune;
  socket.connect = () => {};
  socket.socket.onclose = null;
  socket.tries = 3;
  window.attune.state('lost');
}"""


def emotion(label: str, confidence: float, *, abstained: bool = False) -> dict[str, Any]:
    """Returns an estimate as the page is told of it."""
    return {
        "label": label,
        "confidence": confidence,
        "abstained": abstained,
        "probabilities": {},
    }


def turn(index: int, words: str | None, reply: str, **more: Any) -> dict[str, Any]:
    """Returns a turn as the page is told of it."""
    start_s = 14.0 * index + 1.0
    told = {
        "turn": index, "start_s": start_s, "end_s": start_s + 3.0, "words": words, "typed": False,
        "understood": "yes", "emotion": None, "corrected": None, "style": STYLE, "reply": reply,
        "reply_source": "model", "heard": reply, "interrupted": False, "passed_over": False,
        "reply_end_s": start_s + 8.0, "failure": None, "response_s": 0.71, "settings": {},
        "marks_ms": {"endpoint": 400, "heard": 420, "first_token": 560, "played": 710},
    }  # fmt: skip
    return {**told, **more}


TURNS = [
    turn(
        *(0, "hello how are you today", "Hello! I'm well, thank you. How about you?"),
        emotion=emotion("neutral", 0.98),
    ),
    turn(
        *(1, "I failed my driving test.", "Oh, I'm sorry. What went wrong, do you think?"),
        emotion=emotion("sad", 0.83),
        reply_source="written",
    ),
    turn(
        *(2, "I forgot to look over my shoulder, and that was it."),
        "That happens to many people under stress. Was the rest of it fine, or were there other",
        emotion=emotion("angry", 0.45, abstained=True),
        interrupted=True,
        heard="That happens to many people under stress.",
    ),
    turn(3, "the the of a", "I did not understand that. Say it again, please.", understood="no"),
    turn(
        *(4, "But I am laughing about it again!", "That is good to hear. When will you try again?"),
        emotion=emotion("happy", 0.91),
        corrected="surprise",
    ),
    turn(5, "a friend came", "A friend came. How nice!", understood="perhaps"),
    turn(6, "Good night.", "", typed=True, failure="The voice broke; write it again."),
]
TURN_OF = (0, 1, 2, 4)
COURSE = [
    {"turn": index, "emotion": label, "confidence": 0.8, "certain": index != 2, "corrected": mine}
    for index, label, mine in zip(
        TURN_OF,
        ("neutral", "sad", "angry", "surprise"),
        (False, False, False, True),
        strict=True,
    )
]
HELP = (
    "In danger call 112 or 911. Day and night: Samaritans on 116 123, or findahelpline.com. "
    "When it is over, say: I am safe."
)


def talk(count: int, floor: str, **more: Any) -> dict[str, Any]:
    """Returns the view of a talk of so many turns."""
    return {
        "turns": {str(one["turn"]): one for one in TURNS[:count]},
        "course": [point for index, point in enumerate(COURSE) if TURN_OF[index] < count],
        "floor": floor,
        "voice": "piper",
        "policy": "empathetic",
        "model": "mini",
        "notices": [],
        "suggestion": "",
        **more,
    }


async def states(page: Any) -> AsyncGenerator[str]:
    """Yields the name of each state when the page is in it, in the order of `NAMES`."""

    async def told(view: dict[str, Any]) -> None:
        await page.evaluate(UNDER_WAY, view)
        await page.wait_for_timeout(400)

    yield "empty"
    await page.click("#a-talk")
    yield "consent"
    await page.evaluate(SLOW_SERVER)
    await page.click("#a-consent button[value=yes]")
    await page.wait_for_function("window.attune.isLive")
    yield "connecting"
    await page.evaluate("window.connectNow()")
    await page.wait_for_function("window.attune.hasSession")
    await page.evaluate(CUT_OFF)
    await page.evaluate(KEPT_AND_HEARD)
    await told({"floor": "listening"})
    yield "listening"
    await told(talk(2, "you speak"))
    heard = {"item_id": "x", "type": f"{CAPTION}.delta", "delta": "I forgot to look over my"}
    await page.evaluate("(event) => window.attune.event(event)", heard)
    yield "hearing"
    over = {"item_id": "x", "type": f"{CAPTION}.completed"}
    await page.evaluate("(event) => window.attune.event(event)", over)
    asked = turn(2, TURNS[2]["words"], "", emotion=TURNS[2]["emotion"])
    await told({"floor": "thinking", "turns": {"2": asked}})
    await page.wait_for_function("document.querySelector('#a-live').innerText.includes('Still')")
    yield "thinking"
    begun = "That happens to many people under stress. Was the"
    speaking = turn(2, TURNS[2]["words"], begun, emotion=TURNS[2]["emotion"])
    await told(talk(2, "Attune speaks") | {"turns": {"2": speaking}})
    yield "speaking"
    await page.click(".a-turn:nth-child(2) .a-emotion summary")
    await page.check("#a-details")
    yield "correcting"
    await page.click(".a-turn:nth-child(2) .a-emotion summary")
    await page.uncheck("#a-details")
    await told(talk(len(TURNS), "listening"))
    yield "interrupted"
    await told({"floor": "paused", "suggestion": "my name is Anna"})
    yield "paused"
    await told({"floor": "listening", "suggestion": ""})
    await page.click("#a-mute")
    await page.wait_for_timeout(400)
    yield "muted"
    await page.click("#a-mute")
    await told({"notices": [{"text": HELP, "urgency": "help"}]})
    yield "danger"
    await page.click("#a-settings-open")
    await page.wait_for_selector("#a-voices .a-option")
    yield "settings"
    await page.keyboard.press("Escape")
    await told({"notices": []})
    await page.evaluate(LOST)
    yield "lost"
    await page.evaluate("window.attune.end()")
    await page.evaluate("window.attune.keepShown()")
    await page.evaluate("window.attune.show()")
    await page.wait_for_timeout(800)  # the orb is on its way
    yield "past"
