"""Sound that nobody spoke stops at the gate; speech passes without the silence around it."""

import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from assistant import events
from assistant.audio.incoming import Steadier, steadied
from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.conversation.live.loop import TalkLoop
from assistant.engines.silero import Silero
from assistant.turns.endpointing_settings import EndpointingSettings
from assistant.turns.settings import TalkSettings
from assistant.turns.speech_gate import spoken_part
from benchmarks.cases.speech import say, trimmed
from tests.fakes import LevelDetector, speech_like
from tests.talking import talk

SECONDS = 4
TIME_S = np.arange(SECONDS * SPEECH_RATE_HZ) / SPEECH_RATE_HZ
NOISE = np.random.default_rng(3).standard_normal(len(TIME_S))
SOUNDS: dict[str, Any] = {
    "zeros": 0 * TIME_S,
    "faint noise": 0.001 * NOISE,
    "loud noise": 0.1 * NOISE,
    "rumble": np.cumsum(NOISE) / np.abs(np.cumsum(NOISE)).max(),
    "hum": 0.1 * np.sin(2 * np.pi * 50 * TIME_S),
    "buzz": 0.2 * np.sign(np.sin(2 * np.pi * 60 * TIME_S)),
    "tone": 0.3 * np.sin(2 * np.pi * 1_000 * TIME_S),
    "chord": 0.2 * sum(np.sin(2 * np.pi * hz * TIME_S) for hz in (262, 330, 392)),
    "beeps": 0.4 * np.sin(2 * np.pi * 800 * TIME_S) * (TIME_S % 1.0 < 0.3),
    "clicks": 0.9 * (np.arange(len(TIME_S)) % 8_000 == 0),
    "an offset": 0.2 + 0 * TIME_S,
    "no numbers": np.nan + 0 * TIME_S,
    "infinite": np.inf + 0 * TIME_S,
    "nothing": np.zeros(0),
}
flite = pytest.mark.skipif(shutil.which("flite") is None, reason="needs flite")


@pytest.mark.parametrize("name", SOUNDS)
def test_sound_without_speech_is_no_turn(name: str) -> None:
    assert spoken_part(SOUNDS[name].astype(np.float32), Silero()) is None


@flite
@pytest.mark.parametrize("text", ["No.", "Hello, how are you today?"])
@pytest.mark.parametrize(("before_s", "after_s", "offset"), [(0, 29, 0.0), (8, 1, 0.02)])
def test_silence_around_speech_is_cut_off(
    text: str, before_s: float, after_s: float, offset: float
) -> None:
    speech = say(text)
    silent = [np.zeros(round(s * SPEECH_RATE_HZ), dtype=np.float32) for s in (before_s, after_s)]
    sound = np.concatenate([silent[0], speech, silent[1]]) + np.float32(offset)
    part = spoken_part(sound, Silero())
    assert part is not None
    assert abs(len(part) - len(speech)) < 0.4 * SPEECH_RATE_HZ
    assert abs(float(part[:1_000].mean())) < 0.005, "the offset is gone"


@flite
def test_pauses_that_would_end_a_turn_are_cut_out_and_long_speech_stays_whole() -> None:
    sentence = say("I failed my driving test.")
    pause = np.zeros(10 * SPEECH_RATE_HZ, dtype=np.float32)
    thinking = spoken_part(np.concatenate([sentence, pause, sentence]), Silero())
    assert thinking is not None
    assert abs(len(thinking) - 2 * len(sentence)) < 0.8 * SPEECH_RATE_HZ
    long = np.concatenate([sentence] * 20)
    assert len(long) > 40 * SPEECH_RATE_HZ
    part = spoken_part(long, Silero())
    assert part is not None
    assert len(part) > 0.9 * len(long)


SHORT_MS = (100, 108, 120, 200, 290)


@flite
@pytest.mark.parametrize("milliseconds", SHORT_MS)
@pytest.mark.parametrize("voice", ["slt", "awb", "rms"])
@pytest.mark.parametrize("word", ["Yes.", "Okay.", "Really?"])
def test_the_beginning_of_a_word_alone_is_speech_and_whole(
    word: str, voice: str, milliseconds: int
) -> None:
    sound = trimmed(say(word, voice=voice))[: SPEECH_RATE_HZ * milliseconds // 1_000]
    part = spoken_part(sound, Silero())
    assert part is not None
    assert len(part) == len(sound)


@pytest.mark.parametrize("milliseconds", SHORT_MS)
@pytest.mark.parametrize("name", SOUNDS)
def test_short_sound_without_speech_is_none_wherever_it_is_cut(
    name: str, milliseconds: int
) -> None:
    sound = SOUNDS[name].astype(np.float32)
    length = SPEECH_RATE_HZ * milliseconds // 1_000
    for start in range(0, max(1, len(sound) - length), 5_003):
        assert spoken_part(sound[start : start + length], Silero()) is None


def test_a_short_sound_counts_by_the_detector_alone() -> None:
    loud = speech_like((0.02, 0.08), length_s=0.1)
    assert spoken_part(loud, LevelDetector()) is not None
    strict = EndpointingSettings(start_threshold=0.96)
    assert spoken_part(loud, LevelDetector(), strict) is None


def test_the_detector_of_a_talk_under_way_is_left_alone() -> None:
    detector = Silero()
    frame = (0.1 * NOISE[:512]).astype(np.float32)
    expected = [detector.probability(frame) for _ in range(2)][-1]
    detector.reset()
    detector.probability(frame)
    spoken_part(np.ones(SPEECH_RATE_HZ, dtype=np.float32), detector)
    assert detector.probability(frame) == expected


def test_settings_say_what_is_speech() -> None:
    sound = speech_like((0.5, 0.8), length_s=1.5)
    assert spoken_part(sound, LevelDetector()) is not None
    strict = EndpointingSettings(speech_ms=500)
    assert spoken_part(sound, LevelDetector(), strict) is None


@pytest.mark.parametrize("sound", [speech_like(length_s=3.0), np.zeros(0, dtype=np.float32)])
def test_a_recording_without_speech_is_not_asked(sound: Waveform) -> None:
    asked: list[Callable[[], bool]] = []

    def ask(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.LevelMeasured) and not asked:
            asked.append(loop.ask(sound).result)

    result = talk(np.zeros(SPEECH_RATE_HZ, dtype=np.float32), on_event=ask)
    assert [answered() for answered in asked] == [False]
    assert result.history.turns == []


def keyed(wave: Waveform, until_s: float) -> list[Waveform | str]:
    """Returns what is asked of the model while a key is held from second 0.2 on."""

    def keys(loop: TalkLoop, event: events.Event) -> None:
        if isinstance(event, events.LevelMeasured):
            loop.press(0.2 <= event.at_s < until_s)

    result = talk(wave, settings=TalkSettings(turns="push-to-talk"), on_event=keys)
    assert result.dialogue is not None
    assert len(result.of(events.UtteranceEnded)) == len(result.dialogue.utterances)
    return result.dialogue.utterances


def test_a_key_held_long_before_and_after_speech_gives_the_speech_alone() -> None:
    (said,) = keyed(speech_like((9.0, 10.0), length_s=24.0), until_s=20.0)
    assert abs(len(said) - SPEECH_RATE_HZ) < 0.5 * SPEECH_RATE_HZ
    (said,) = keyed(speech_like((1.0, 2.0), (12.0, 13.0), length_s=24.0), until_s=20.0)
    assert abs(len(said) - 2 * SPEECH_RATE_HZ) < 0.9 * SPEECH_RATE_HZ


def test_a_key_held_over_a_click_asks_nothing() -> None:
    assert keyed(speech_like((1.0, 1.05), length_s=6.0), until_s=4.0) == []


@pytest.mark.parametrize("offset", [0.0, 0.02, -0.1])
def test_an_offset_is_taken_out_of_a_stream_from_the_first_frame_on(offset: float) -> None:
    sound = speech_like((0.5, 1.5), length_s=3.0)
    steadier = Steadier()
    pieces = [
        steadier.steady(sound[start : start + 512] + np.float32(offset))
        for start in range(0, len(sound), 512)
    ]
    error = np.abs(np.concatenate(pieces) - sound)
    assert error.max() < 0.01
    assert np.median(error) < 0.002


def test_what_is_no_number_becomes_silence_and_is_counted() -> None:
    sound = np.full(512, 0.1, dtype=np.float32) * np.tile([1, -1], 256).astype(np.float32)
    sound[[3, 99, 400]] = np.nan, np.inf, -np.inf
    steadier = Steadier()
    assert np.isfinite(steadier.steady(sound)).all()
    assert steadier.spoilt == 3
    assert np.isfinite(steadied(sound)).all()


def test_sound_with_nothing_wrong_stays_the_same_array() -> None:
    sound = speech_like((0.0, 0.5), length_s=1.0)
    assert Steadier().steady(sound) is sound
    assert steadied(sound) is sound
