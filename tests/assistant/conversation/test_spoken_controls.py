import pytest

from assistant import events
from assistant.conversation.loop import TalkLoop
from assistant.conversation.spoken_controls import (
    ANSWERS,
    FASTEST,
    SLOWEST,
    SpokenControls,
    control_of,
)
from assistant.engines.protocols import Persona, SpeakingStyle, Transcript
from assistant.turns.controls import Control, phrases
from tests.fakes import ScriptedDialogue, ScriptedModel, speech_like
from tests.talking import Talk, talk


def test_every_phrase_is_understood() -> None:
    asked = phrases()
    assert set(asked.values()) == set(Control)
    for phrase, control in asked.items():
        assert control_of(Transcript(phrase)) is control, phrase
        assert control_of(Transcript(f"{phrase.capitalize()}, please.")) is control, phrase


@pytest.mark.parametrize(
    ("said", "control"),
    [
        ("Stop.", Control.STOP),
        ("Okay, stop it now!", Control.STOP),
        ("Hey Attune, slower please", Control.SLOWER),
        ("I didn’t hear you", Control.REPEAT),
        ("I cannot stop thinking about it", None),
        ("Stop the war", None),
        ("slower than last year", None),
        ("Please", None),
        ("wait for me", None),
        ("", None),
        ("你好", None),
    ],
)
def test_only_whole_utterances_count(said: str, control: Control | None) -> None:
    assert control_of(Transcript(said)) is control


def test_what_is_hardly_understood_is_left_to_the_model() -> None:
    assert control_of(Transcript("stop", 0.3)) is None
    assert control_of(Transcript("stop", 0.5)) is Control.STOP


def test_speed_has_its_bounds() -> None:
    controls = SpokenControls()
    for turn in range(20):
        controls.follow(events.ControlSpoken(0.0, turn, "slower"))
    assert controls.styled(SpeakingStyle(), 99, None).rate == pytest.approx(SLOWEST)
    for turn in range(20, 60):
        controls.follow(events.ControlSpoken(0.0, turn, "faster"))
    assert controls.styled(SpeakingStyle(), 99, None).rate == pytest.approx(FASTEST)


def test_what_was_only_the_beginning_of_a_turn_changes_nothing() -> None:
    controls = SpokenControls()
    controls.follow(events.ControlSpoken(0.0, 0, "louder"))
    assert controls.styled(SpeakingStyle(), 99, None).energy > 0.0
    controls.follow(events.UtteranceJoined(1.0, 0))
    assert controls.styled(SpeakingStyle(), 99, None).energy == 0.0


def test_the_rest_of_what_was_broken_off_can_be_asked_for() -> None:
    controls = SpokenControls()
    assert controls.look(Transcript("go on")) is None, "there is nothing to go on with"
    controls.follow(events.Interrupted(1.0, 0, "I was there", "I was there and saw it.", 1.0))
    controls.follow(events.ControlSpoken(2.0, 1, "pause"))
    controls.follow(events.ReplyFinished(3.0, 1, ANSWERS[Control.PAUSE], ANSWERS[Control.PAUSE]))
    dialogue = talk_dialogue()
    assert controls.look(Transcript("go on")) is Control.GO_ON
    assert [delta.text for delta in controls.reply(dialogue, Control.GO_ON)] == ["and saw it."]
    assert dialogue.replaced == ["and saw it."]


def talk_dialogue() -> ScriptedDialogue:
    return ScriptedModel(["Hello."]).open(Persona())


def talk_with(*typed: str) -> Talk:
    """Returns a talk in which one turn is spoken, and then each of `typed` is written."""
    waiting = list(typed)

    def write(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.ReplyFinished) and waiting:
            loop.type_text(waiting.pop(0))

    replies = ["I am here for you.", "From the model."]
    return talk(speech_like((0.5, 1.5), length_s=30.0), replies=replies, on_event=write)


def test_slower_stays_so_and_the_model_is_not_asked() -> None:
    result = talk_with("Slower, please.", "How are you?")
    assert [event.control for event in result.of(events.ControlSpoken)] == ["slower"]
    before, slower, after = [event.style.rate for event in result.of(events.StyleChosen)]
    assert slower == pytest.approx(before / 1.2) == after
    _, answer, model = [event.generated for event in result.of(events.ReplyFinished)]
    assert answer == ANSWERS[Control.SLOWER]
    assert model != answer
    assert result.dialogue is not None and result.dialogue.replaced == [answer]


def test_an_answer_is_said_again() -> None:
    result = talk_with("What did you say?")
    first, again = [event.generated for event in result.of(events.ReplyFinished)]
    assert first == again == "I am here for you."
