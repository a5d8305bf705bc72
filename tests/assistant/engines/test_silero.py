import subprocess
import sys

import numpy as np
import pytest

from assistant.engines.protocols import Cancel, SpeakingStyle
from assistant.engines.silero import Silero
from assistant.engines.voices.flite import Flite
from assistant.errors import EngineFailed, EngineUnavailable


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """Two seconds of a synthetic voice at 16 kHz."""
    try:
        voice = Flite()
    except EngineUnavailable as error:
        pytest.skip(str(error))
    clips = voice.synthesize("How are you doing today, my friend?", SpeakingStyle(), Cancel())
    waveform = np.concatenate([clip.samples for clip in clips])
    voice.close()
    return waveform


def probabilities(detector: Silero, waveform: np.ndarray) -> list[float]:
    count = len(waveform) // detector.frame_samples
    frames = waveform[: count * detector.frame_samples].reshape(count, -1)
    return [detector.probability(frame) for frame in frames]


def test_speech_is_told_from_silence_and_noise(speech: np.ndarray) -> None:
    detector = Silero()
    noise = np.random.default_rng(0).normal(0, 0.05, 16_000).astype(np.float32)

    assert max(probabilities(detector, np.zeros(16_000, np.float32))) < 0.3
    assert np.median(probabilities(detector, noise)) < 0.5
    detector.reset()
    assert np.quantile(probabilities(detector, speech), 0.5) > 0.8


def test_reset_forgets(speech: np.ndarray) -> None:
    detector = Silero()
    first = probabilities(detector, speech)

    detector.reset()

    assert probabilities(detector, speech) == first


def test_conversations_do_not_share_state(speech: np.ndarray) -> None:
    one, other = Silero(), Silero()
    probabilities(one, speech)

    fresh = probabilities(other, np.zeros(2048, np.float32))

    assert fresh == probabilities(Silero(), np.zeros(2048, np.float32))


@pytest.mark.parametrize("samples", [0, 256, 1024])
def test_other_frame_lengths_are_refused(samples: int) -> None:
    with pytest.raises(EngineFailed, match="512"):
        Silero().probability(np.zeros(samples, np.float32))


def test_torch_is_not_imported() -> None:
    code = "import sys; from assistant.engines.silero import Silero; Silero(); "
    code += "sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
