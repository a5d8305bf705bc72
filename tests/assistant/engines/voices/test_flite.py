import pytest

from assistant.engines.protocols import Cancel, SpeakingStyle
from assistant.engines.voices.flite import Flite
from assistant.engines.voices.flite_library import FliteVoice
from assistant.errors import EngineFailed, SettingsError
from tests.assistant.engines.voices.voice_checks import (
    assert_alike,
    recognised,
    spoken,
    voice_or_skip,
)


@pytest.fixture
def flite() -> Flite:
    voice_or_skip("flite")
    return Flite()


def test_unknown_speaker_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="slt, rms, awb, kal16"):
        Flite("bob")


def test_first_clip_comes_before_the_sentence_is_synthesised(flite: Flite) -> None:
    text = "This sentence goes on and on " + "and on " * 20 + "until it ends."

    clips = [clip.duration_s for clip in flite.synthesize(text, SpeakingStyle(), Cancel())]

    assert clips[0] < 0.2 * sum(clips)
    assert len(clips) > 5


def test_speech_begins_at_once(flite: Flite) -> None:
    waveform = spoken(flite, "I am here.")

    assert int((abs(waveform) > 0.02).argmax()) < 0.08 * flite.sample_rate


def test_accents_are_read_without_them(flite: Flite) -> None:
    assert_alike(spoken(flite, "A café, naïve."), spoken(flite, "A cafe, naive."))


def test_other_scripts_are_left_out_and_said_so(
    flite: Flite, caplog: pytest.LogCaptureFixture
) -> None:
    assert len(spoken(flite, "你好。")) == 0
    assert "3 characters" in caplog.text
    assert "你" not in caplog.text


def test_failure_within_the_library_fails_the_turn_only(
    flite: Flite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(FliteVoice, "_segments", broken)
        with pytest.raises(EngineFailed, match="out of memory"):
            spoken(flite, "Hello.")

    assert len(spoken(flite, "Hello.")) > 1000


def test_recogniser_understands_it(flite: Flite) -> None:
    words = "please tell me what happened"

    assert recognised(spoken(flite, words), flite.sample_rate) == words
