"""The contract that every voice keeps."""

from collections.abc import Iterator

import numpy as np
import pytest

from assistant.empathy import load_policy
from assistant.engines.protocols import Cancel, SpeakingStyle, TextToSpeech
from models.emotions import Emotion
from tests.assistant.engines.voices.voice_checks import (
    VOICES,
    assert_alike,
    level_db,
    longest_silence_s,
    pitch_hz,
    spoken,
    voice_or_skip,
)

SENTENCE = "I am so sorry to hear that, please tell me what happened."


@pytest.fixture(scope="module", params=VOICES)
def voice(request: pytest.FixtureRequest) -> Iterator[TextToSpeech]:
    opened = voice_or_skip(request.param)
    yield opened
    opened.close()  # pyright: ignore[reportAttributeAccessIssue]


def test_clips_are_float32_in_range_at_the_stated_rate(voice: TextToSpeech) -> None:
    clips = list(voice.synthesize(SENTENCE, SpeakingStyle(energy=6.0), Cancel()))

    assert {clip.sample_rate for clip in clips} == {voice.sample_rate}
    assert {clip.samples.dtype for clip in clips} == {np.dtype(np.float32)}
    assert all(clip.samples.ndim == 1 and len(clip.samples) for clip in clips)
    assert max(float(np.abs(clip.samples).max()) for clip in clips) <= 1.0
    assert 2.0 < sum(clip.duration_s for clip in clips) < 6.0


def test_same_words_and_style_sound_the_same_again(voice: TextToSpeech) -> None:
    first = spoken(voice, SENTENCE)
    spoken(voice, SENTENCE, SpeakingStyle(rate=0.7, pitch=4, energy=3, pause=2))

    assert_alike(spoken(voice, SENTENCE), first)


@pytest.mark.parametrize(
    "text",
    ["", "   \n", "...", "😀🎉", "?!", "\x00", "\ud800", "a", "A" * 500, "1" * 90, "%s %n %d"],
)
def test_odd_texts_are_survived(voice: TextToSpeech, text: str) -> None:
    waveform = spoken(voice, text)

    assert np.isfinite(waveform).all()
    assert len(spoken(voice, "Still here.")) > 0.3 * voice.sample_rate


def test_text_without_words_is_silent(voice: TextToSpeech) -> None:
    assert len(spoken(voice, "😀 ... \n !")) == 0


def test_emoji_and_markup_change_nothing(voice: TextToSpeech) -> None:
    assert_alike(
        spoken(voice, "**That** is 5 % better 😀."), spoken(voice, "That is five percent better.")
    )


def test_speech_comes_before_a_very_long_text_is_done(voice: TextToSpeech) -> None:
    cancel = Cancel()
    clips = voice.synthesize("Some words that go on. " * 5_000, SpeakingStyle(), cancel)

    heard_s = 0.0
    while heard_s < 3.0:
        heard_s += next(clips).duration_s
    cancel.set()

    assert list(clips) == []


def test_cancelled_before_it_began_it_says_nothing(voice: TextToSpeech) -> None:
    cancel = Cancel()
    cancel.set()

    assert list(voice.synthesize(SENTENCE, SpeakingStyle(), cancel)) == []


def test_abandoned_reply_does_not_disturb_the_next(voice: TextToSpeech) -> None:
    expected = spoken(voice, "The next one.")
    clips = voice.synthesize(
        "This is a longer sentence that nobody hears to its end.", SpeakingStyle(), Cancel()
    )
    next(clips)
    del clips

    assert_alike(spoken(voice, "The next one."), expected)


def test_two_conversations_may_take_turns(voice: TextToSpeech) -> None:
    expected = [spoken(voice, text) for text in ("One, two, three.", "A longer sentence, then.")]
    both = [
        voice.synthesize(text, SpeakingStyle(), Cancel())
        for text in ("One, two, three.", "A longer sentence, then.")
    ]
    heard: list[list[np.ndarray]] = [[], []]
    open_ones = [0, 1]
    while open_ones:
        for index in list(open_ones):
            clip = next(both[index], None)
            if clip is None:
                open_ones.remove(index)
            else:
                heard[index].append(clip.samples)

    for index in (0, 1):
        assert_alike(np.concatenate(heard[index]), expected[index])


def test_sentences_add_up(voice: TextToSpeech) -> None:
    one, two = spoken(voice, "I see."), spoken(voice, "Please go on!")

    assert_alike(spoken(voice, "I see. Please go on!"), np.concatenate([one, two]))


def test_rate_changes_the_duration(voice: TextToSpeech) -> None:
    slow, own, fast = (len(spoken(voice, SENTENCE, SpeakingStyle(rate=r))) for r in (0.75, 1, 1.3))

    assert slow > 1.15 * own > 1.3 * fast


def test_energy_changes_the_level(voice: TextToSpeech) -> None:
    soft, own, loud = (
        level_db(spoken(voice, SENTENCE, SpeakingStyle(energy=e))) for e in (-6, 0, 3)
    )

    assert own - soft > 3.0
    assert loud - own > 1.0


def test_pause_lengthens_the_silences(voice: TextToSpeech) -> None:
    text = "I am here, take your time. Go on."
    short, own, long = (
        longest_silence_s(spoken(voice, text, SpeakingStyle(pause=p)), voice.sample_rate)
        for p in (0.3, 1.0, 2.5)
    )

    assert short < own - 0.1
    assert long > own + 0.25


def test_pitch_follows_the_style(voice: TextToSpeech) -> None:
    low, own, high = (
        pitch_hz(spoken(voice, SENTENCE, SpeakingStyle(pitch=p)), voice.sample_rate)[0]
        for p in (-3, 0, 3)
    )

    assert low < own * 0.9
    assert high > own * 1.1


def test_pitch_range_follows_the_style(voice: TextToSpeech) -> None:
    narrow, own, wide = (
        pitch_hz(spoken(voice, SENTENCE, SpeakingStyle(pitch_range=r)), voice.sample_rate)[1]
        for r in (0.3, 1.0, 2.0)
    )

    assert narrow < 0.8 * own
    assert wide > 1.2 * own


def test_replies_to_anger_and_to_joy_sound_different(voice: TextToSpeech) -> None:
    policy = load_policy()
    calm = spoken(voice, SENTENCE, policy.style_for(Emotion.ANGRY))
    bright = spoken(voice, SENTENCE, policy.style_for(Emotion.HAPPY))

    assert len(calm) > 1.1 * len(bright)
    assert level_db(calm) < level_db(bright) - 1.5
    assert pitch_hz(calm, voice.sample_rate)[0] < 0.9 * pitch_hz(bright, voice.sample_rate)[0]
