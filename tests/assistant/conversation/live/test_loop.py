"""Whole conversations on a virtual clock, with file devices and scripted engines."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import numpy as np
import pytest

from assistant import events
from assistant.audio.file_devices import FileMicrophone
from assistant.audio.protocols import EchoState
from assistant.audio.waveform import SPEECH_RATE_HZ, AudioClip, AudioFrame, Waveform
from assistant.conversation.live.loop import TalkLoop
from assistant.engines.protocols import Cancel, SpeakingStyle, Transcript
from assistant.turns.endpointing_settings import EndpointingSettings
from assistant.turns.patience import PatienceSettings
from assistant.turns.settings import TalkSettings
from models.emotions import Emotion
from tests.fakes import (
    ScoredModel,
    ScriptedModel,
    ToneVoice,
    WordVoice,
    WritingModel,
    certain,
    scripted,
    speech_like,
)
from tests.talking import Talk, ends, talk

LONG = " ".join(f"word{index}" for index in range(60)) + "."
"""A reply of 3 s with the fake voice: 50 ms a word."""

FAMILIAR = TalkSettings(patience=PatienceSettings(stranger_ms=0))
"""As if it were not the person's first turn."""


def test_a_turn_is_answered_and_heard_to_its_end() -> None:
    result = talk(
        speech_like((0.5, 1.5), length_s=4.0),
        engines=scripted(ScriptedModel(["I am here for you."], [certain(Emotion.SAD)])),
    )
    assert result.names == [
        "SpeechStarted",
        "SpeechConfirmed",
        "UtteranceEnded",
        "EmotionHeard",
        "WordsHeard",
        "StyleChosen",
        "ReplyStarted",
        "TurnTimed",
        "ReplyFinished",
        "ConversationEnded",
    ]
    (turn,) = result.history.turns
    assert turn.emotion is Emotion.SAD
    assert turn.heard == turn.generated == "I am here for you."
    assert turn.style is not None
    assert turn.style.rate < 1.0
    assert result.is_silent(0.0, turn.end_s)
    assert np.abs(result.heard).max() > 0.2


def test_what_the_model_hears_is_the_utterance_with_its_lead_and_tail() -> None:
    result = talk(speech_like((1.0, 2.0), length_s=4.0))
    assert result.dialogue is not None
    (utterance,) = result.dialogue.utterances
    (ended,) = result.of(events.UtteranceEnded)
    assert isinstance(utterance, np.ndarray)
    assert len(utterance) / SPEECH_RATE_HZ == pytest.approx(ended.end_s - ended.start_s)
    assert 1.3 < len(utterance) / SPEECH_RATE_HZ < 1.5
    assert np.abs(utterance).max() > 0.15


@pytest.mark.parametrize("level", [0.0, 0.004])
def test_silence_and_faint_noise_are_not_answered(level: float) -> None:
    noise = np.random.default_rng(3).standard_normal(8 * SPEECH_RATE_HZ)
    result = talk((level * noise).astype(np.float32))
    assert result.names == ["ConversationEnded"]
    assert not result.heard.any()


def test_nothing_is_shown_of_an_answer_withdrawn_because_the_person_went_on() -> None:
    result = talk(speech_like((0.5, 1.2), (1.6, 2.4), length_s=5.0))
    assert result.names.count("UtteranceEnded") == 1
    assert result.names.count("EmotionHeard") == 1
    assert result.dialogue is not None
    assert len(result.dialogue.utterances) == 1, "the withdrawn utterance is forgotten"
    assert len(result.dialogue.utterances[0]) > 2.0 * SPEECH_RATE_HZ


def test_the_answer_is_prepared_in_the_pause_so_that_it_starts_at_the_end_of_the_turn() -> None:
    (timed,) = talk(speech_like((0.5, 1.5), length_s=4.0)).of(events.TurnTimed)
    marks = timed.marks_ms
    assert marks["first_audio"] < marks["endpoint"]
    assert marks["played"] == pytest.approx(marks["endpoint"])


def test_several_turns_are_one_conversation() -> None:
    spans = [(0.5, 1.3), (4.0, 5.0), (8.0, 9.0)]
    result = talk(speech_like(*spans, length_s=12.0), replies=["One.", "Two.", "Three."])
    turns = result.history.turns
    assert [turn.heard for turn in turns] == ["One.", "Two.", "Three."]
    assert [turn.index for turn in turns] == [0, 1, 2]


def interrupted(*spans: tuple[float, float], length_s: float = 8.0) -> Talk:
    return talk(speech_like((0.5, 1.5), *spans, length_s=length_s), replies=[LONG, "Yes."])


def test_barge_in_ducks_then_silences_the_assistant() -> None:
    onset_s = 3.2
    result = interrupted((onset_s, 4.4))
    (cut,) = result.of(events.Interrupted)
    ducked = result.of(events.Ducked)[0]
    yielded = result.of(events.Yielded)[0]
    assert yielded.yielded
    assert ducked.at_s - onset_s <= 0.2
    assert yielded.at_s - onset_s <= 0.5
    before = np.abs(result.heard[: round(3.1 * SPEECH_RATE_HZ)]).max()
    while_ducked = slice(
        round((ducked.at_s + 0.04) * SPEECH_RATE_HZ), round((yielded.at_s - 0.04) * SPEECH_RATE_HZ)
    )
    assert 20 * np.log10(np.abs(result.heard[while_ducked]).max() / before) <= -15
    (_, second) = result.of(events.ReplyStarted)
    assert result.is_silent(yielded.at_s + 0.08, second.at_s - 0.05), "the old reply is over"
    assert yielded.at_s < cut.at_s < second.at_s


def test_history_keeps_the_words_that_were_played() -> None:
    result = interrupted((3.2, 4.4))
    (cut,) = result.of(events.Interrupted)
    (started, _) = result.of(events.ReplyStarted)
    words = cut.heard.split()
    assert words == LONG.split()[: len(words)]
    (silent_s, _) = (event.at_s for event in result.of(events.Yielded))
    assert len(words) == pytest.approx((silent_s - started.at_s) / 0.05, abs=3)
    assert result.dialogue is not None
    assert result.dialogue.heard_replies == [cut.heard]
    first, second = result.history.turns
    assert (first.heard, first.interrupted) == (cut.heard, True)
    assert (second.heard, second.interrupted) == ("Yes.", False)
    assert cut.generated.startswith(cut.heard)


def test_a_short_noise_only_ducks_and_the_assistant_goes_on() -> None:
    result = interrupted((3.2, 3.4))
    assert [event.decibels for event in result.of(events.Ducked)] == [-18.0, 0.0]
    assert result.of(events.Interrupted) == []
    (finished,) = result.of(events.ReplyFinished)
    assert finished.heard == LONG
    assert result.names.count("UtteranceEnded") == 1


@pytest.mark.parametrize("words", [None, "uh-huh", "Yes, I see."])
def test_after_an_uh_huh_the_assistant_goes_on_where_it_fell_silent(words: str | None) -> None:
    model = WritingModel(words, [LONG]) if words else ScriptedModel([LONG])
    wave = speech_like((0.5, 1.5), (4.2, 4.7), length_s=9.0)
    result = talk(wave, engines=scripted(model))
    silent, on = result.of(events.Yielded)
    assert (silent.yielded, on.yielded) == (True, False)
    assert on.at_s - silent.at_s < 0.8
    assert result.is_silent(silent.at_s + 0.08, on.at_s - 0.08)
    assert result.of(events.Interrupted) == []
    (finished,) = result.of(events.ReplyFinished)
    assert finished.heard == LONG
    assert finished.underruns == 0
    played = np.abs(result.heard) > 0.0
    (started,) = result.of(events.ReplyStarted)
    whole = slice(round(started.at_s * SPEECH_RATE_HZ), round(finished.at_s * SPEECH_RATE_HZ))
    silence_s = on.at_s - silent.at_s
    assert played[whole].mean() * (finished.at_s - started.at_s) == pytest.approx(3.0, abs=0.1)
    assert finished.at_s - started.at_s == pytest.approx(3.0 + silence_s, abs=0.1)


@pytest.mark.parametrize("length_s", [0.3, 0.5])
def test_a_brief_stop_interrupts_by_its_word_and_is_answered(length_s: float) -> None:
    model = WritingModel("Stop!", [LONG, "Yes."])
    wave = speech_like((0.5, 1.5), (4.2, 4.2 + length_s), length_s=9.0)
    result = talk(wave, engines=scripted(model))
    (cut,) = result.of(events.Interrupted)
    assert cut.at_s < 4.2 + length_s + 0.3
    assert [turn.heard for turn in result.history.turns] == [cut.heard, "Yes."]
    assert all(length_s < heard_s < length_s + 0.6 for heard_s in model.lengths_s)


class Misled:
    """A canceller that takes the echo for a person, as one does whose echo has just jumped."""

    margin_db = 100.0
    state = EchoState.REMOVED

    def cancel(self, frame: Waveform, played: Waveform) -> Waveform:
        return frame


class HeardAgain(FileMicrophone):
    """A microphone that says what was played meanwhile: `late` samples before it is heard."""

    def __init__(self, wave: Waveform, *, late: int) -> None:
        super().__init__([wave])
        self._played = np.concatenate([wave[late:], np.zeros(late, dtype=np.float32)])

    async def frames(self) -> AsyncIterator[AudioFrame]:
        async for frame in super().frames():
            end = frame.start_samples + len(frame.samples)
            yield replace(frame, played=self._played[frame.start_samples : end])


@pytest.mark.parametrize("is_echo", [True, False])
def test_an_echo_that_passes_the_canceller_does_not_stop_the_answer_whatever_it_says(
    is_echo: bool,
) -> None:
    wave = speech_like((0.5, 1.5), (4.2, 4.7), length_s=9.0)
    # Not so even that its delay could not be told.
    noise = np.random.default_rng(1).standard_normal(len(wave))
    wave = (wave + np.where(np.abs(wave) > 0.1, 0.2 * noise, 0.0)).astype(np.float32)
    microphone = HeardAgain(wave, late=1_548) if is_echo else FileMicrophone([wave])
    model = WritingModel("Stop!", [LONG, "Yes."])
    result = talk(wave, engines=scripted(model), devices=ends(microphone, Misled()))
    assert bool(result.of(events.Interrupted)) is not is_echo
    assert (result.history.turns[0].heard == LONG) is is_echo


@pytest.mark.parametrize(("word", "joins"), [("tomorrow", True), ("yeah", False)])
def test_a_word_that_follows_a_pause_belongs_to_the_question_but_an_uh_huh_to_the_answer(
    word: str, joins: bool
) -> None:
    wave = speech_like((0.5, 1.5), (2.6, 3.1), length_s=8.0)
    result = talk(wave, engines=scripted(WritingModel(word, [LONG])))
    assert result.names.count("UtteranceJoined") == joins
    assert result.history.turns[0].heard == LONG


@pytest.mark.parametrize("word", ["stop", "no", "wait a moment"])
def test_a_stop_that_follows_a_pause_is_said_to_the_answer_and_is_no_rest_of_the_question(
    word: str,
) -> None:
    wave = speech_like((0.5, 1.5), (2.6, 3.1), length_s=8.0)
    result = talk(wave, engines=scripted(WritingModel(word, [LONG, "Yes."])))
    assert "UtteranceJoined" not in result.names
    (cut,) = result.of(events.Interrupted)
    assert [turn.heard for turn in result.history.turns] == [cut.heard, "Yes."]


ASKS = LONG[:-1] + "?"


def around_the_end(reply: str, word: str, *, early_s: float) -> Talk:
    """Says a word of 0.2 s so early before the end of a reply."""
    (finished,) = talk(speech_like((0.5, 1.5), length_s=8.0), replies=[reply]).of(
        events.ReplyFinished
    )
    start_s = finished.at_s - early_s
    wave = speech_like((0.5, 1.5), (start_s, start_s + 0.2), length_s=9.0)
    return talk(wave, engines=scripted(WritingModel(word, [reply, "Yes."])))


@pytest.mark.parametrize("early_s", [0.6, 0.5, 0.3, 0.1, 0.0])
@pytest.mark.parametrize("word", ["Yes.", "Rome"])
def test_a_word_in_the_last_half_second_of_a_question_answers_it(word: str, early_s: float) -> None:
    result = around_the_end(ASKS, word, early_s=early_s)
    assert [turn.heard for turn in result.history.turns] == [ASKS, "Yes."]
    assert result.of(events.Interrupted) == [], "the question is heard to its end"
    assert result.of(events.ReplyFinished)[0].at_s <= result.of(events.ReplyStarted)[1].at_s


@pytest.mark.parametrize(("word", "turns"), [("uh-huh", 1), ("Rome", 2)])
def test_a_word_in_the_last_half_second_of_a_statement_is_a_turn_unless_it_is_an_uh_huh(
    word: str, turns: int
) -> None:
    result = around_the_end(LONG, word, early_s=0.4)
    assert result.history.turns[0].heard == LONG
    assert len(result.history.turns) == turns


@pytest.mark.parametrize("pause_s", [1.8, 2.5, 3.5])
@pytest.mark.parametrize("straight", [0, 4])
def test_who_pauses_for_seconds_is_waited_for_from_the_third_piece_on(
    straight: int, pause_s: float
) -> None:
    begins_s = 0.5 + 7.0 * straight
    lead = [(0.5 + 7.0 * number, 1.5 + 7.0 * number) for number in range(straight)]
    pieces = [
        (start_s, start_s + 0.9) for start_s in (begins_s + n * (0.9 + pause_s) for n in range(5))
    ]
    wave = speech_like(*lead, *pieces, length_s=pieces[-1][1] + 7.0)
    result = talk(wave, replies=[LONG.replace(".", " ") * 2] * 12)
    begun_s = [event.at_s for event in result.of(events.ReplyStarted)]
    assert [at_s for at_s in begun_s if pieces[2][0] < at_s < pieces[4][1]] == []
    last = result.history.turns[-1]
    assert last.start_s < pieces[2][0] and last.end_s > pieces[4][1]


def test_who_was_waited_for_is_answered_quickly_again_after_straight_turns() -> None:
    pieces = [(0.5 + 3.4 * number, 1.4 + 3.4 * number) for number in range(5)]
    straight = [(30.0 + 9.0 * number, 31.0 + 9.0 * number) for number in range(7)]
    result = talk(speech_like(*pieces, *straight, length_s=93.0), replies=[LONG] * 20)
    ended = result.of(events.UtteranceEnded)[-1]
    assert ended.at_s - ended.speech_end_s < 0.7


def test_the_key_silences_an_assistant_that_waits_and_its_next_answer_is_heard() -> None:
    def press(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.Yielded) and event.yielded:
            loop.interrupt()
            loop.type_text("Say yes.")

    wave = speech_like((0.5, 1.5), (4.2, 4.56), length_s=9.0)
    result = talk(wave, replies=[LONG, "Yes."], on_event=press)
    assert result.history.turns[-1].heard == "Yes."
    (_, second) = result.of(events.ReplyStarted)
    assert not result.is_silent(second.at_s, second.at_s + 0.1)


@pytest.mark.parametrize("resumes_s", [2.25, 2.4])
def test_a_person_who_goes_on_after_a_short_pause_is_still_in_the_same_turn(
    resumes_s: float,
) -> None:
    later = 6.0
    wave = speech_like((0.5, 1.5 + later), (resumes_s + later, 3.4 + later), length_s=12.0)
    result = talk(wave, replies=[LONG, "Hello there."], settings=FAMILIAR)
    assert result.names.count("UtteranceEnded") == 2
    assert result.names.count("UtteranceJoined") == 1
    (turn,) = result.history.turns
    assert turn.start_s < 0.6
    assert turn.end_s > 3.4 + later
    assert turn.heard == LONG
    assert result.dialogue is not None
    (utterance,) = result.dialogue.utterances
    assert len(utterance) > 8.8 * SPEECH_RATE_HZ


def test_who_was_answered_in_a_pause_is_given_longer_pauses_from_then_on() -> None:
    pause_s = 0.85
    first = ((0.5, 1.5), (1.5 + pause_s, 3.4))
    second = tuple((start + 8.0, end + 8.0) for start, end in first)
    result = talk(speech_like(*first, *second, length_s=16.0), replies=[LONG] * 3)
    (joined,) = result.of(events.UtteranceJoined)
    assert joined.at_s < 4.0, "only the first pause is taken for the end"
    assert len(result.history.turns) == 2


def test_a_question_nothing_was_heard_of_in_answer_is_joined_however_late_speech_sets_in() -> None:
    class SlowVoice(ToneVoice):
        """Begins with two seconds of breath."""

        def synthesize(
            self, text: str, style: SpeakingStyle, cancel: Cancel
        ) -> Iterator[AudioClip]:
            yield AudioClip(np.full(32_000, 1e-4, dtype=np.float32), self.sample_rate)
            yield from super().synthesize(text, style, cancel)

    wave = speech_like((0.5, 1.5), (3.2, 4.4), length_s=6.0)
    result = talk(wave, engines=scripted(ScriptedModel(["Hello."]), voice=SlowVoice()))
    (joined,) = result.of(events.UtteranceJoined)
    assert joined.heard == ""
    (turn,) = result.history.turns
    assert (turn.start_s < 0.6, turn.end_s > 4.4) == (True, True)


def test_a_broken_engine_fails_the_turn_and_the_conversation_goes_on() -> None:
    failing = [0]

    def mend(_loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.TurnFailed):
            failing.clear()

    wave = speech_like((0.5, 1.5), (4.0, 5.0), length_s=8.0)
    reply = "I am here for you, tell me more about it."
    engines = scripted(ScriptedModel([reply], failing_turns=failing))
    result = talk(wave, engines=engines, on_event=mend)
    first, second = result.history.turns
    assert first.failure is not None
    assert "scripted model broke" in first.failure
    assert second.heard == reply


def test_a_bug_ends_the_conversation_loudly() -> None:
    class Broken:
        sample_rate = SPEECH_RATE_HZ

        def synthesize(self, *_arguments: object) -> object:
            raise KeyError("bug")

    with pytest.raises(KeyError, match="bug"):
        talk(
            speech_like((0.5, 1.5), length_s=4.0),
            engines=scripted(voice=Broken()),  # pyright: ignore[reportArgumentType]
        )


def test_the_completeness_of_the_words_decides_how_long_to_wait() -> None:
    class Scorer:
        def __init__(self, value: float) -> None:
            self.value = value

        def score(self, utterance: Waveform, words: Transcript) -> float:
            assert words.text == "utterance 0"
            return self.value

    def delay(score: float) -> float:
        wave = speech_like((0.5, 1.5), length_s=5.0)
        result = talk(wave, engines=scripted(ScoredModel(Scorer(score))), settings=FAMILIAR)
        (ended,) = result.of(events.UtteranceEnded)
        return ended.at_s - ended.speech_end_s

    assert delay(1.0) < 0.4
    assert delay(0.0) > 1.5


def test_the_end_of_the_input_ends_the_turn_and_the_answer_is_still_heard() -> None:
    result = talk(speech_like((0.5, 2.0), length_s=2.0))
    (finished,) = result.of(events.ReplyFinished)
    assert finished.heard == "I am here for you, tell me more about it."


def test_a_person_can_interrupt_by_key() -> None:
    def keys(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.LevelMeasured) and 3.0 < event.at_s < 3.2:
            loop.interrupt()

    result = talk(speech_like((0.5, 1.5), length_s=5.0), replies=[LONG], on_event=keys)
    (cut,) = result.of(events.Interrupted)
    assert result.is_silent(cut.at_s + 0.05, 5.0)


def test_nothing_is_heard_while_muted() -> None:
    def keys(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.LevelMeasured) and event.at_s < 0.2:
            loop.mute(True)

    result = talk(speech_like((0.5, 1.5), length_s=4.0), on_event=keys)
    assert result.of(events.UtteranceEnded) == []


def test_typed_words_are_answered() -> None:
    def keys(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.LevelMeasured) and event.at_s < 0.2:
            loop.type_text("I passed!")

    result = talk(np.zeros(3 * SPEECH_RATE_HZ, dtype=np.float32), on_event=keys)
    (turn,) = result.history.turns
    assert turn.transcript is not None
    assert (turn.transcript.text, turn.transcript.source) == ("I passed!", "typed")
    assert turn.heard == "I am here for you, tell me more about it."


def test_who_speaks_into_the_answer_to_what_was_typed_interrupts_it_however_soon() -> None:
    typed: list[float] = []

    def keys(loop: TalkLoop, event: events.Event) -> None:
        if event.at_s >= 0.4 and not typed:
            typed.append(event.at_s)
            loop.type_text("I passed!")

    result = talk(speech_like((1.0, 3.0), length_s=8.0), replies=[LONG, "Yes."], on_event=keys)
    assert "UtteranceJoined" not in result.names
    (cut,) = result.of(events.Interrupted)
    assert [turn.heard for turn in result.history.turns] == [cut.heard, "Yes."]


def test_push_to_talk_hears_only_while_the_key_is_down() -> None:
    pressed: list[float] = []

    def keys(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.LevelMeasured):
            loop.press(2.0 <= event.at_s < 4.5)
            pressed.append(event.at_s)

    wave = speech_like((0.3, 1.5), (2.4, 3.0), (3.9, 4.3), (6.0, 7.0), length_s=9.0)
    result = talk(wave, settings=TalkSettings(turns="push-to-talk"), on_event=keys)
    (ended,) = result.of(events.UtteranceEnded)
    assert ended.start_s < 2.4
    assert 4.3 < ended.end_s < 4.7
    assert len(result.of(events.ReplyFinished)) == 1


def test_a_correction_counts_for_the_next_estimates_and_both_are_kept() -> None:
    unsure = events.EmotionEstimate((0.1, 0.1, 0.42, 0.33, 0.05))

    def keys(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.ReplyFinished) and event.turn == 0:
            loop.correct_emotion(0, Emotion.SAD)

    wave = speech_like((0.5, 1.5), (5.0, 6.0), length_s=9.0)
    result = talk(wave, engines=scripted(ScriptedModel(["Yes."], [unsure])), on_event=keys)
    first, second = result.history.turns
    assert first.estimate is not None
    assert first.estimate.emotion is Emotion.ANGRY
    assert first.emotion is Emotion.SAD
    assert second.emotion is Emotion.SAD


def test_the_longest_turn_is_answered_although_the_person_goes_on() -> None:
    settings = TalkSettings(endpointing=EndpointingSettings(longest_turn_s=3.0))
    result = talk(speech_like((0.5, 4.2), length_s=8.0), settings=settings, replies=["Hm."])
    assert result.of(events.UtteranceEnded)[0].reason == "longest"


def test_events_are_in_the_order_of_the_audio_clock() -> None:
    result = interrupted((3.2, 4.4))
    times = [event.at_s for event in result.happened]
    assert times == sorted(times)


@pytest.mark.parametrize("reply", ["🙂", "…", "", " \n", "<think>Hm. Well.</think>", "日本語"])
def test_an_answer_of_nothing_to_say_asks_back(reply: str) -> None:
    result = talk(
        speech_like((0.5, 1.5), length_s=4.0),
        engines=scripted(ScriptedModel([reply]), voice=WordVoice()),
    )
    (turn,) = result.history.turns
    assert turn.heard == turn.generated.strip() == f"{reply.strip()} Sorry?".strip()
    assert len(result.of(events.ReplyStarted)) == len(result.of(events.ReplyFinished)) == 1
    assert result.dialogue is not None
    assert result.dialogue.replaced == [turn.heard]
    assert np.abs(result.heard).max() > 0.2


def test_an_answer_with_words_does_not_ask_back() -> None:
    result = talk(
        speech_like((0.5, 1.5), length_s=4.0),
        engines=scripted(ScriptedModel(["🙂 Good. 🙂"]), voice=WordVoice()),
    )
    (turn,) = result.history.turns
    assert turn.heard == "🙂 Good. 🙂"


def test_a_voice_that_is_not_to_speak_adds_nothing_to_an_answer() -> None:
    class Mute(ToneVoice):
        def synthesize(
            self, text: str, style: SpeakingStyle, cancel: Cancel
        ) -> Iterator[AudioClip]:
            return iter(())

    result = talk(
        speech_like((0.5, 1.5), length_s=4.0),
        engines=scripted(ScriptedModel(["Good."]), voice=Mute()),
    )
    (turn,) = result.history.turns
    assert turn.generated == "Good."


@pytest.mark.parametrize("typed_at_s", [0.6, 0.9, 1.4, 1.7])
def test_neither_what_is_typed_nor_what_is_being_said_is_lost(typed_at_s: float) -> None:
    typed: list[float] = []

    def keys(loop: TalkLoop, event: events.Event) -> None:
        if event.at_s >= typed_at_s and not typed:
            typed.append(event.at_s)
            loop.type_text("I passed!")

    result = talk(
        speech_like((0.5, 1.5), length_s=9.0), replies=["I hear you.", "Well done."], on_event=keys
    )
    spoken, written = result.history.turns
    assert (spoken.heard, written.heard) == ("I hear you.", "Well done.")
    assert written.transcript is not None
    assert written.transcript.text == "I passed!"


def test_what_is_typed_does_not_wait_for_a_loudspeaker_that_never_stops() -> None:
    typed: list[float] = []

    def keys(loop: TalkLoop, event: events.Event) -> None:
        if event.at_s >= 2.0 and not typed:
            typed.append(event.at_s)
            loop.type_text("Is it loud?")
            loop.type_text("I cannot hear.")

    result = talk(speech_like((0.5, 40.0), length_s=42.0), on_event=keys)
    asked = [e.at_s for e in result.of(events.UtteranceEnded) if e.reason == "typed"]
    assert len(asked) == 1
    assert asked[0] < 25.0
    words = [e.transcript.text for e in result.of(events.WordsHeard)]
    assert "Is it loud?\nI cannot hear." in words


def test_who_interrupts_long_after_something_was_typed_is_heard_whole() -> None:
    typed: list[float] = []

    def keys(loop: TalkLoop, event: events.Event) -> None:
        if event.at_s >= 1.0 and not typed:
            typed.append(event.at_s)
            loop.type_text("And this?")

    long = " ".join(f"word{index}" for index in range(400))
    wave = speech_like((0.5, 1.5), (10.0, 12.0), length_s=16.0)
    result = talk(wave, replies=[long, "Yes.", "No."], on_event=keys)
    first, second, written = result.of(events.UtteranceEnded)
    assert (first.reason, second.reason, written.reason) == ("silence", "silence", "typed")
    assert second.start_s < 10.0 and second.end_s > 11.9
    assert [turn.heard for turn in result.history.turns][1:] == ["Yes.", "No."]


def test_what_was_typed_is_kept_though_the_talk_goes_on_or_ends_before_it_is_read() -> None:
    typed: list[str] = []

    def keys(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.LevelMeasured) and event.at_s >= 1.0 and not typed:
            for text in ("I sold my car.", "I bought a bike.", "I ride every day."):
                typed.append(text)
                loop.type_text(text)
            loop.stop()

    result = talk(np.zeros(3 * SPEECH_RATE_HZ, dtype=np.float32), on_event=keys)
    words = [turn.transcript.text for turn in result.history.turns if turn.transcript]
    assert words == typed
    assert [event.reason for event in result.of(events.UtteranceEnded)] == ["typed"] * 3
