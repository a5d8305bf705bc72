import json
from collections.abc import Iterator

import pytest

from assistant import events
from assistant.audio.waveform import Waveform
from assistant.conversation.live.loop import TalkLoop
from assistant.conversation.spoken_controls import (
    ANSWERS,
    FASTEST,
    SLOWEST,
    SpokenControls,
    control_of,
)
from assistant.engines.protocols import (
    Cancel,
    EmotionEstimate,
    Persona,
    Transcript,
)
from assistant.event_lines import to_record
from assistant.records.recording import Consent, permitted
from assistant.safety import HelpFinder
from assistant.turns.controls import Control, phrases
from models.emotions import Emotion
from tests.fakes import ScriptedDialogue, ScriptedModel, certain, scripted, speech_like
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
        ("Saying that again.", Control.REPEAT),
        ("Come again to see us", None),
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
    assert controls.asked(99, None)["rate"] == pytest.approx(SLOWEST)
    for turn in range(20, 60):
        controls.follow(events.ControlSpoken(0.0, turn, "faster"))
    assert controls.asked(99, None)["rate"] == pytest.approx(FASTEST)


def test_what_was_only_the_beginning_of_a_turn_changes_nothing() -> None:
    controls = SpokenControls()
    assert controls.follow(events.ControlSpoken(0.0, 0, "louder"))
    assert controls.asked(99, None)["energy"] > 0.0
    assert controls.follow(events.UtteranceJoined(1.0, 0))
    assert controls.asked(99, None) == {}
    assert controls.settings == {"asked_pace": 1.0, "asked_loudness_db": 0.0}


def test_that_it_is_otherwise_is_told_only_when_it_is() -> None:
    controls = SpokenControls()
    assert not controls.follow(events.ControlSpoken(0.0, 0, "stop"))
    assert not controls.follow(events.UtteranceJoined(1.0, 0))
    asked = [controls.follow(events.ControlSpoken(2.0, turn, "louder")) for turn in range(1, 4)]
    assert asked == [True, True, False], "as loud as it gets"
    assert not controls.follow(events.ReplyFinished(3.0, 3, "Okay.", "Okay."))


def test_the_rest_of_what_was_broken_off_can_be_asked_for() -> None:
    controls = SpokenControls()
    assert controls.look(Transcript("go on")) is None, "there is nothing to go on with"
    assert not controls.passes_over(Transcript("go on"))
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
    before, slower, after = [event.spoken.rate for event in result.of(events.StyleChosen)]
    assert slower == pytest.approx(before / 1.2) == after
    _, answer, model = [event.generated for event in result.of(events.ReplyFinished)]
    assert answer == ANSWERS[Control.SLOWER]
    assert model != answer
    assert result.dialogue is not None and result.dialogue.replaced == [answer]


@pytest.mark.parametrize("has_emotion", [True, False])
def test_what_was_asked_for_by_voice_is_kept_as_words_are(has_emotion: bool) -> None:
    result = talk_with("Slower, please.", "Louder.", "How are you?")
    told = [event.changes for event in result.of(events.SettingsAsked)]
    assert [set(changes) for changes in told] == [
        {"asked_pace", "asked_loudness_db"},
        {"asked_loudness_db"},
    ]
    assert result.of(events.UtteranceEnded)[-1].asked == told[0] | told[1]
    consent = Consent(words=False, emotion=has_emotion)
    kept = [event for e in result.happened if (event := permitted(e, consent)) is not None]
    assert sum(isinstance(event, events.UtteranceEnded) for event in kept) == 4
    styles = [event for event in kept if isinstance(event, events.StyleChosen)]
    assert len(styles) == (4 if has_emotion else 0)
    assert len({event.spoken.rate for event in styles}) <= 1, "the policy's, which nobody asked for"
    log = "\n".join(json.dumps(to_record(event)) for event in kept)
    assert "asked_" not in log
    assert not any(getattr(event, "asked", None) for event in kept)


def test_an_answer_is_said_again() -> None:
    result = talk_with("What did you say?")
    first, again = [event.generated for event in result.of(events.ReplyFinished)]
    assert first == again == "I am here for you."


class Paused(ScriptedModel):
    """A model that hears what a script says, spoken turn by spoken turn."""

    def __init__(self, *heard: str) -> None:
        super().__init__(["I am here for you."])
        self.heard = heard

    def open(self, persona: Persona) -> ScriptedDialogue:
        dialogue = PausedDialogue(self, persona)
        self.dialogues.append(dialogue)
        return dialogue


class PausedDialogue(ScriptedDialogue):
    def __init__(self, model: Paused, persona: Persona) -> None:
        super().__init__(model, persona)
        self.said = iter(model.heard)

    def hear(self, utterance: Waveform, cancel: Cancel) -> Iterator[EmotionEstimate | Transcript]:
        self.utterances.append(utterance)
        yield certain(Emotion.SAD)
        yield Transcript(next(self.said), 0.9)


def paused_talk(*heard: str) -> Talk:
    """Returns a talk whose spoken turns are understood as `heard`."""
    spans = [(6.0 * turn + 0.5, 6.0 * turn + 1.5) for turn in range(len(heard))]
    sound = speech_like(*spans, length_s=6.0 * len(heard))
    return talk(sound, engines=scripted(Paused(*heard), help_finder=HelpFinder()))


def test_a_paused_talk_answers_and_keeps_nothing_until_go_on() -> None:
    result = paused_talk("Pause.", "Dear, is dinner ready?", "Go on.", "I am sad.")
    assert [event.turn for event in result.of(events.PassedOver)] == [1]
    answers = [event.generated for event in result.of(events.ReplyFinished)]
    assert answers == [
        ANSWERS[Control.PAUSE], "", ANSWERS[Control.GO_ON], "I am here for you."
    ]  # fmt: skip
    assert not any("dinner" in str(event) for event in result.happened)
    assert 1 not in {event.turn for event in result.of(events.EmotionHeard)}
    dialogue = result.dialogue
    assert dialogue is not None
    assert len(dialogue.utterances) == 3, "the model keeps nothing of it"
    assert dialogue.heard_replies == [], "and what it said before stays whole"


def test_danger_is_heard_in_a_pause() -> None:
    result = paused_talk("Pause.", "I want to kill myself.", "What a day.")
    assert len(result.of(events.HelpOffered)) == 1
    assert result.of(events.PassedOver) == []
    assert all(event.generated for event in result.of(events.ReplyFinished))


def test_who_writes_is_answered_paused_or_not() -> None:
    result = talk_with("Pause.", "How are you?", "And now?")
    assert result.of(events.PassedOver) == []
    answers = [event.generated for event in result.of(events.ReplyFinished)]
    assert answers[1] == ANSWERS[Control.PAUSE]
    assert all(answers[2:])
