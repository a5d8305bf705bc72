"""End of turn by sound: Smart Turn v3, an ONNX file of pipecat's that is not part of Attune.

It hears in melody and rhythm whether a person is done, also where the words are not understood.
Source: https://github.com/pipecat-ai/smart-turn (BSD-2); its input is Whisper's log-mel spectrogram
(Radford et al. 2022, arXiv 2212.04356, section 2.2) of the last 8 s, at unit variance.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.engines.onnx import open_session
from assistant.engines.protocols import Transcript
from assistant.errors import EngineUnavailable

WINDOW_SAMPLES = 8 * SPEECH_RATE_HZ
MEL_BINS = 80
HOP_SAMPLES = 160
FFT_SAMPLES = 400
INPUT = "input_features"
REMEDY = (
    "name a smart-turn-v3 file from https://huggingface.co/pipecat-ai/smart-turn-v3, as in "
    "--turn-model smart_turn:FILE.onnx"
)

_Doubles = NDArray[np.float64]


class SmartTurn:
    """Judges by the sound alone whether a person who has paused is done; keeps no state."""

    def __init__(self, path: str | Path = "") -> None:
        """Loads the network, on one thread.

        Args:
            path: Of the ONNX file; there is none to fall back on.

        Raises:
            EngineUnavailable: onnxruntime is missing, or the file is missing or another network.
        """
        if not str(path):
            raise EngineUnavailable(f"Smart Turn needs its file: {REMEDY}")
        self._session: Any = open_session(Path(path), engine="Smart Turn", remedy=REMEDY)
        if [item.name for item in self._session.get_inputs()] != [INPUT]:
            raise EngineUnavailable(f"{path} is not Smart Turn v3: {REMEDY}")
        self._mel = mel_filters()

    def score(self, utterance: Waveform, words: Transcript) -> float | None:
        """Returns the probability in [0, 1] that `utterance` (16 kHz) is a whole turn."""
        if not len(utterance):
            return None
        features = log_mel(utterance, self._mel)[np.newaxis]
        (probability,) = np.ravel(self._session.run(None, {INPUT: features})[0])
        return float(min(1.0, max(0.0, probability)))


def log_mel(utterance: Waveform, mel: _Doubles) -> NDArray[np.float32]:
    """Returns (M, F) of the last 8 s of `utterance`, silence before what is shorter."""
    window = utterance[-WINDOW_SAMPLES:]
    window = np.pad(window, (WINDOW_SAMPLES - len(window), 0)).astype(np.float64)
    window = (window - window.mean()) / np.sqrt(window.var() + 1e-7)
    padded = np.pad(window, FFT_SAMPLES // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT_SAMPLES)[:-1:HOP_SAMPLES]
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(FFT_SAMPLES) / FFT_SAMPLES)
    power = np.abs(np.fft.rfft(frames * hann, axis=1)) ** 2
    logarithm = np.log10(np.maximum(mel @ power.T, 1e-10))
    return ((np.maximum(logarithm, logarithm.max() - 8.0) + 4.0) / 4.0).astype(np.float32)


def mel_filters() -> _Doubles:
    """Returns (M, FFT_SAMPLES // 2 + 1) triangles of equal area, evenly spaced on Slaney's scale.

    The scale is linear below 1 kHz and logarithmic above (Slaney 1998, "Auditory Toolbox").
    """
    step = math.log(6.4) / 27.0
    highest = 15.0 + math.log(SPEECH_RATE_HZ / 2_000.0) / step
    mels: _Doubles = np.linspace(0.0, highest, MEL_BINS + 2)
    edges = np.where(mels < 15.0, mels * 200.0 / 3.0, 1_000.0 * np.exp(step * (mels - 15.0)))
    bins = np.linspace(0.0, SPEECH_RATE_HZ / 2.0, FFT_SAMPLES // 2 + 1)
    low, centre, high = (edges[start : start + MEL_BINS, np.newaxis] for start in range(3))
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    return np.maximum(0.0, np.minimum(rising, falling)) * 2.0 / (high - low)
