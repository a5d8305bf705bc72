"""The picture fits its screen, says everything in words too, and obeys NO_COLOR."""

import io
import re
from dataclasses import replace
from functools import reduce as fold

import pytest
from rich.console import Console

from assistant import events
from assistant.engines.protocols import EmotionEstimate, SpeakingStyle, Transcript
from models.emotions import Emotion
from tests.fakes import certain
from ui.terminal.keys import BINDINGS
from ui.terminal.picture import ASCII, Panel, picture
from ui.view import TalkState, View, reduce

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
STARTED = events.ConversationStarted(0.0, "mini", "flite", "empathetic", "2026-01-01T00:00:00Z")


def screen(width: int = 80, height: int = 24, *, no_color: bool = False) -> Console:
    return Console(
        file=io.StringIO(),
        width=width,
        height=height,
        force_terminal=True,
        color_system="256",
        no_color=no_color,
        legacy_windows=False,
    )


def turn(index: int, emotion: EmotionEstimate, words: str, reply: str) -> list[events.Event]:
    at_s = 5.0 * index + 3.0
    style = SpeakingStyle(emotion.emotion, 0.8, rate=0.9, pitch=-1.0, energy=-2.0)
    return [
        events.UtteranceEnded(at_s, index, at_s - 2.0, at_s - 0.2, at_s - 0.3, "silence"),
        events.EmotionHeard(at_s, index, emotion),
        events.WordsHeard(at_s, index, Transcript(words, 0.9)),
        events.StyleChosen(at_s, index, style),
        events.ReplyText(at_s, index, reply),
        events.TurnTimed(at_s, index, {"played": 540.0}),
        events.ReplyStarted(at_s, index),
    ]


def busy_view() -> View:
    happened = [
        STARTED,
        events.LevelMeasured(0.1, -20.0, -70.0, 0.9),
        *turn(0, certain(Emotion.SAD, 0.81), "I failed my exam.", "I am so sorry to hear that."),
        events.ReplyFinished(6.0, 0, "I am so sorry to hear that.", "I am so sorry to hear that."),
        events.EmotionCorrected(6.5, 0, Emotion.ANGRY),
        *turn(1, certain(Emotion.HAPPY), "My sister won!", "How wonderful " * 20),
    ]
    return fold(reduce, happened, View())


def text_of(view: View, panel: Panel | None = None, console: Console | None = None) -> str:
    return COLOUR.sub("", "\n".join(picture(view, panel or Panel(), console or screen())))


def test_everything_that_matters_is_on_one_screen() -> None:
    text = text_of(busy_view())
    for expected in (
        TalkState.ASSISTANT,
        "I failed my exam.",
        "angry by your word",
        "heard as sad 81 %",
        "My sister won!",
        "happy █████████░ 92 %",
        "How wonderful",
        "spoken more slowly, lower, more softly",
        "answered after 0.54 s",
        "A h",
        "m mute",
        "q quit",
        "0:08",
    ):
        assert expected in text, expected


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (40, 12), (20, 8), (80, 3)])
@pytest.mark.parametrize("panel", [Panel(), Panel(is_help_open=True), Panel(typed="x" * 300)])
def test_the_picture_is_never_larger_than_the_screen(size: tuple[int, int], panel: Panel) -> None:
    console = screen(*size)
    for view in (View(), busy_view()):
        lines = picture(view, panel, console)
        assert len(lines) == size[1]
        for line in lines:
            assert len(COLOUR.sub("", line)) <= size[0], line


def test_the_latest_words_stay_in_sight_in_a_long_talk() -> None:
    happened: list[events.Event] = [STARTED]
    for index in range(40):
        happened += turn(index, certain(Emotion.NEUTRAL), f"question {index}", f"answer {index}")
    text = text_of(fold(reduce, happened, View()))
    assert "question 39" in text
    assert "answer 39" in text
    assert "question 20" not in text


def test_no_color_leaves_no_colours() -> None:
    coloured = "".join(picture(busy_view(), Panel(), screen()))
    plain = "".join(picture(busy_view(), Panel(), screen(no_color=True)))
    assert re.search(r"\x1b\[[0-9;]*3[0-9]", coloured)
    for codes in re.findall(r"\x1b\[([0-9;]*)m", plain):
        assert set(codes.split(";")) <= {"", "0", "1", "2"}, codes


def test_signs_beyond_ascii_can_be_avoided() -> None:
    assert text_of(busy_view(), Panel(glyphs=ASCII)).isascii()


def test_each_state_is_named() -> None:
    view = reduce(View(), STARTED)
    assert "Just speak." in text_of(view)
    assert "You are talking with a machine." in text_of(view)
    assert TalkState.LISTENING in text_of(view)
    speaking = reduce(view, events.SpeechStarted(1.0, 0.9, False))
    assert TalkState.PERSON in text_of(speaking)
    thinking = reduce(speaking, events.UtteranceEnded(2.0, 0, 0.9, 1.9, 1.8, "silence"))
    assert TalkState.THINKING in text_of(thinking)
    muted = reduce(view, events.Muted(1.0, True))
    assert TalkState.MUTED in text_of(muted)
    push = Panel(is_push_to_talk=True)
    assert "press space to talk" in text_of(view, push)
    assert "space sends" in text_of(view, replace(push, is_pressed=True))
    ducked = reduce(busy_view(), events.Ducked(9.0, -18.0))
    assert "lowered" in text_of(ducked)


def test_a_lost_device_is_named_instead_of_a_speaker_until_it_is_back() -> None:
    answering: list[events.Event] = [
        events.UtteranceEnded(2.0, 0, 0.9, 1.9, 1.8, "silence"),
        events.ReplyStarted(2.5, 0),
        events.LevelMeasured(2.6, -60.0, -6.0, 0.0),
    ]
    view = fold(reduce, answering, reduce(View(), STARTED))
    assert TalkState.ASSISTANT in text_of(view)
    view = reduce(view, events.DeviceChanged(3.0, "the sound device was lost (card)", True))
    head = text_of(view).split("\n")[:3]
    assert "sound device gone, reconnecting" in head[0]
    assert TalkState.ASSISTANT not in text_of(view)
    assert "\N{FULL BLOCK}" not in "".join(head[1:]), "nothing is heard or played"
    assert "the sound device was lost (card)" in text_of(view)
    view = reduce(view, events.DeviceChanged(3.0, "the sound device is back (card)", False))
    assert TalkState.ASSISTANT in text_of(view), "the answer goes on"
    assert TalkState.AWAY not in text_of(view)


def test_help_lists_the_keys_and_typing_shows_what_is_written() -> None:
    text = text_of(busy_view(), Panel(is_help_open=True))
    assert "silence Attune" in text
    assert "5 surprise" in " ".join(text.split())
    assert "I am fine" in text_of(busy_view(), Panel(typed="I am fine"))


def test_offered_help_is_shown_in_full() -> None:
    offered = events.HelpOffered(9.0, 1, "x", "You are not alone: call 112. " * 6)
    text = " ".join(text_of(reduce(busy_view(), offered)).split())
    assert text.count("You are not alone") == 6


def test_who_looks_back_sees_earlier_turns_and_how_to_return() -> None:
    happened: list[events.Event] = [STARTED]
    for index in range(40):
        happened += turn(index, certain(Emotion.NEUTRAL), f"question {index}", f"answer {index}")
    text = text_of(fold(reduce, happened, View()), Panel(shown_turns=3))
    assert "question 2" in text and "question 39" not in text
    assert "37 later turns" in text


def test_notes_fade_and_help_stays() -> None:
    happened: list[events.Event] = [
        STARTED,
        events.HelpOffered(1.0, 0, "suicide", "Call 988."),
        events.Noticed(1.0, "a note", is_warning=False),
        events.Noticed(1.0, "a warning", is_warning=True),
    ]

    def at(clock_s: float) -> str:
        level = events.LevelMeasured(clock_s, -50.0, -70.0, 0.0)
        return text_of(fold(reduce, [*happened, level], View()))

    assert all(text in at(5.0) for text in ("a note", "a warning", "Call 988."))
    assert "a note" not in at(20.0) and "a warning" in at(20.0)
    assert "a warning" not in at(100.0) and "Call 988." in at(1_000.0)


@pytest.mark.parametrize("size", [(40, 24), (80, 24), (60, 20)])
def test_the_whole_help_fits(size: tuple[int, int]) -> None:
    text = " ".join(text_of(View(), Panel(is_help_open=True), screen(*size)).split())
    for binding in BINDINGS.values():
        assert binding.keys in text
    assert "end, and save it" in text
    assert "stays on this computer." in text


@pytest.mark.parametrize("width", [40, 60, 100])
def test_who_has_the_floor_and_how_to_leave_stand_in_every_width(width: int) -> None:
    settings = {"model": "/a/long/way/to/a/checkpoint", "voice": "piper", "policy": "empathetic"}
    view = replace(busy_view(), settings=settings)
    lines = text_of(view, Panel(is_recording=True), screen(width)).splitlines()
    assert f"● {TalkState.ASSISTANT}" in lines[0] and "/a/long" not in lines[0]
    assert lines[0].rstrip().endswith("0:08")
    assert "? help" in lines[-1] and "q quit" in lines[-1]


def test_what_is_said_again_stands_once() -> None:
    again = [events.Noticed(1.0, "the microphone gives only silence", is_warning=True)] * 2
    text = text_of(fold(reduce, [STARTED, *again], View()))
    assert text.count("the microphone gives only silence") == 1


def test_an_emotion_stands_under_a_turn_where_it_is_one() -> None:
    unsure = EmotionEstimate((0.3, 0.1, 0.31, 0.2, 0.09), abstained=True)
    happened = [
        STARTED,
        *turn(0, certain(Emotion.NEUTRAL), "It is Monday.", "So it is."),
        *turn(1, unsure, "Oh well.", "Yes?"),
    ]
    told, course = text_of(fold(reduce, happened, View())).split("\n emotion")
    assert "neutral" not in told
    assert "unsure, perhaps angry" in told
    assert "n ?" in course
    happened.append(events.EmotionCorrected(20.0, 1, Emotion.NEUTRAL))
    assert "neutral by your word" in text_of(fold(reduce, happened, View()))


def test_that_sound_is_lost_is_said_while_it_is() -> None:
    lost = [STARTED, events.FramesDropped(1.0, 3, 3), events.FramesDropped(2.0, 4, 7)]
    view = fold(reduce, lost, View())
    assert text_of(view).count("too busy to hear all that you say") == 1
    later = reduce(view, events.LevelMeasured(90.0, -60.0, -60.0, 0.0))
    assert "too busy" not in text_of(later)
