"""The view is what the events say, whoever draws it."""

from functools import reduce as fold

import numpy as np
import pytest

from assistant import events
from assistant.audio.protocols import EchoState
from assistant.audio.waveform import SPEECH_RATE_HZ
from assistant.conversation.live.loop import TalkLoop
from assistant.engines.protocols import EmotionEstimate, SpeakingStyle, Transcript
from models.emotions import Emotion
from tests.fakes import ScriptedModel, certain, scripted, speech_like
from tests.talking import talk
from ui.view import MOST_NOTICES, TOO_BUSY, TalkState, Urgency, View, noticed, reduce, response_s

STARTED = events.ConversationStarted(0.0, "mini", "flite", "empathetic", "2026-01-01T00:00:00Z")
LONG = " ".join(f"word{index}" for index in range(60)) + "."


def seen(*happened: events.Event) -> View:
    return fold(reduce, happened, View())


def ended(turn: int, at_s: float = 2.0) -> events.UtteranceEnded:
    return events.UtteranceEnded(at_s, turn, at_s - 1.5, at_s - 0.2, at_s - 0.3, "silence")


def test_the_floor_follows_a_whole_turn() -> None:
    steps = [
        (STARTED, TalkState.LISTENING),
        (events.SpeechStarted(1.0, 0.9, False), TalkState.PERSON),
        (ended(0), TalkState.THINKING),
        (events.EmotionHeard(2.0, 0, certain(Emotion.SAD)), TalkState.THINKING),
        (events.ReplyStarted(2.2, 0), TalkState.ASSISTANT),
        (events.SpeechStarted(3.0, 2.9, True), TalkState.BOTH),
        (events.Ducked(3.0, -18.0), TalkState.BOTH),
        (events.SpeechDropped(3.2, 2.9, 3.0), TalkState.ASSISTANT),
        (events.Ducked(3.2, 0.0), TalkState.ASSISTANT),
        (events.ReplyFinished(4.0, 0, "Hello.", "Hello."), TalkState.LISTENING),
        (events.Muted(4.5, True), TalkState.MUTED),
        (events.Muted(5.0, False), TalkState.LISTENING),
        (events.ConversationEnded(6.0, "stopped"), TalkState.ENDED),
    ]
    view = View()
    assert view.floor is TalkState.OPENING
    for event, floor in steps:
        view = reduce(view, event)
        assert view.floor is floor, event
    assert not view.is_ducked
    assert view.clock_s == 6.0


def test_muting_ends_the_speech_under_way() -> None:
    view = seen(STARTED, events.SpeechStarted(1.0, 0.9, False), events.Muted(1.5, True))
    assert view.floor is TalkState.MUTED


def test_the_course_shows_estimates_corrections_and_doubt() -> None:
    unsure = EmotionEstimate((0.3, 0.1, 0.3, 0.2, 0.1), abstained=True)
    view = seen(
        STARTED,
        ended(0),
        events.EmotionHeard(2.0, 0, certain(Emotion.ANGRY, 0.8)),
        ended(1, 6.0),
        events.EmotionHeard(6.0, 1, unsure),
        ended(2, 9.0),
        events.EmotionHeard(9.0, 2, certain(Emotion.HAPPY)),
        events.EmotionCorrected(10.0, 0, Emotion.SAD),
    )
    first, second, third = view.course
    assert (first.emotion, first.confidence, first.is_corrected) == (Emotion.SAD, 1.0, True)
    assert (second.is_certain, second.is_corrected) == (False, False)
    assert (third.emotion, third.confidence) == (Emotion.HAPPY, pytest.approx(0.92))
    assert view.last_heard_turn == 2
    assert view.turns[0].estimate is not None
    assert view.turns[0].estimate.emotion is Emotion.ANGRY, "the estimate is kept"


def test_words_style_and_latency_of_a_turn_are_shown_as_they_come() -> None:
    style = SpeakingStyle(Emotion.SAD, 0.8, rate=0.9)
    view = seen(
        STARTED,
        ended(0),
        events.WordsHeard(2.0, 0, Transcript("I failed.", 0.9)),
        events.StyleChosen(2.0, 0, style),
        events.ReplyText(2.1, 0, "I am "),
        events.ReplyText(2.2, 0, "sorry."),
        events.TurnTimed(2.3, 0, {"endpoint": 320.0, "played": 512.0}),
    )
    (turn,) = view.turns
    assert turn.transcript is not None
    assert (turn.transcript.text, turn.style, turn.generated) == ("I failed.", style, "I am sorry.")
    assert response_s(turn) == pytest.approx(0.512)
    assert response_s(seen(STARTED, ended(0)).turns[0]) is None


def test_a_failed_turn_is_told_and_the_talk_goes_on() -> None:
    view = seen(STARTED, ended(0), events.TurnFailed(2.5, 0, "the model broke"))
    assert view.floor is TalkState.LISTENING
    assert view.notices[-1].text == "the model broke"
    assert view.turns[0].failure == "the model broke"


def test_offered_help_stays_however_much_else_is_said() -> None:
    view = seen(STARTED, events.HelpOffered(1.0, 0, "self-harm", "Call 112."))
    for index in range(3 * MOST_NOTICES):
        view = noticed(view, f"note {index}")
    assert len(view.notices) == MOST_NOTICES
    assert view.notices[0].urgency is Urgency.HELP
    assert view.notices[-1].text == f"note {3 * MOST_NOTICES - 1}"


def test_offered_help_is_shown_until_the_danger_is_past_and_again_with_the_next() -> None:
    first = events.HelpOffered(1.0, 0, "fire", "Leave.")
    other = events.HelpOffered(2.0, 1, "medical", "Call 112.")
    view = noticed(seen(STARTED, first, other), "a note")
    assert [notice.text for notice in view.notices] == ["Call 112.", "a note"]
    view = reduce(view, events.HelpEnded(3.0, 2, "medical"))
    assert [notice.text for notice in view.notices] == ["a note"]
    view = reduce(view, other)
    assert [notice.text for notice in view.notices] == ["a note", "Call 112."]


def test_devices_lost_and_back_and_lost_frames_are_told() -> None:
    view = seen(
        STARTED,
        events.DeviceChanged(1.0, "the microphone is gone", lost=True),
        events.DeviceChanged(2.0, "the microphone is back", lost=False),
        events.Noticed(2.5, "that was long", is_warning=False),
        events.FramesDropped(3.0, 2, 7),
        *(events.FramesDropped(3.0 + turn, 1, 7 + turn) for turn in range(1, 30)),
    )
    assert [notice.urgency for notice in view.notices] == [
        Urgency.WARNING,
        Urgency.NOTE,
        Urgency.NOTE,
        Urgency.WARNING,
    ]
    assert view.dropped_frames == 36
    assert (view.notices[-1].text, view.notices[-1].at_s) == (TOO_BUSY, 32.0)


def test_a_turn_that_is_joined_to_the_next_disappears() -> None:
    view = seen(STARTED, ended(0), events.ReplyStarted(2.2, 0), events.UtteranceJoined(2.5, 0))
    assert view.turns == ()
    assert view.floor is TalkState.PERSON


def test_real_conversations_leave_the_view_at_rest() -> None:
    def keys(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.Interrupted):
            loop.correct_emotion(event.turn, Emotion.ANGRY)

    wave = speech_like((0.5, 1.5), (3.2, 4.4), length_s=8.0)
    engines = scripted(ScriptedModel([LONG, "Yes."], [certain(Emotion.SAD)]))
    result = talk(wave, engines=engines, on_event=keys)
    view = seen(STARTED, *result.happened)
    assert list(view.turns) == result.history.turns
    assert [turn.interrupted for turn in view.turns] == [True, False]
    assert view.course[0].emotion is Emotion.ANGRY
    assert (view.floor, view.is_ducked, view.answering) == (TalkState.ENDED, False, None)
    levels = [e.person_db for e in result.happened if isinstance(e, events.LevelMeasured)]
    assert view.person_db == levels[-1]
    assert np.isclose(view.clock_s, len(wave) / SPEECH_RATE_HZ, atol=2.0)


def test_what_is_found_of_the_echo_is_said_once() -> None:
    view = View()
    for at_s, echo in enumerate((EchoState.ABSENT, EchoState.REMOVED, EchoState.ABSENT)):
        view = reduce(view, events.EchoJudged(float(at_s), echo))
    view = reduce(view, events.EchoJudged(4.0, EchoState.TOO_STRONG))
    assert len(view.notices) == 3
    assert view.notices[-1].urgency is Urgency.WARNING
    assert "headset" in view.notices[-1].text
