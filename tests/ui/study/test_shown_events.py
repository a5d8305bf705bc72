import pytest

from assistant.study.design.conditions import Condition
from ui.study.shown_events import ALWAYS, shown_event

EMOTION = {"type": "attune.emotion", "turn": 0, "emotion": {"label": "sad", "abstained": False}}
WORDS = {"type": "response.output_audio_transcript.delta", "delta": "Hello", "item_id": "i"}
BARE, OPEN = Condition(), Condition(captions=True, emotion_shown=True)


@pytest.mark.parametrize(
    "kind",
    [
        "session.updated",
        "attune.style",
        "attune.view",
        "attune.timing",
        "attune.echo",
        "error",
        "response.created",
        "conversation.item.added",
        "attune.warning",
        "response.output_text.delta",
    ],
)
def test_what_could_tell_the_condition_is_not_passed_on(kind):
    event = {"type": kind, "policy": "flat", "session": {"model": "mini"}, "message": "flat"}
    assert shown_event(event, BARE) is None and shown_event(event, OPEN) is None


@pytest.mark.parametrize("kind", ALWAYS)
def test_fields_that_nobody_needs_are_left_out(kind):
    event = {"type": kind, "policy": "flat", **dict.fromkeys(ALWAYS[kind], 1)}
    assert shown_event(event, BARE) == {"type": kind, **dict.fromkeys(ALWAYS[kind], 1)}


def test_words_and_emotion_are_shown_where_the_condition_says_so():
    assert shown_event(WORDS, BARE) is None and shown_event(EMOTION, BARE) is None
    assert shown_event(WORDS, OPEN) == WORDS
    assert shown_event(EMOTION, OPEN) == {"type": "study.emotion", "emotion": "sad"}
    unsure = {**EMOTION, "emotion": {"label": "sad", "abstained": True}}
    assert shown_event(unsure, OPEN) == {"type": "study.emotion", "emotion": None}


def test_help_for_somebody_in_danger_is_shown_in_every_condition():
    event = {"type": "attune.help", "turn": 1, "topic": "x", "text": "Call 112."}
    assert shown_event(event, BARE) == {"type": "attune.help", "text": "Call 112."}


def test_a_failed_answer_is_told_without_its_reason():
    event = {"type": "response.done", "response": {"status": "failed", "error": "mini broke"}}
    told = shown_event(event, BARE)
    assert told and "say it again" in told["text"] and "mini" not in told["text"]
