"""What was heard of a reply, the patience with a speaker, and corrections."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.conversation.correction import EmotionPrior
from assistant.engines.protocols import EmotionEstimate
from assistant.history import SpokenReply
from assistant.turns.patience import Patience, PatienceSettings
from models.emotions import Emotion
from tests.fakes import certain

SENTENCES = ["I am here for you. ", "Tell me more, ", "if you like."]


def spoken() -> SpokenReply:
    reply = SpokenReply(16_000)
    for sentence in SENTENCES:
        reply.begin(sentence)
        reply.add(8_000)
        reply.complete()
    return reply


def test_what_was_played_whole_was_heard_whole() -> None:
    assert spoken().heard(24_000) == "".join(SENTENCES)
    assert spoken().heard(8_000) == SENTENCES[0].rstrip()
    assert spoken().heard(0) == ""


@given(st.integers(0, 24_000))
def test_what_was_heard_is_the_beginning_of_the_reply_cut_at_a_word(played: int) -> None:
    whole = "".join(SENTENCES)
    heard = spoken().heard(played)
    assert whole.startswith(heard)
    assert not heard or whole[len(heard) : len(heard) + 1] in {"", " "}


def test_more_was_heard_the_longer_it_played() -> None:
    lengths = [len(spoken().heard(played)) for played in range(0, 24_001, 100)]
    assert lengths == sorted(lengths)
    assert len(set(lengths)) > 8


def test_a_sentence_still_being_made_counts_by_its_usual_length() -> None:
    reply = SpokenReply(16_000)
    reply.begin("one two three four five six seven eight nine ten")
    reply.add(1_600)
    assert reply.heard(1_600) == ""
    reply.add(30_400)
    heard = reply.heard(32_000).split()
    assert 3 <= len(heard) <= 6, "2 s of speech, 2.5 words a second"


def test_patience_grows_with_pauses_and_sadness_and_fades() -> None:
    patience = Patience(PatienceSettings(base=1.0, sad=0.3, slow=0.6))
    assert patience.factor == 1.0
    patience.paused(1_000.0)
    slow = patience.factor
    assert slow == pytest.approx(1.6)
    patience.heard(certain(Emotion.SAD))
    assert patience.factor > slow
    for _ in range(10):
        patience.heard(certain(Emotion.HAPPY))
        patience.went_straight()
    assert patience.factor == pytest.approx(1.0, abs=0.05)


def test_who_pauses_long_is_given_longer_than_that_until_they_speak_straight() -> None:
    patience = Patience(PatienceSettings(longer=1.5))
    patience.went_straight()
    patience.paused(300.0)
    assert patience.least_silence_ms == 0.0
    patience.paused(800.0)
    assert patience.least_silence_ms == pytest.approx(1_200.0)
    patience.paused(1_200.0)
    assert patience.least_silence_ms == pytest.approx(1_600.0)
    for _ in range(3):
        patience.went_straight()
    assert patience.least_silence_ms == 0.0


@pytest.mark.parametrize("pause_ms", [1_800.0, 2_500.0, 3_500.0])
def test_the_pauses_of_who_was_answered_in_them_are_learnt_and_fade(pause_ms: float) -> None:
    patience = Patience()
    for _ in range(4):
        patience.went_straight()
    assert not patience.answered_in(pause_ms, 0.9, is_cut=True), "that may be an interruption"
    assert patience.least_silence_ms == 0.0
    assert patience.answered_in(pause_ms, None, is_cut=True), "twice in a row is a habit"
    assert patience.least_silence_ms > pause_ms + 200.0
    assert patience.bridged_ms > pause_ms + 200.0
    patience.went_straight()
    assert patience.least_silence_ms < 4_000.0, "less of the longest at once"
    patience.went_straight()
    assert patience.least_silence_ms == 0.0


def test_half_a_sentence_says_at_once_that_who_goes_on_had_paused() -> None:
    for is_cut in (True, False):
        patience = Patience()
        assert patience.answered_in(2_500.0, 0.1, is_cut=is_cut)
        assert patience.least_silence_ms > 2_700.0


def test_who_interrupts_once_or_speaks_after_an_answer_is_not_taken_for_slow() -> None:
    patience = Patience()
    patience.went_straight()
    for _ in range(3):
        assert not patience.answered_in(2_500.0, 0.9, is_cut=True)
        assert not patience.answered_in(2_500.0, 0.9, is_cut=False)
        assert not patience.answered_in(9_000.0, 0.1, is_cut=True)
    assert patience.least_silence_ms == 0.0


def test_who_is_not_known_yet_is_given_time_for_one_turn_and_their_own_pauses_after_it() -> None:
    patience = Patience(PatienceSettings(base=2.0, stranger_ms=832))
    assert patience.least_silence_ms == pytest.approx(1_664.0)
    patience.went_straight()
    assert patience.least_silence_ms == 0.0
    patience = Patience()
    patience.paused(200.0)
    assert patience.least_silence_ms == 0.0


def test_what_is_not_known_of_a_stranger_is_no_pause_of_theirs() -> None:
    patience = Patience(PatienceSettings(base=1.5, stranger_ms=800))
    assert (patience.least_silence_ms, patience.least_known_ms) == (1_200.0, 0.0)
    patience.paused(800.0)
    assert patience.least_known_ms == patience.least_silence_ms > 800.0


def test_corrections_shift_the_estimates_of_this_person_only_so_far() -> None:
    prior = EmotionPrior()
    estimate = EmotionEstimate((0.1, 0.1, 0.45, 0.3, 0.05))
    assert prior.apply(estimate) is estimate
    prior.correct(Emotion.ANGRY, Emotion.SAD)
    shifted = prior.apply(estimate)
    assert shifted.emotion is Emotion.SAD
    assert sum(shifted.probabilities) == pytest.approx(1.0)
    for _ in range(20):
        prior.correct(Emotion.ANGRY, Emotion.SAD)
    assert prior.apply(certain(Emotion.HAPPY)).emotion is Emotion.HAPPY


def test_a_confirmed_estimate_changes_nothing() -> None:
    prior = EmotionPrior()
    prior.correct(Emotion.SAD, Emotion.SAD)
    estimate = certain(Emotion.ANGRY)
    assert prior.apply(estimate) is estimate
    assert np.isclose(sum(prior.apply(estimate).probabilities), 1.0)
