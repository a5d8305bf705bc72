"""What is kept of an event is what it declares and the person agreed to: nothing else."""

import dataclasses
import json
import typing
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant import events
from assistant.carried import Carried, Content
from assistant.engines.protocols import EmotionEstimate, SpeakingStyle, Transcript
from assistant.event_lines import from_record, to_record
from assistant.records.recording import Consent, permitted
from models.emotions import Emotion

SECRET = "the secret"
"""Begins each text of an event that is made here."""
OF_THE_MOMENT = (events.LevelMeasured, events.CaptionHeard)
"""What a screen shows and nobody keeps: captions are said again as words, once they are known."""
OWN = {name: kind for name, kind in events.EVENTS.items() if kind not in OF_THE_MOMENT}
TEXTS_OF_THE_COURSE = {
    ("TalkContinued", "record"),
    ("ConversationStarted", "model"),
    ("ConversationStarted", "voice"),
    ("ConversationStarted", "policy"),
    ("ConversationStarted", "utc"),
    ("ConversationEnded", "reason"),
    ("UtteranceEnded", "reason"),
    ("EmotionCorrected", "by"),
    ("TurnFailed", "message"),
    ("DeviceChanged", "message"),
    ("Noticed", "message"),
}
"""The texts that hold nothing of what a person said: looked at one by one, as is each new one."""

consents = st.builds(Consent, audio=st.booleans(), words=st.booleans(), emotion=st.booleans())
texts = st.text(max_size=20).map(lambda text: f"{SECRET} {text}")
shares = st.floats(0.01, 1.0)
values: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    # What is not a number is not equal to itself, and no clock shows it.
    float: st.floats(allow_nan=False, allow_infinity=False),
    dict[str, float]: st.dictionaries(st.text(max_size=5), st.floats(-1e9, 1e9), max_size=2),
    dict[str, Any]: st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
    EmotionEstimate: st.builds(EmotionEstimate, st.tuples(*[shares] * len(Emotion))),
    Transcript: st.builds(Transcript, texts, st.none() | st.floats(0.0, 1.0)),
    SpeakingStyle: st.builds(SpeakingStyle, st.sampled_from(Emotion), shares),
}


def made(kind: type[events.Event]) -> st.SearchStrategy[events.Event]:
    hints = typing.get_type_hints(kind)
    fields = {field.name: hints[field.name] for field in dataclasses.fields(kind)}
    drawn = {n: values[t] if t in values else st.from_type(t) for n, t in fields.items()}
    drawn["at_s"] = st.floats(0.0, 1e5)
    return st.builds(kind, **drawn)


any_event = st.one_of([made(kind) for kind in events.EVENTS.values()])


def held(event: events.Event, content: Content) -> dict[str, Any]:
    return {n: getattr(event, n) for n, kind in event.carries.fields.items() if kind is content}


@pytest.mark.parametrize("name", events.EVENTS)
def test_every_event_declares_each_of_its_fields(name: str) -> None:
    kind = events.EVENTS[name]
    fields = {field.name for field in dataclasses.fields(kind)} - {"at_s"}
    assert kind.carries.fields.keys() == fields


@pytest.mark.parametrize("name", events.EVENTS)
def test_declarations_are_true_to_the_types(name: str) -> None:
    kind = events.EVENTS[name]
    for field, hint in typing.get_type_hints(kind).items():
        content = kind.carries.fields.get(field)
        if hint is Transcript:
            assert content is Content.WORDS, field
        if hint in (Emotion, EmotionEstimate, SpeakingStyle):
            assert content is Content.EMOTION, field
        if hint is str and (name, field) not in TEXTS_OF_THE_COURSE:
            expected = Content.MOMENT if kind in OF_THE_MOMENT else Content.WORDS
            assert content is expected, field


@settings(max_examples=400, deadline=None)
@given(any_event, consents)
def test_nothing_is_kept_that_was_not_agreed_to(event: events.Event, consent: Consent) -> None:
    kept = permitted(event, consent)
    if kept is None:
        return
    line = json.dumps(to_record(kept), ensure_ascii=False)
    assert not held(event, Content.MOMENT)
    if not consent.words:
        assert not any(held(kept, Content.WORDS).values())
        if not any(SECRET in str(value) for value in held(event, Content.COURSE).values()):
            assert SECRET not in line
    if not consent.emotion:
        assert not held(kept, Content.EMOTION)
    if not consent.audio:
        assert not held(kept, Content.SOUND)


@settings(max_examples=400, deadline=None)
@given(any_event, consents)
def test_what_is_kept_is_whole_and_can_be_read_back(event: events.Event, consent: Consent) -> None:
    kept = permitted(event, consent)
    if kept is not None:
        assert from_record(json.loads(json.dumps(to_record(kept)))) == kept
        assert held(kept, Content.COURSE) == held(event, Content.COURSE)
        assert kept.at_s == event.at_s


@settings(max_examples=200, deadline=None)
@given(st.one_of([made(kind) for kind in OWN.values()]))
def test_with_consent_to_all_everything_but_meters_is_kept(event: events.Event) -> None:
    assert permitted(event, Consent()) == event


@given(st.one_of([made(kind) for kind in OF_THE_MOMENT]), consents)
def test_meters_are_never_kept(event: events.Event, consent: Consent) -> None:
    assert permitted(event, consent) is None


def test_that_help_was_offered_is_not_told_without_consent_to_words() -> None:
    consent = Consent(words=False)
    assert permitted(events.HelpOffered(1.0, 0, "suicide", "Call 112."), consent) is None
    assert permitted(events.HelpEnded(2.0, 1, "suicide"), consent) is None


def test_an_interruption_is_told_without_its_words() -> None:
    event = events.Interrupted(3.0, 0, "I am", "I am so sorry.", 0.5, 1)
    assert permitted(event, Consent(words=False)) == events.Interrupted(3.0, 0, "", "", 0.5, 1)


@dataclass(frozen=True, slots=True)
class Undeclared(events.Event):
    """Somebody's new event, whose author forgot to say what it holds."""

    said: str


@dataclass(frozen=True, slots=True)
class Grown(events.Interrupted):
    """An event that was declared, and a field that was not."""

    how: str = "crying"


@dataclass(frozen=True, slots=True)
class VoicePrint(events.Event):
    """An event of sound."""

    carries = Carried(sound="figures")

    figures: tuple[float, ...]


UNKNOWN: list[events.Event] = [
    Undeclared(1.0, SECRET),
    Grown(3.0, 0, "I am", "I am so sorry.", 0.5),
]


@pytest.mark.parametrize("event", UNKNOWN, ids=lambda event: type(event).__name__)
@pytest.mark.parametrize("consent", [Consent(), Consent(words=False)])
def test_what_is_not_declared_is_not_kept(
    event: events.Event, consent: Consent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(events.EVENTS, type(event).__name__, type(event))
    assert permitted(event, consent) is None


def test_an_event_of_no_line_of_the_table_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    event = VoicePrint(1.0, (0.5,))
    assert permitted(event, Consent()) is None
    monkeypatch.setitem(events.EVENTS, "VoicePrint", VoicePrint)
    assert permitted(event, Consent()) == event
    assert permitted(event, Consent(audio=False)) is None
    monkeypatch.setitem(events.EVENTS, "VoicePrint", events.Muted)
    assert permitted(event, Consent()) is None


def test_a_field_is_declared_once() -> None:
    with pytest.raises(ValueError, match="heard is declared twice"):
        Carried(words="heard", emotion="heard")
