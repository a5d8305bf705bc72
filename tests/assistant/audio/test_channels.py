"""Several channels become one that carries the speech, however the stream is cut."""

import numpy as np
import pytest
from numpy.typing import NDArray

from assistant.audio.channels import ToMono
from assistant.audio.waveform import Waveform
from tests.fakes import speech_like

RATE_HZ = 16_000
BEGINS = 2 * RATE_HZ
"""From here on it is clear what the channels are like."""
SPEECH = speech_like((1.0, 1.7), (2.0, 2.6), (3.0, 3.9), (4.2, 4.5), (5.0, 5.8), length_s=6.5)
TIME_S = np.arange(len(SPEECH)) / RATE_HZ
RANDOM = np.random.default_rng(1)
NOISE = RANDOM.standard_normal(len(SPEECH))
LATER = np.concatenate([np.zeros(40), 0.8 * SPEECH])[: len(SPEECH)]
MIXES = {
    "identical": (SPEECH, SPEECH),
    "inverted": (SPEECH, -SPEECH),
    "inverted, with noise": (SPEECH + 0.001 * NOISE, -SPEECH),
    "hum right": (SPEECH, 0.9 * np.sin(2 * np.pi * 100 * TIME_S)),
    "noise left": (0.3 * NOISE, SPEECH),
    "silent left": (0 * SPEECH, SPEECH),
    "silent right": (SPEECH, 0 * SPEECH),
    "delayed": (SPEECH, LATER),
    "three": (0 * SPEECH, SPEECH, -SPEECH),
}


def mixed(channels: NDArray[np.float32], block: int) -> Waveform:
    mono = ToMono(RATE_HZ)
    pieces = [mono.mix(channels[start : start + block]) for start in range(0, len(channels), block)]
    return np.concatenate(pieces)


@pytest.mark.parametrize("block", [160, 512, 16_000, 10**6])
@pytest.mark.parametrize("name", MIXES)
def test_the_speech_is_what_is_left(name: str, block: int) -> None:
    channels = np.stack(MIXES[name], axis=1).astype(np.float32)
    heard = mixed(channels, block)
    assert len(heard) == len(SPEECH)
    alike = np.abs(np.corrcoef(heard[BEGINS:], SPEECH[BEGINS:])[0, 1])
    assert alike > 0.99
    level = heard[BEGINS:].std() / SPEECH[BEGINS:].std()
    assert 0.7 < level < 1.3


def test_two_who_speak_in_a_channel_each_are_both_heard() -> None:
    other = speech_like((1.75, 1.98), (2.65, 2.95), (4.55, 4.95), (5.85, 6.4), length_s=6.5)
    heard = mixed(np.stack([SPEECH, other], axis=1).astype(np.float32), 16_000)
    for spoken in (SPEECH, other):
        assert np.abs(heard[np.abs(spoken) > 0.1]).mean() > 0.08


def test_one_channel_stays_as_it_is_and_odd_samples_are_silence() -> None:
    sound = SPEECH[:, np.newaxis].copy()
    np.testing.assert_array_equal(ToMono(RATE_HZ).mix(sound), SPEECH)
    sound[5] = np.nan
    assert np.isfinite(ToMono(RATE_HZ).mix(np.repeat(sound, 2, axis=1))).all()
    assert len(ToMono(RATE_HZ).mix(np.zeros((0, 2), dtype=np.float32))) == 0
