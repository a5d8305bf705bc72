"""A turn that only says what the assistant has just said, twice in a row, is the assistant."""

from collections.abc import Iterator

from assistant import events
from assistant.audio.protocols import EchoState
from assistant.audio.waveform import Waveform
from assistant.engines.protocols import Cancel, EmotionEstimate, Persona, Transcript
from assistant.turns.own_voice import FIRST_ANSWERS, MOST_ANSWERS, OwnVoice
from tests.fakes import ScriptedDialogue, ScriptedModel, scripted, speech_like
from tests.talking import Talk, talk

ANSWER = "That sounds like a lot to carry, and I am glad that you tell me about it."
LONG = " ".join([ANSWER] * 5)


def heard_by(*turns: str) -> OwnVoice:
    voice = OwnVoice()
    for start in range(0, len(ANSWER), 5):  # as a model writes it
        voice.says(ANSWER[start : start + 5])
    for turn in turns:
        voice.hears(turn, over_answer=True)
    return voice


def test_two_turns_of_own_words_are_enough_also_where_some_are_misheard() -> None:
    assert not heard_by("sounds like a lot").is_heard
    assert heard_by("sounds like a lot", "A lot to carry and").is_heard
    assert heard_by("Sounds like a lock to carry.", "glad that you").is_heard


def test_people_are_people_though_they_repeat_a_word_or_once_a_sentence() -> None:
    assert not heard_by("a lot to carry", "What do you mean by that?").is_heard
    assert not heard_by("a lot to carry", "Yes, it is my boss", "to carry a lot").is_heard
    assert not heard_by("", "").is_heard
    assert not heard_by("carry that lot to me", "about me and you").is_heard, "another order"


def test_it_listens_again_after_some_answers_and_waits_longer_each_time() -> None:
    voice = heard_by("sounds like a lot", "a lot to carry")
    for answers in (FIRST_ANSWERS, 2 * FIRST_ANSWERS):
        for _ in range(answers):
            assert voice.is_heard
            voice.answered()
        assert not voice.is_heard
        voice.hears("glad that you tell me", over_answer=True)
        assert voice.hears("tell me about it", over_answer=True)
    for _ in range(MOST_ANSWERS):
        voice.answered()
    assert not voice.is_heard


def test_an_echo_that_comes_when_the_answer_is_over_is_not_answered_for_ever() -> None:
    voice = OwnVoice()
    voice.says(ANSWER)
    said = [voice.hears("I am glad that you tell me", over_answer=False) for _ in range(6)]
    assert said == [False, False, False, True, True, True]
    assert not voice.hears("My boss shouted at me", over_answer=False), "a person"
    assert not voice.hears("lot", over_answer=False), "a word may be anybody's"


class Saying(ScriptedDialogue):
    """Hears one text after the other."""

    def __init__(self, *words: str) -> None:
        super().__init__(ScriptedModel([LONG]), Persona())
        self._words = words

    def hear(self, utterance: Waveform, cancel: Cancel) -> Iterator[EmotionEstimate | Transcript]:
        self.utterances.append(utterance)
        yield self.model.emotions[0]
        yield Transcript(self._words[min(self.turn, len(self._words) - 1)], confidence=0.9)


def spoken(*words: str) -> Talk:
    """Asks once, then speaks over two answers, asks again and speaks over that answer."""
    spans = ((0.5, 1.5), (4.0, 5.6), (9.2, 10.8), (20.0, 21.0), (27.6, 29.2))
    return talk(speech_like(*spans, length_s=40.0), dialogue=Saying(*words), engines=scripted())


def test_who_hears_itself_stops_answering_itself_and_listens_between_answers() -> None:
    result = spoken("hello", "sounds like a lot", "and I am glad", "how are you", "a lot to carry")
    states = [event.echo for event in result.of(events.EchoJudged)]
    assert EchoState.TOO_STRONG in states, "the screen says so"
    over_answers = [
        event.start_s for event in result.of(events.SpeechConfirmed) if event.while_assistant_speaks
    ]
    assert [round(start) for start in over_answers] == [4, 9], "not over the last answer"
    assert result.history.turns[-1].heard == LONG


def test_an_echo_that_comes_seconds_late_is_silence_at_last() -> None:
    spans = [(0.5 + 9.0 * number, 1.5 + 9.0 * number) for number in range(8)]
    dialogue = Saying("hello", *[ANSWER] * 7)
    result = talk(speech_like(*spans, length_s=80.0), dialogue=dialogue, engines=scripted())
    assert len(result.of(events.ReplyFinished)) == 4, "the first answer, and three to itself"
    assert [event.heard for event in result.of(events.Interrupted)] == [""] * 4
    assert EchoState.TOO_STRONG in [event.echo for event in result.of(events.EchoJudged)]


def test_a_person_interrupts_as_often_as_they_like() -> None:
    result = spoken("hello", "no wait", "my boss shouted", "how are you", "stop it please")
    assert EchoState.TOO_STRONG not in [event.echo for event in result.of(events.EchoJudged)]
    over_answers = [e for e in result.of(events.SpeechConfirmed) if e.while_assistant_speaks]
    assert len(over_answers) == 3
