"""Recorded and typed questions, one after the other: the same conversation as a live one."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from assistant import events
from assistant.audio.waveform import AudioClip, Waveform
from assistant.conversation.answering import Answer, Answering
from assistant.conversation.engines import Engines
from assistant.conversation.time_marks import Mark
from assistant.engines.protocols import (
    Cancel,
    EmotionEstimate,
    Persona,
    SpeakingStyle,
    Transcript,
)
from assistant.errors import EngineFailed
from assistant.safety import HelpFinder
from assistant.session import open_conversation
from assistant.turns.cutter import SpokenTurn, TurnCutter
from assistant.turns.endpointing_settings import EndpointingSettings
from models.emotions import Emotion
from tests.fakes import (
    LevelDetector,
    ScriptedDialogue,
    ScriptedModel,
    ToneVoice,
    certain,
    scripted,
    speech_like,
)
from tests.talking import talk

TURN = SpokenTurn(0.0, 1.0, speech_like((0.1, 0.9), length_s=1.0))


def answers(
    engines: Engines, *questions: SpokenTurn | str
) -> tuple[list[Answer], list[events.Event]]:
    """Returns the answers, and what happened meanwhile."""
    happened: list[events.Event] = []

    async def hold() -> list[Answer]:
        conversation = open_conversation(engines)
        conversation.follow(happened.append)
        answering = Answering(conversation)
        return [await answering.answer(question, lambda clip: None) for question in questions]

    try:
        return asyncio.run(hold()), happened
    finally:
        engines.close()


def test_pause_is_a_word_like_others_where_nobody_could_go_on() -> None:
    model = ScriptedModel(["What needs a pause?", "I see."], [certain(Emotion.SAD)])
    answered, happened = answers(scripted(model), "Pause.", TURN)
    assert [answer.reply for answer in answered] == ["What needs a pause?", "I see."]
    assert not [event for event in happened if isinstance(event, events.PassedOver)]


def test_what_happens_is_what_happens_in_a_live_talk() -> None:
    said = speech_like((0.5, 1.5), (6.0, 7.2), length_s=12.0)
    script = ["I am sorry. Tell me more.", "That sounds good!"]
    moods = [certain(Emotion.SAD), certain(Emotion.HAPPY)]
    live = talk(said, engines=scripted(ScriptedModel(script, moods)))
    turns = list(TurnCutter(LevelDetector(), EndpointingSettings()).turns([said]))
    answered, happened = answers(scripted(ScriptedModel(script, moods)), *turns)
    of_turns = [type(event).__name__ for event in live.happened if hasattr(event, "turn")]
    assert [type(event).__name__ for event in happened] == of_turns
    styles = [event.style for event in live.of(events.StyleChosen)]
    assert [answer.style for answer in answered] == styles
    assert [answer.reply for answer in answered] == script


def test_a_turn_names_its_settings_in_one_order_and_how_turns_are_taken_where_they_are() -> None:
    live = talk(speech_like((0.5, 1.5), length_s=4.0))
    (over,) = live.of(events.UtteranceEnded)
    assert list(over.settings) == ["model", "voice", "policy", "patience", "turns"]
    _, happened = answers(scripted(), TURN)
    (over,) = [event for event in happened if isinstance(event, events.UtteranceEnded)]
    assert list(over.settings) == ["model", "voice", "policy"]


def test_what_is_asked_of_the_talk_itself_is_done_as_in_a_live_one() -> None:
    engines = scripted(ScriptedModel(["The model speaks."]))
    answered, happened = answers(engines, "How are you?", "Slower, please.", "And now?", "Repeat.")
    plain, slower, still, again = answered
    assert slower.reply == "Okay, I'm speaking more slowly now."
    assert still.style.rate == slower.style.rate < plain.style.rate
    assert again.reply == "The model speaks."
    assert sum(isinstance(event, events.ControlSpoken) for event in happened) == 2
    assert [answer.source for answer in answered] == ["model", "fixed", "model", "fixed"]
    told = [event.source for event in happened if isinstance(event, events.ReplyText)]
    assert set(told) == {"model", "fixed"}


def test_corrections_and_danger_last_from_turn_to_turn() -> None:
    unsure = EmotionEstimate((0.1, 0.05, 0.38, 0.42, 0.05))
    engines = scripted(ScriptedModel(["Yes."], [unsure]), help_finder=HelpFinder("GB"))

    async def hold() -> tuple[Emotion, Emotion, list[str]]:
        conversation = open_conversation(engines)
        answering = Answering(conversation)
        first = await answering.answer(TURN, lambda clip: None)
        conversation.correct_emotion(first.turn, Emotion.ANGRY)
        second = await answering.answer(TURN, lambda clip: None)
        assert first.estimate is not None
        assert second.estimate is not None
        texts = ["He is not breathing!", "What now?", "The ambulance is here."]
        told = [await answering.answer(text, lambda clip: None) for text in texts]
        return (
            first.estimate.emotion,
            second.estimate.emotion,
            [answer.help.topic for answer in told if answer.help],
        )

    assert asyncio.run(hold()) == (Emotion.SAD, Emotion.ANGRY, ["medical"] * 3)
    engines.close()


def test_the_marks_of_an_answer_come_in_order_and_each_clip_at_once() -> None:
    answered, happened = answers(scripted(ScriptedModel(["One. Two."])), TURN)
    marks = answered[0].marks_ms
    order = [Mark.ENDPOINT, Mark.HEARD, Mark.WORDS, Mark.FIRST_TOKEN, Mark.FIRST_SENTENCE]
    order += [Mark.FIRST_AUDIO, Mark.PLAYED, Mark.SPOKEN]
    assert [marks[mark] for mark in order] == sorted(marks[mark] for mark in order)
    spoken = [event for event in happened if isinstance(event, events.ReplyFinished)]
    assert spoken[0].heard == spoken[0].generated == "One. Two."
    assert spoken[0].at_s == pytest.approx(1.0), "the clock goes by the person's sound alone"


def test_a_turn_that_fails_is_forgotten_and_the_conversation_goes_on() -> None:
    model = ScriptedModel(["One.", "Two."], failing_turns=[0])
    engines = scripted(model)

    async def hold() -> str:
        answering = Answering(open_conversation(engines))
        with pytest.raises(EngineFailed, match="broke"):
            await answering.answer(TURN, lambda clip: None)
        return (await answering.answer(TURN, lambda clip: None)).reply

    assert asyncio.run(hold()) == "One."
    assert len(model.dialogues[0].utterances) == 1
    engines.close()


class _Breaking(ToneVoice):
    """A voice that breaks after its first sentence."""

    def synthesize(self, text: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        if self.spoken:
            raise EngineFailed("the voice broke")
        yield from super().synthesize(text, style, cancel)


def test_of_an_answer_that_breaks_off_the_model_keeps_what_was_spoken() -> None:
    model = ScriptedModel(["One sentence here. And another one."])
    engines = scripted(model, voice=_Breaking())
    clips: list[AudioClip] = []

    async def hold() -> None:
        with pytest.raises(EngineFailed, match="voice broke"):
            await Answering(open_conversation(engines)).answer(TURN, clips.append)

    asyncio.run(hold())
    assert len(clips) > 0
    assert model.dialogues[0].heard_replies == ["One sentence here."]
    engines.close()


class _Waiting(ScriptedModel):
    """A model that takes its time over the words, until it is told to go on."""

    def __init__(self) -> None:
        super().__init__(["Yes."])
        self.begun, self.go_on = threading.Event(), threading.Event()

    def open(self, persona: Persona) -> "_WaitingDialogue":
        dialogue = _WaitingDialogue(self, persona)
        self.dialogues.append(dialogue)
        return dialogue


class _WaitingDialogue(ScriptedDialogue):
    def hear(self, utterance: Waveform, cancel: Cancel) -> Iterator[EmotionEstimate | Transcript]:
        for item in super().hear(utterance, cancel):
            yield item
            assert isinstance(self.model, _Waiting)
            self.model.begun.set()
            assert self.model.go_on.wait(10.0)


def test_a_question_that_nobody_waits_for_any_more_leaves_no_trace() -> None:
    model = _Waiting()
    engines = scripted(model)

    async def hold() -> None:
        answering = Answering(open_conversation(engines))
        task = asyncio.create_task(answering.answer(TURN, lambda clip: None))
        await asyncio.to_thread(model.begun.wait, 10.0)
        task.cancel()
        model.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(hold())
    assert model.dialogues[0].utterances == []
    engines.close()


def test_clips_of_any_rate_are_handed_on_as_they_are() -> None:
    voice = ToneVoice()
    voice.sample_rate = 22_050
    engines = replace(scripted(ScriptedModel(["One two three."])), voice=voice)
    clips: list[AudioClip] = []

    async def hold() -> None:
        await Answering(open_conversation(engines)).answer("Hello.", clips.append)

    asyncio.run(hold())
    assert {clip.sample_rate for clip in clips} == {22_050}
    assert len(np.concatenate([clip.samples for clip in clips])) == 3 * 800
    engines.close()
