"""The loop as other software drives it: turns held, asked, ended by hand, and cut afterwards."""

import asyncio
from dataclasses import replace

import pytest

from assistant import events
from assistant.audio.file_devices import FileMicrophone
from assistant.audio.protocols import DeviceListener
from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.conversation.live.loop import TalkLoop
from assistant.conversation.live.typed import SPEECH_S
from assistant.conversation.question import SaidSpan
from assistant.engines.protocols import Persona
from assistant.turns.settings import TalkSettings
from tests.fakes import ScriptedDialogue, ScriptedModel, speech_like
from tests.talking import ends, talk

LONG = " ".join(f"word{index}" for index in range(60))


def test_a_held_turn_is_not_answered() -> None:
    result = talk(speech_like((0.5, 1.5), length_s=3.0), settings=TalkSettings(answers=False))
    assert result.names == ["SpeechStarted", "SpeechConfirmed", "TurnHeld", "ConversationEnded"]
    (held,) = result.of(events.TurnHeld)
    assert held.start_s < 0.5 < 1.5 < held.end_s
    assert result.dialogue is not None
    assert result.dialogue.utterances == []


def test_an_asked_utterance_is_answered() -> None:
    question = speech_like((0.0, 0.5), length_s=0.5)

    def ask(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.TurnHeld):
            loop.ask(question)

    settings = TalkSettings(answers=False)
    result = talk(speech_like((0.5, 1.5), length_s=4.0), settings=settings, on_event=ask)
    (turn,) = result.history.turns
    assert turn.heard == "I am here for you, tell me more about it."
    assert result.dialogue is not None
    assert result.dialogue.utterances[0] is question


def test_a_held_turn_lies_where_it_was_said_and_other_sound_ends_with_the_order() -> None:
    held: list[events.TurnHeld] = []

    def ask(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.TurnHeld):
            held.append(event)
            sound = loop.sound(event.start_s, event.end_s)
            loop.ask(sound, said=SaidSpan(event.start_s, event.end_s))
        if isinstance(event, events.ReplyFinished) and event.turn == 0:
            loop.ask(speech_like((0.0, 0.5), length_s=0.5), is_spoken=True)

    settings = TalkSettings(answers=False)
    result = talk(speech_like((0.5, 1.5), length_s=4.0), settings=settings, on_event=ask)
    said, recorded = result.of(events.UtteranceEnded)
    (one,) = held
    assert (said.start_s, said.end_s, said.speech_end_s) == (one.start_s, one.end_s, one.end_s)
    assert (recorded.start_s, recorded.end_s) == (recorded.at_s - 0.5, recorded.at_s)
    assert [(turn.start_s, turn.end_s) for turn in result.history.turns] == [
        (said.start_s, said.end_s),
        (recorded.start_s, recorded.end_s),
    ]


def test_speech_does_not_interrupt_who_may_not_be_interrupted() -> None:
    result = talk(
        speech_like((0.5, 1.5), (2.5, 4.0), length_s=7.0),
        replies=[LONG],
        settings=TalkSettings(interruptible=False),
    )
    assert result.of(events.Interrupted) == []
    (turn,) = result.history.turns
    assert turn.heard == LONG


def test_a_turn_ends_by_hand_before_its_silence() -> None:
    ended: list[bool] = []

    def end(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.LevelMeasured) and event.at_s > 1.0 and not ended:
            ended.append(loop.end_turn())

    result = talk(speech_like((0.5, 1.2), length_s=3.0), on_event=end)
    assert ended == [True]
    (turn,) = result.history.turns
    assert turn.end_s < 1.2


def test_the_listener_corrects_what_was_heard() -> None:
    heard: list[str | None] = []

    def correct(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.ReplyFinished):
            heard.append(loop.correct_heard(0, SPEECH_RATE_HZ))
            heard.append(loop.correct_heard(7, SPEECH_RATE_HZ))

    result = talk(speech_like((0.5, 1.5), length_s=6.0), replies=[LONG], on_event=correct)
    (turn,) = result.history.turns
    assert turn.interrupted
    assert LONG.startswith(turn.heard)
    assert 15 <= len(turn.heard.split()) <= 20
    assert heard == [turn.heard, None]
    assert result.dialogue is not None
    assert result.dialogue.heard_replies == [turn.heard]


def test_it_is_said_where_only_the_end_of_a_question_is_answered() -> None:
    class Shortening(ScriptedDialogue):
        @property
        def is_shortened(self) -> bool:
            return True

    dialogue = Shortening(ScriptedModel(["Fine."]), Persona())
    asked: list[str] = []

    def keys(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.LevelMeasured) and not asked:
            asked.append("word " * 300)
            loop.type_text(asked[0])

    result = talk(speech_like(length_s=3.0), dialogue=dialogue, on_event=keys)
    (notice,) = result.of(events.Noticed)
    assert "the end of it" in notice.message
    (turn,) = result.history.turns
    assert turn.transcript is not None
    assert turn.transcript.text == asked[0], "nothing of what was typed is lost"
    assert turn.heard == "Fine."


def test_what_becomes_of_the_devices_is_told() -> None:
    wave = speech_like((0.5, 1.5), length_s=3.0)
    told: list[DeviceListener] = []
    devices = replace(ends(FileMicrophone([wave])), follow_changes=told.append)

    def lose(_loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.SpeechStarted):
            told[0]("the sound device was lost (card)", True)

    (changed,) = talk(wave, devices=devices, on_event=lose).of(events.DeviceChanged)
    assert (changed.message, changed.lost) == ("the sound device was lost (card)", True)
    assert changed.at_s > 0.0


@pytest.mark.parametrize("waits_s", [0.0, 6.0])
def test_who_speaks_into_an_answer_that_was_ordered_loses_nothing_they_said_before(
    waits_s: float,
) -> None:
    held: list[tuple[Waveform, SaidSpan]] = []

    def ask(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.TurnHeld):
            said = SaidSpan(event.start_s, event.end_s)
            held.append((loop.sound(said.start_s, said.end_s), said))
        if isinstance(event, events.LevelMeasured) and held and event.at_s > 2.3 + waits_s:
            sound, said = held.pop()
            loop.ask(sound, said=said, is_spoken=True)

    second = (2.7 + waits_s, 4.2 + waits_s)
    result = talk(
        speech_like((0.5, 1.5), second, length_s=8.0 + waits_s),
        replies=[LONG, "Yes."],
        settings=TalkSettings(answers=False),
        on_event=ask,
    )
    first, last = result.history.turns
    assert first.start_s < 0.5 < 1.5 < first.end_s, "no order makes both parts one turn"
    assert first.interrupted
    assert last.start_s < second[0] < second[1] < last.end_s
    assert last.heard == "Yes."


@pytest.mark.parametrize("answers", [True, False])
def test_sound_that_is_asked_while_somebody_speaks_loses_nothing_of_what_they_say(
    answers: bool,
) -> None:
    question, asked = speech_like((0.0, 0.5), length_s=0.5), list[float]()

    def ask(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.LevelMeasured) and event.at_s > 1.5 and not asked:
            asked.append(event.at_s)
            assert loop.is_spoken_to
            loop.ask(question, is_spoken=True)

    result = talk(
        speech_like((0.5, 3.0), length_s=8.0),
        replies=["Yes.", LONG, "Go on."],
        settings=TalkSettings(answers=answers),
        on_event=ask,
    )
    assert result.of(events.SpeechDropped) == []
    said = result.of(events.UtteranceEnded if answers else events.TurnHeld)
    own = [e for e in said if not isinstance(e, events.UtteranceEnded) or e.reason != "asked"]
    first, rest = own
    assert first.start_s < 0.5 and asked[0] == pytest.approx(first.end_s, abs=0.1)
    assert rest.start_s <= first.end_s + 0.1 and rest.end_s > 3.0, "nothing between both is lost"
    assert result.dialogue is not None
    assert any(utterance is question for utterance in result.dialogue.utterances)


def test_at_rest_nobody_speaks_and_what_was_said_is_answered() -> None:
    told: list[tuple[str, float]] = []

    async def wait(loop: TalkLoop) -> None:
        await loop.at_rest()
        told.append(("at rest", loop.clock_s))

    def begin(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.SpeechConfirmed):
            waiting.append(asyncio.ensure_future(wait(loop)))
        if isinstance(event, events.ReplyFinished):
            told.append(("answered", event.at_s))

    waiting: list[asyncio.Task[None]] = []
    talk(speech_like((0.5, 1.5), length_s=8.0), on_event=begin)
    assert [name for name, _ in told] == ["answered", "at rest"]


class WaitingForRest:
    """Waits for rest from the moment on in which somebody speaks."""

    def __init__(self) -> None:
        self.rested: list[float] = []
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self, loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.SpeechConfirmed) and not self._tasks:
            self._tasks.append(asyncio.ensure_future(self._wait(loop)))

    async def _wait(self, loop: TalkLoop) -> None:
        await loop.at_rest()
        self.rested.append(loop.clock_s)


def test_a_turn_that_does_not_end_is_ended_for_who_waits_for_rest() -> None:
    waiting = WaitingForRest()
    settings = TalkSettings(answers=False)
    result = talk(
        speech_like((0.5, 12.0), length_s=13.0), settings=settings, on_event=waiting.begin
    )
    assert waiting.rested[0] == pytest.approx(0.5 + SPEECH_S, abs=1.0)
    first, rest = result.of(events.TurnHeld)
    assert first.end_s == pytest.approx(waiting.rested[0], abs=0.1)
    assert rest.start_s <= first.end_s + 0.1


def test_who_never_stops_is_not_waited_for() -> None:
    waiting = WaitingForRest()
    talk(speech_like((0.5, 40.0), length_s=42.0), replies=[LONG], on_event=waiting.begin)
    assert waiting.rested[0] < 30.0
