"""What each key does to the conversation and to the picture."""

from dataclasses import replace

from assistant import events
from models.emotions import Emotion
from tests.fakes import certain
from ui.terminal.controls import LONGEST_TYPED, SENT, SPEAK, Controls, Effects
from ui.terminal.keys import PASTED
from ui.terminal.picture import Panel
from ui.view import View, reduce


class NotedTalk:
    """Stands for a conversation and notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def interrupt(self) -> None:
        self.asked.append("interrupt")

    def mute(self, muted: bool) -> None:
        self.asked.append(("mute", muted))

    def press(self, pressed: bool) -> None:
        self.asked.append(("press", pressed))

    def type_text(self, text: str) -> None:
        self.asked.append(("type", text))

    def correct_emotion(self, turn: int, emotion: Emotion) -> None:
        self.asked.append(("correct", turn, emotion))

    def stop(self) -> None:
        self.asked.append("stop")


class Scene:
    def __init__(self, panel: Panel | None = None) -> None:
        self.talk = NotedTalk()
        self.said: list[str] = []
        self.told: list[str] = []
        effects = Effects(
            save=lambda: "saved to talk.md", say=self.said.append, tell=self.told.append
        )
        self.controls = Controls(self.talk, effects, panel or Panel())

    def press(self, *keys: str, view: View | None = None) -> None:
        for key in keys:
            self.controls.press(key, view or View())


def heard_view(turn: int = 3) -> View:
    view = reduce(View(), events.UtteranceEnded(2.0, turn, 0.5, 1.8, 1.7, "silence"))
    return reduce(view, events.EmotionHeard(2.0, turn, certain(Emotion.SAD)))


def test_space_interrupts_an_open_talk() -> None:
    scene = Scene()
    scene.press(" ", "i")
    assert scene.talk.asked == ["interrupt", "interrupt"]


def test_space_begins_and_sends_speech_in_push_to_talk() -> None:
    scene = Scene(Panel(is_push_to_talk=True))
    scene.press(" ")
    assert scene.controls.panel.is_pressed
    scene.press(" ", "i")
    assert scene.talk.asked == [("press", True), ("press", False), "interrupt"]
    assert scene.told == [SPEAK, SENT], "who sees no picture is told"
    assert not scene.controls.panel.is_pressed


def test_mute_turns_the_microphone_off_and_on() -> None:
    scene = Scene()
    scene.press("m")
    scene.press("m", view=replace(View(), is_muted=True))
    asked = [item for item in scene.talk.asked if item != ("press", False)]
    assert asked == [("mute", True), ("mute", False)]


def test_a_digit_corrects_the_last_turn_that_was_heard() -> None:
    scene = Scene()
    scene.press("3", view=heard_view(turn=7))
    assert scene.talk.asked == [("correct", 7, Emotion.ANGRY)]
    assert "angry" in scene.said[0]


def test_nothing_can_be_corrected_before_anything_was_heard() -> None:
    scene = Scene()
    scene.press("3")
    assert scene.talk.asked == []
    assert "nothing was heard yet" in scene.said[0]


def test_typed_words_are_sent_whole_and_keys_are_letters_meanwhile() -> None:
    scene = Scene()
    scene.press("t", *"quiet mx", "\x7f", "\x7f", "é", "\r")
    assert scene.talk.asked == [("type", "quiet é")]
    assert scene.controls.panel.typed is None
    assert scene.told, "a screen without a picture says how to write"


def test_typing_can_be_left_and_empty_words_are_not_sent() -> None:
    scene = Scene()
    scene.press("t", "a", "\x1b", "t", " ", "\r", "t", "b", "\x15")
    assert scene.talk.asked == []
    assert scene.controls.panel.typed == ""


def test_typed_words_without_an_answer_come_back() -> None:
    scene = Scene()
    scene.controls.bring_back("")
    assert scene.controls.panel.typed is None
    scene.controls.bring_back("I am well")
    assert scene.controls.panel.typed == "I am well"
    scene.controls.bring_back("and you?")
    assert scene.controls.panel.typed == "I am well", "what is being written is left alone"
    assert "and you?" in scene.said[-1]
    scene.press("\r")
    assert scene.talk.asked == [("type", "I am well")]


def test_what_is_pasted_is_written_and_neither_sent_nor_obeyed() -> None:
    scene = Scene()
    scene.press(f"{PASTED}quite\nsad", "!", f"{PASTED} q")
    assert scene.talk.asked == []
    assert scene.controls.panel.typed == "quite sad! q"
    scene.press("\r")
    assert scene.talk.asked == [("type", "quite sad! q")]
    scene.press(PASTED + "x" * (LONGEST_TYPED + 1))
    assert scene.controls.panel.typed == "x" * LONGEST_TYPED
    assert str(LONGEST_TYPED) in scene.said[-1]


def test_typed_words_have_an_end() -> None:
    scene = Scene(Panel(typed="x" * LONGEST_TYPED))
    scene.press("y")
    assert scene.controls.panel.typed == "x" * LONGEST_TYPED


def test_help_save_and_quit() -> None:
    scene = Scene()
    scene.press("?")
    assert scene.controls.panel.is_help_open
    assert "silence Attune" in scene.told[0]
    scene.press("\x1b")
    assert not scene.controls.panel.is_help_open
    scene.press("s", "q", "z")
    assert scene.said == ["saved to talk.md"]
    assert scene.talk.asked == ["stop"]


def test_one_can_look_back_and_return() -> None:
    view = View()
    for turn in range(4):
        view = reduce(view, events.UtteranceEnded(2.0, turn, 0.5, 1.8, 1.7, "silence"))
    scene = Scene()
    scene.press("page up", "up", view=view)
    assert scene.controls.panel.shown_turns == 2
    scene.press("page up", "page up", view=view)
    assert scene.controls.panel.shown_turns == 1, "the first turn is the end"
    scene.press("down", "page down", "page down", view=view)
    assert scene.controls.panel.shown_turns is None
    scene.press("up", "\x1b", view=view)
    assert scene.controls.panel.shown_turns is None


def test_keys_that_scroll_write_nothing() -> None:
    scene = Scene()
    scene.press("t", "a", "page up", "b")
    assert scene.controls.panel.typed == "ab"
