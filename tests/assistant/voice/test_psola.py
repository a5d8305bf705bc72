import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.voice.psola import restyle_speech, track_pitch

RATE = 16_000


def buzz(f0_hz: np.ndarray) -> np.ndarray:
    """A voice-like pulse train through one resonance, with the given pitch at each sample."""
    pulses = np.diff(np.floor(np.cumsum(f0_hz) / RATE), prepend=0.0)
    t = np.arange(400) / RATE
    resonance = np.exp(-t * 300) * np.sin(2 * np.pi * 700 * t)
    voice = np.convolve(pulses, resonance)[: len(f0_hz)]
    return (0.4 * voice / np.abs(voice).max()).astype(np.float32)


def gliding(low: float, high: float, seconds: float = 1.0) -> np.ndarray:
    return buzz(np.geomspace(low, high, round(seconds * RATE)))


def voiced_hz(waveform: np.ndarray) -> np.ndarray:
    f0_hz = track_pitch(waveform, RATE).f0_hz
    return f0_hz[f0_hz > 0]


@pytest.mark.parametrize("f0", [80.0, 120.0, 210.0, 330.0])
def test_pitch_of_a_steady_voice_is_found(f0: float) -> None:
    found = voiced_hz(buzz(np.full(RATE, f0)))

    assert len(found) > 150
    assert np.median(found) == pytest.approx(f0, rel=0.02)


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)

    assert len(voiced_hz(noise)) < 10
    assert len(voiced_hz(np.zeros(RATE, np.float32))) == 0


@pytest.mark.parametrize("pitch", [-4.0, -2.0, 2.0, 4.0])
def test_pitch_moves_by_semitones_and_tempo_stays(pitch: float) -> None:
    voice = gliding(110, 160)

    moved = restyle_speech(voice, RATE, pitch=pitch)

    expected = np.median(voiced_hz(voice)) * 2 ** (pitch / 12)
    assert np.median(voiced_hz(moved)) == pytest.approx(expected, rel=0.04)
    assert len(moved) == len(voice)


@pytest.mark.parametrize("factor", [0.3, 1.6])
def test_pitch_range_scales_around_the_mean(factor: float) -> None:
    voice = gliding(110, 160)

    moved = restyle_speech(voice, RATE, pitch_range=factor)

    def spread(samples: np.ndarray) -> float:
        return float(np.subtract(*np.log(np.quantile(voiced_hz(samples), [0.9, 0.1]))))

    assert spread(moved) == pytest.approx(factor * spread(voice), rel=0.25)
    assert np.median(voiced_hz(moved)) == pytest.approx(np.median(voiced_hz(voice)), rel=0.03)


@pytest.mark.parametrize("rate", [0.75, 1.3])
def test_tempo_changes_and_pitch_stays(rate: float) -> None:
    voice = gliding(110, 160)

    moved = restyle_speech(voice, RATE, rate=rate)

    assert len(moved) == pytest.approx(len(voice) / rate, abs=2)
    assert np.median(voiced_hz(moved)) == pytest.approx(np.median(voiced_hz(voice)), rel=0.03)


def test_level_stays() -> None:
    voice = gliding(110, 160)

    moved = restyle_speech(voice, RATE, pitch=4.0)

    assert np.std(moved) == pytest.approx(np.std(voice), rel=0.1)


def test_no_change_returns_the_same_samples() -> None:
    voice = gliding(110, 160)

    assert restyle_speech(voice, RATE) is voice


@settings(max_examples=25)
@given(
    st.integers(0, 4000),
    st.floats(-6, 6),
    st.floats(0, 2.5),
    st.floats(0.5, 2.0),
    st.sampled_from(["noise", "zeros", "voice", "click"]),
)
def test_any_sound_stays_finite_and_in_range(
    samples: int, pitch: float, pitch_range: float, rate: float, kind: str
) -> None:
    sounds = {
        "noise": np.random.default_rng(1).uniform(-1, 1, samples),
        "zeros": np.zeros(samples),
        "voice": buzz(np.full(max(samples, 1), 150.0))[:samples]
        if samples > 200
        else np.zeros(samples),
        "click": np.eye(1, samples)[0] if samples else np.zeros(0),
    }
    sound = sounds[kind].astype(np.float32)

    moved = restyle_speech(sound, RATE, pitch=pitch, pitch_range=pitch_range, rate=rate)

    assert np.isfinite(moved).all()
    assert float(np.abs(moved).max(initial=0.0)) <= 1.0
    assert len(moved) == pytest.approx(samples / rate, abs=1)
