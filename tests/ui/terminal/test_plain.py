"""Plain lines: all that matters, in words, and nothing that a terminal would act on."""

import errno
from functools import reduce as fold
from pathlib import Path

import pytest

from assistant import events
from assistant.conversation.live.loop import TalkLoop
from assistant.engines.protocols import EmotionEstimate, Transcript
from assistant.errors import OutputError
from models.emotions import Emotion
from tests.fakes import ScriptedModel, certain, scripted, speech_like
from tests.talking import talk
from ui.saved_talk import saved_talk
from ui.terminal.plain import plain_lines
from ui.terminal.save import save
from ui.view import View, reduce

STARTED = events.ConversationStarted(0.0, "mini", "flite", "empathetic", "2026-01-01T00:00:00Z")
LONG = " ".join(f"word{index}" for index in range(60)) + "."


def told(*happened: events.Event) -> list[str]:
    view, lines = View(), list[str]()
    for event in happened:
        view = reduce(view, event)
        lines += plain_lines(view, event)
    return lines


def test_a_talk_reads_like_a_talk() -> None:
    def keys(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.Interrupted):
            loop.correct_emotion(event.turn, Emotion.ANGRY)

    wave = speech_like((0.5, 1.5), (3.2, 4.4), length_s=8.0)
    engines = scripted(ScriptedModel([LONG, "Yes."], [certain(Emotion.SAD)]))
    result = talk(wave, engines=engines, on_event=keys)
    lines = told(STARTED, *result.happened)
    assert lines[0] == "Ready. Model mini, voice flite, reply policy empathetic."
    assert lines[1] == "You (sad, 92 percent): utterance 0"
    assert lines[2].startswith(
        "Attune (more slowly, lower, more softly, with longer pauses; after "
    )
    assert "interrupted: word0 word1" in lines[2]
    assert "word59" not in lines[2], "only what was heard"
    assert lines[3].startswith("You (sad, ")
    assert lines[3].endswith("percent): utterance 1")
    assert lines[4].endswith(": Yes.")
    assert lines[5].startswith("The talk is over: 2 turns in 0:0")
    assert lines[6] == "Your voice sounded: angry, sad."


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (events.Muted(1.0, True), "Microphone off."),
        (events.DeviceChanged(1.0, "the microphone is gone", True), "The microphone is gone."),
        (events.TurnFailed(2.0, 0, "no memory"), "This turn failed: No memory."),
        (events.HelpOffered(2.0, 0, "x", "Call\n112."), "Help: Call 112."),
        (events.Interrupted(2.0, 0, "", "Hm", 0.1), "Attune was interrupted before it spoke."),
    ],
)
def test_what_else_happens_is_said(event: events.Event, line: str) -> None:
    ended = events.UtteranceEnded(1.5, 0, 0.5, 1.4, 1.3, "silence")
    assert told(STARTED, ended, event)[-1] == line


def test_lost_sound_is_said_without_a_flood_of_lines() -> None:
    lost = [events.FramesDropped(float(total), 1, total) for total in range(1, 200)]
    lines = told(STARTED, *lost)[1:]
    assert lines[0].startswith("This computer is too busy to hear all that you say: ")
    assert len(lines) == 8


def test_doubt_is_said_and_nothing_reaches_the_terminal_as_a_command() -> None:
    unsure = EmotionEstimate((0.3, 0.1, 0.31, 0.2, 0.09), abstained=True)
    lines = told(
        STARTED,
        events.UtteranceEnded(1.5, 0, 0.5, 1.4, 1.3, "silence"),
        events.EmotionHeard(1.5, 0, unsure),
        events.WordsHeard(1.6, 0, Transcript("red \x1b[31malert\x07\nnow\u202e", 0.4)),
    )
    assert lines[-1] == "You (unsure, perhaps angry, 31 percent): red [31malert now"


def test_a_saved_talk_holds_what_was_said_and_heard(tmp_path: Path) -> None:
    result = talk(
        speech_like((0.5, 1.5), length_s=5.0),
        engines=scripted(ScriptedModel(["I am with you."], [certain(Emotion.SAD)])),
    )
    view = fold(reduce, [STARTED, *result.happened], View())
    text = save(view, tmp_path / "talks").read_text(encoding="utf-8")
    assert text == saved_talk(view, "md")
    assert save(view, tmp_path / "talks") != save(view, tmp_path / "talks"), "none is written over"
    assert "sad, 92 percent): utterance 0" in text
    assert "I am with you." in text


def test_half_an_emoji_does_not_cost_the_talk(tmp_path: Path) -> None:
    result = talk(
        speech_like((0.5, 1.5), length_s=5.0),
        engines=scripted(ScriptedModel(["I am with you \ud83d."], [certain(Emotion.SAD)])),
    )
    view = fold(reduce, [STARTED, *result.happened], View())
    assert "I am with you ?." in save(view, tmp_path).read_text(encoding="utf-8")


def test_what_a_full_disk_left_does_not_pass_for_a_talk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_some(path: Path, _data: bytes) -> int:
        with path.open("wb") as file:
            file.write(b"# A talk")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_some)
    with pytest.raises(OutputError, match="No space left"):
        save(View(), tmp_path)
    assert list(tmp_path.iterdir()) == []
