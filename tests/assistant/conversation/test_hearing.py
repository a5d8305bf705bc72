"""Words before the reply: nothing is answered before they are known, and they are never lost."""

from collections.abc import Iterator

import pytest

from assistant import events
from assistant.audio.waveform import AudioClip, Waveform
from assistant.conversation.live.loop import TalkLoop
from assistant.engines.protocols import (
    Cancel,
    EmotionEstimate,
    Persona,
    SpeakingStyle,
    TextDelta,
    Transcript,
)
from assistant.errors import EngineFailed
from models.emotions import Emotion
from tests.fakes import (
    ScoredModel,
    ScriptedDialogue,
    ScriptedModel,
    ToneVoice,
    certain,
    scripted,
    speech_like,
)
from tests.talking import talk

UTTERANCE = speech_like((0.0, 1.0), length_s=1.0)
REPLY = "First sentence here. Second one there. And a third."


class Course(ScriptedDialogue):
    """Notes in which order the model is asked for what."""

    def __init__(self, *, words_first: bool = False, breaks: bool = False) -> None:
        super().__init__(ScriptedModel([REPLY]), Persona())
        self.course: list[str] = []
        self._words_first = words_first
        self._breaks = breaks

    def hear(self, utterance: Waveform, cancel: Cancel) -> Iterator[EmotionEstimate | Transcript]:
        self.utterances.append(utterance)
        if self._words_first:
            yield self._words(cancel)
        self.course.append("emotion")
        yield certain(Emotion.SAD)
        if not self._words_first:
            yield self._words(cancel)

    def _words(self, cancel: Cancel) -> Transcript:
        if self._breaks:
            raise EngineFailed("the decoder broke")
        self.course.append("given up" if cancel.is_set() else "words")
        return Transcript("how are you")

    def reply(self, cancel: Cancel) -> Iterator[TextDelta]:
        for delta in super().reply(cancel):
            self.course.append("reply")
            yield delta


class Scorer:
    """Notes when it is asked, in the course of the dialogue."""

    def __init__(self, dialogue: Course) -> None:
        self._dialogue = dialogue

    def score(self, utterance: Waveform, words: Transcript) -> float:
        self._dialogue.course.append(f"score of {words.text!r}")
        return 0.9


class NotingVoice(ToneVoice):
    """Notes when it begins to speak, in the course of the dialogue."""

    def __init__(self, dialogue: Course) -> None:
        super().__init__()
        self._dialogue = dialogue

    def synthesize(self, text: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        self._dialogue.course.append("voice")
        return super().synthesize(text, style, cancel)


@pytest.mark.parametrize("words_first", [False, True])
def test_voice_and_words_are_known_before_the_reply_is_begun(words_first: bool) -> None:
    dialogue = Course(words_first=words_first)
    talk(
        speech_like((0.5, 1.5), length_s=4.0),
        dialogue=dialogue,
        engines=scripted(voice=NotingVoice(dialogue)),
    )
    assert set(dialogue.course[:2]) == {"words", "emotion"}
    assert dialogue.course[2] == "reply"
    assert "voice" in dialogue.course[3:]


def test_whether_the_turn_is_over_is_judged_after_the_first_sentence() -> None:
    dialogue = Course()
    engines = scripted(judge=Scorer(dialogue))
    talk(speech_like((0.5, 1.5), length_s=4.0), dialogue=dialogue, engines=engines)
    before = dialogue.course[: dialogue.course.index("score of 'how are you'")]
    assert len("First sentence here.") <= before.count("reply") * 5 < len(REPLY)


@pytest.mark.parametrize(
    ("sound", "words", "expected"),
    [
        (False, True, ["words", "score of 'how are you'"]),
        (True, False, ["words", "score of 'how are you'"]),
        (True, True, ["words", "score of 'how are you'", "score of 'how are you'"]),
    ],
)
def test_the_end_of_the_turn_is_judged_as_soon_as_it_can_be(
    sound: bool, words: bool, expected: list[str]
) -> None:
    dialogue = Course()
    judge = Scorer(dialogue)
    model = ScoredModel(judge) if words else None
    engines = scripted(model, judge=judge if sound else None)
    result = talk(speech_like((0.5, 1.5), length_s=4.0), dialogue=dialogue, engines=engines)
    assert [item for item in dialogue.course if item not in ("emotion", "reply")] == expected
    assert len(result.of(events.WordsHeard)) == 1


def test_an_asked_question_is_not_judged() -> None:
    dialogue = Course()

    def ask(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.LevelMeasured) and not dialogue.utterances:
            loop.ask(UTTERANCE)

    engines = scripted(ScoredModel(Scorer(dialogue)))
    talk(speech_like(length_s=3.0), dialogue=dialogue, engines=engines, on_event=ask)
    assert [item for item in dialogue.course if item.startswith("score")] == []


@pytest.mark.parametrize("interrupted_at", [events.EmotionHeard, events.StyleChosen])
def test_an_interrupted_answer_does_not_lose_the_words(interrupted_at: type[events.Event]) -> None:
    dialogue = Course()

    def keys(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.LevelMeasured) and event.at_s < 0.2:
            loop.ask(UTTERANCE)
        if isinstance(event, interrupted_at):
            loop.interrupt()

    result = talk(speech_like(length_s=3.0), dialogue=dialogue, on_event=keys)
    (turn,) = result.history.turns
    assert turn.transcript == Transcript("how are you")
    assert turn.interrupted
    assert turn.estimate is not None
    assert result.of(events.ReplyStarted) == []


def test_words_of_a_turn_that_goes_on_are_given_up() -> None:
    dialogue = Course()
    wave = speech_like((0.5, 1.2), (1.6, 2.4), length_s=5.0)
    result = talk(wave, dialogue=dialogue)
    assert len(result.of(events.WordsHeard)) == 1
    assert len(dialogue.utterances) == 2 - 1


def test_what_cannot_be_read_is_not_answered() -> None:
    dialogue = Course(breaks=True)
    result = talk(speech_like((0.5, 1.5), length_s=6.0), dialogue=dialogue)
    (failed,) = result.of(events.TurnFailed)
    assert failed.message == "the decoder broke"
    assert "reply" not in dialogue.course
    assert dialogue.utterances == []
    assert result.of(events.ReplyStarted) == []


def test_words_that_fail_after_an_interruption_are_said_to_fail() -> None:
    dialogue = Course(breaks=True)

    def keys(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.LevelMeasured) and event.at_s < 0.2:
            loop.ask(UTTERANCE)
        if isinstance(event, events.EmotionHeard):
            loop.interrupt()

    result = talk(speech_like(length_s=3.0), dialogue=dialogue, on_event=keys)
    assert [event.message for event in result.of(events.TurnFailed)] == ["the decoder broke"]


def test_a_bug_in_what_nobody_waits_for_is_loud() -> None:
    class Buggy(Course):
        def _words(self, cancel: Cancel) -> Transcript:
            raise KeyError("bug")

    with pytest.raises(KeyError, match="bug"):
        talk(speech_like((0.5, 1.5), length_s=4.0), dialogue=Buggy())
