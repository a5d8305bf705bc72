"""Echo cancellation in a simulated room: the echo goes, a person's voice stays."""

import numpy as np
import pytest

from assistant.audio.echo import EchoRemover, open_canceller
from assistant.audio.echo_filter import BLOCK_SAMPLES, EchoFilter
from assistant.audio.playout import level_db
from assistant.audio.protocols import EchoState
from assistant.audio.waveform import Waveform
from assistant.turns.ear import ECHO_MARGIN_DB

RATE = 16_000


def voice_like(seconds: float, seed: int) -> Waveform:
    """Returns noise with the rhythm and the colour of speech, at -24 dB."""
    random = np.random.default_rng(seed)
    noise = np.convolve(random.standard_normal(round(seconds * RATE)), np.ones(4) / 4, "same")
    syllables = np.repeat(random.uniform(0.05, 1.0, round(seconds * 5) + 1), RATE // 5)
    wave = noise * syllables[: len(noise)]
    return (0.06 * wave / np.sqrt(np.mean(wave**2))).astype(np.float32)


def echo_of(played: Waveform, delay_ms: float, *, echo_db: float = -3.0) -> Waveform:
    """Returns `played` as it comes back from a small room."""
    random = np.random.default_rng(5)
    response = random.standard_normal(2_400) * np.exp(-np.arange(2_400) / 400)
    response[0] = 6.0
    response *= 10 ** (echo_db / 20) / np.sqrt(np.sum(response**2))
    size = 1 << (len(played) + len(response)).bit_length()
    echo = np.fft.irfft(np.fft.rfft(played, size) * np.fft.rfft(response, size))[: len(played)]
    return np.concatenate([np.zeros(round(delay_ms * 16)), echo])[: len(played)].astype(np.float32)


def at_other_pace(wave: Waveform, ppm: float) -> Waveform:
    """Returns `wave` by a clock that is `ppm` parts per million faster."""
    times = np.arange(len(wave)) * (1.0 + ppm * 1e-6)
    return np.interp(times, np.arange(len(wave)), wave).astype(np.float32)


PLAYED = voice_like(8.0, seed=1)
PERSON = np.zeros_like(PLAYED)
PERSON[5 * RATE : 6 * RATE] = voice_like(1.0, seed=2)
NOISE = (3e-4 * np.random.default_rng(3).standard_normal(len(PLAYED))).astype(np.float32)
SILENCE: Waveform = np.zeros(512, dtype=np.float32)


def left_over(
    heard: Waveform, played: Waveform = PLAYED
) -> tuple[Waveform, EchoRemover, list[bool]]:
    """Returns what is left, the canceller, and which frames it suspects to be echo."""
    remover = EchoRemover()
    frames: list[Waveform] = []
    suspected: list[bool] = []
    for start in range(0, len(heard) - 511, 512):
        frames.append(remover.cancel(heard[start : start + 512], played[start : start + 512]))
        suspected.append(remover.margin_db < ECHO_MARGIN_DB)
    return np.concatenate(frames), remover, suspected


def share(suspected: list[bool], start_s: float, end_s: float) -> float:
    return float(np.mean(suspected[round(start_s * RATE / 512) : round(end_s * RATE / 512)]))


@pytest.mark.parametrize(("begins_s", "level"), [(0.0, 1.0), (1.0, 0.1), (1.0, 3.0), (5.0, 1.0)])
def test_without_echo_the_person_stays_sample_for_sample(begins_s: float, level: float) -> None:
    heard = NOISE.copy()
    begin = round(begins_s * RATE)
    heard[begin : begin + 3 * RATE] += level * voice_like(3.0, seed=4)
    left, remover, suspected = left_over(heard)
    assert np.array_equal(left, heard[: len(left)])
    assert sum(suspected[20:]) <= 8  # until it is clear that what begins is no echo
    assert remover.state is EchoState.ABSENT


def test_nothing_is_known_before_anything_was_played() -> None:
    left, remover, _ = left_over(PERSON + NOISE, np.zeros_like(PLAYED))
    assert np.array_equal(left, (PERSON + NOISE)[: len(left)])
    assert remover.state is EchoState.UNKNOWN


@pytest.mark.parametrize(
    ("delay_ms", "echo_db"),
    [(0.0, -10.0), (20.0, -20.0), (20.0, 0.0), (120.0, -10.0), (400.0, -20.0), (400.0, -10.0)],
)
def test_echo_is_found_and_removed(delay_ms: float, echo_db: float) -> None:
    echo = echo_of(PLAYED, delay_ms, echo_db=echo_db)
    left, remover, suspected = left_over(echo + NOISE)
    assert remover.state is EchoState.REMOVED
    span = slice(3 * RATE, 8 * RATE)
    assert level_db(left[span]) < level_db(echo[span]) - 12
    assert share(suspected, 2.0, 7.9) > 0.6
    assert remover.reduction_db > 12


@pytest.mark.parametrize("ppm", [-100.0, 30.0, 100.0])
def test_clocks_that_drift_are_followed(ppm: float) -> None:
    echo = at_other_pace(echo_of(PLAYED, 60.0, echo_db=-10.0), ppm)
    left, remover, suspected = left_over(echo + NOISE)
    assert remover.state is EchoState.REMOVED
    span = slice(3 * RATE, 8 * RATE)
    assert level_db(left[span]) < level_db(echo[span]) - 8
    assert share(suspected, 2.0, 7.9) > 0.6


@pytest.mark.parametrize("jump_ms", [-40.0, 30.0, 150.0])
def test_an_echo_that_jumps_is_caught_again_within_a_second(jump_ms: float) -> None:
    before, after = (echo_of(PLAYED, delay, echo_db=-10.0) for delay in (100.0, 100.0 + jump_ms))
    echo = np.concatenate([before[: 4 * RATE], after[4 * RATE :]])
    left, remover, _ = left_over(echo + NOISE)
    assert remover.state is EchoState.REMOVED
    span = slice(5 * RATE, 8 * RATE)
    assert level_db(left[span]) < level_db(echo[span]) - 12


def answers(*spans_s: tuple[float, float]) -> Waveform:
    """Returns what is played: speech in `spans_s`, and silence between."""
    played = voice_like(max(end_s for _, end_s in spans_s), seed=1)
    kept = np.zeros_like(played)
    for start_s, end_s in spans_s:
        span = slice(round(start_s * RATE), round(end_s * RATE))
        kept[span] = played[span]
    return kept


@pytest.mark.parametrize("jump_ms", [-10.0, 2.0, 10.0])
def test_an_answer_whose_echo_comes_a_little_later_is_no_person(jump_ms: float) -> None:
    played = answers((0.5, 3.0), (5.5, 8.0))
    before, after = (echo_of(played, delay, echo_db=0.0) for delay in (120.0, 120.0 + jump_ms))
    echo = np.concatenate([before[: 5 * RATE], after[5 * RATE :]])
    _, remover, suspected = left_over(echo, played)
    assert remover.state is EchoState.REMOVED
    assert share(suspected, 5.7, 8.0) > 0.95


def test_who_speaks_loudly_into_an_answer_does_not_make_its_echo_forgotten() -> None:
    played = answers((0.5, 3.0), (5.0, 6.0), (8.0, 10.0))
    echo = echo_of(played, 120.0, echo_db=0.0)
    span = slice(round(5.4 * RATE), round(5.7 * RATE))
    person = np.zeros_like(played)
    long_ago = played[span.start - round(3.5 * RATE) : span.stop - round(3.5 * RATE)]
    alike = np.roll(played, round(0.3 * RATE))[span]
    person[span] = 3.0 * alike + 0.5 * long_ago
    _, remover, suspected = left_over(echo + person, played)
    assert remover.state is EchoState.REMOVED
    assert share(suspected, 5.45, 5.65) < 0.5
    assert share(suspected, 8.2, 10.0) > 0.95


def test_a_person_who_speaks_at_the_same_time_stays() -> None:
    played = voice_like(12.0, seed=1)
    person = np.zeros_like(played)
    span = slice(9 * RATE, 10 * RATE)
    person[span] = voice_like(1.0, seed=2)
    left, _, suspected = left_over(echo_of(played, 80.0) + person, played)
    assert np.corrcoef(left[span], person[span])[0, 1] > 0.9
    assert share(suspected, 6.0, 8.9) > 0.5
    assert share(suspected, 9.1, 9.9) < 0.1


def test_who_takes_the_headset_off_or_puts_it_on_is_noticed() -> None:
    played = voice_like(26.0, seed=7)
    echo = echo_of(played, 60.0, echo_db=-10.0)
    echo[: 5 * RATE] = 0.0
    echo[12 * RATE :] = 0.0
    heard = echo + np.resize(NOISE, len(echo))
    left, remover, _ = left_over(heard, played)
    assert level_db(left[8 * RATE : 12 * RATE]) < level_db(echo[8 * RATE : 12 * RATE]) - 12
    assert np.array_equal(left[25 * RATE :], heard[25 * RATE : len(left)])
    assert remover.state is EchoState.ABSENT


def test_an_echo_that_no_filter_can_follow_is_said() -> None:
    played = voice_like(14.0, seed=8)
    echo = echo_of(played, 60.0)
    rattle = np.random.default_rng(9).standard_normal(len(echo)) * np.abs(echo)
    _, remover, _ = left_over((echo + 1.2 * rattle).astype(np.float32), played)
    assert remover.state is EchoState.TOO_STRONG


def test_silence_of_the_assistant_leaves_a_person_untouched() -> None:
    remover = EchoRemover()
    person = voice_like(1.0, seed=4)
    frames = [person[start : start + 512] for start in range(0, 15_360, 512)]
    left = np.concatenate([remover.cancel(frame, SILENCE) for frame in frames])
    assert remover.margin_db > 20
    assert np.array_equal(left, person[:15_360])


def test_the_filter_changes_nothing_before_anything_was_played() -> None:
    block = voice_like(1.0, seed=6)[:BLOCK_SAMPLES]
    left, echo = EchoFilter().process(block, np.zeros(BLOCK_SAMPLES, dtype=np.float32))
    assert np.array_equal(left, block)
    assert not echo.any()


def test_only_loudspeakers_need_a_canceller() -> None:
    assert isinstance(open_canceller("cancel"), EchoRemover)
    assert open_canceller("headset") is None
    assert open_canceller("push-to-talk") is None


@pytest.mark.parametrize("louder_db", [0.0, 10.0, 20.0])
def test_a_loud_person_is_no_echo_that_cannot_be_removed(louder_db: float) -> None:
    played = voice_like(30.0, seed=1)
    echo = echo_of(played, 60.0, echo_db=-15.0)
    person = np.zeros_like(played)
    for begin_s in (5, 12, 19):
        said = voice_like(2.5, seed=begin_s) * 10 ** ((louder_db - 15.0) / 20)
        person[begin_s * RATE : begin_s * RATE + len(said)] = said
    remover = EchoRemover()
    states: set[EchoState] = set()
    heard = (echo + person + np.resize(NOISE, len(echo))).astype(np.float32)
    for start in range(0, len(heard) - 511, 512):
        remover.cancel(heard[start : start + 512], played[start : start + 512])
        states.add(remover.state)
    assert states == {EchoState.UNKNOWN, EchoState.REMOVED}
