"""Echo cancellation in a simulated room: the echo goes, a person's voice stays."""

import numpy as np
import pytest
from scipy.signal import fftconvolve

from assistant.audio import Waveform
from assistant.ear import ECHO_MARGIN_DB
from assistant.echo import Aec3, EchoRemover, open_canceller
from assistant.echo_filter import BLOCK_SAMPLES, EchoFilter
from assistant.errors import EngineUnavailable
from assistant.playout import level_db

RATE = 16_000


def voice_like(seconds: float, seed: int) -> Waveform:
    """Returns noise with the rhythm and the colour of speech, at -24 dB."""
    random = np.random.default_rng(seed)
    noise = np.convolve(random.standard_normal(round(seconds * RATE)), np.ones(4) / 4, "same")
    syllables = np.repeat(random.uniform(0.05, 1.0, round(seconds * 5) + 1), RATE // 5)
    wave = noise * syllables[: len(noise)]
    return (0.06 * wave / np.sqrt(np.mean(wave**2))).astype(np.float32)


def echo_of(played: Waveform, delay_ms: float) -> Waveform:
    """Returns `played` as it comes back from a small room."""
    random = np.random.default_rng(5)
    response = random.standard_normal(2_400) * np.exp(-np.arange(2_400) / 400)
    response[0] = 6.0
    response *= 0.7 / np.sqrt(np.sum(response**2))
    echo = fftconvolve(played, response)[: len(played)]
    return np.roll(echo, round(delay_ms * 16)).astype(np.float32)


PLAYED = voice_like(12.0, seed=1)
ECHO = echo_of(PLAYED, delay_ms=80.0)
PERSON = np.zeros_like(PLAYED)
PERSON[9 * RATE : 10 * RATE] = voice_like(1.0, seed=2)


def left_over(heard: Waveform) -> tuple[Waveform, EchoRemover]:
    remover = EchoRemover()
    frames = [
        remover.cancel(heard[start : start + 512], PLAYED[start : start + 512])
        for start in range(0, len(heard) - 511, 512)
    ]
    return np.concatenate(frames), remover


def test_the_echo_is_removed_once_the_room_is_known() -> None:
    left, remover = left_over(ECHO)
    assert level_db(left[6 * RATE : 9 * RATE]) < level_db(ECHO[6 * RATE : 9 * RATE]) - 15
    assert remover.reduction_db > 12


def test_the_echo_is_low_from_the_second_second_on() -> None:
    left, _ = left_over(ECHO)
    assert level_db(left[2 * RATE : 4 * RATE]) < level_db(ECHO[2 * RATE : 4 * RATE]) - 10


def test_a_person_who_speaks_at_the_same_time_stays() -> None:
    left, _ = left_over(ECHO + PERSON)
    span = slice(9 * RATE, 10 * RATE)
    assert np.corrcoef(left[span], PERSON[span])[0, 1] > 0.9


def test_what_is_left_of_echo_is_suspected_and_a_person_is_not() -> None:
    remover = EchoRemover()
    heard = ECHO + PERSON
    suspected = [
        (remover.cancel(heard[start : start + 512], PLAYED[start : start + 512]) is not None)
        and remover.margin_db < ECHO_MARGIN_DB
        for start in range(0, len(heard) - 511, 512)
    ]
    second = RATE / 512
    assert np.mean(suspected[round(6 * second) : round(8.9 * second)]) > 0.5
    assert np.mean(suspected[round(9.1 * second) : round(9.9 * second)]) < 0.1


def test_silence_of_the_assistant_leaves_a_person_untouched() -> None:
    remover = EchoRemover()
    silence = np.zeros(512, dtype=np.float32)
    person = voice_like(1.0, seed=4)
    left = np.concatenate(
        [remover.cancel(person[start : start + 512], silence) for start in range(0, 15_360, 512)]
    )
    assert remover.margin_db > 20
    assert abs(level_db(left[8_000:15_000]) - level_db(person[8_000:15_000])) < 1.5


def test_the_filter_changes_nothing_before_anything_was_played() -> None:
    block = voice_like(1.0, seed=6)[:BLOCK_SAMPLES]
    left, echo = EchoFilter().process(block, np.zeros(BLOCK_SAMPLES, dtype=np.float32))
    assert np.array_equal(left, block)
    assert not echo.any()


@pytest.mark.parametrize("sizes", [[512] * 8, [100, 700, 33, 512, 1_000]])
def test_aec3_gives_as_many_samples_as_it_gets(sizes: list[int]) -> None:
    canceller = Aec3()
    for size in sizes:
        assert len(canceller.cancel(np.zeros(size, np.float32), np.zeros(size, np.float32))) == size


def test_a_missing_library_names_the_other_modes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pywebrtc_audio", None)
    assert open_canceller("headset") is None
    assert open_canceller("push-to-talk") is None
    with pytest.raises(EngineUnavailable, match="--echo headset"):
        open_canceller("cancel")
