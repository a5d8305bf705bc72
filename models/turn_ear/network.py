"""The turn ear: a small network that hears in melody, loudness and rhythm whether a turn is over.

It takes the last 2 s up to the end of speech and 128 ms after it. Three convolutions make frames of
128 ms of it; the last six of them are seen in order, and all of them as a mean.
"""

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.weights import CheckpointError

RATE_HZ = 16_000
BEFORE_SAMPLES, AFTER_SAMPLES = 2 * RATE_HZ, 2_048
"""Sound up to the last speech, and after it."""
WINDOW, HOP, FFT = 640, 256, 1_024
MELS, LOWEST_HZ, HIGHEST_HZ = 40, 60.0, 7_600.0
HARMONICS = slice(5, 27)
"""Bins of 16 Hz, from 78 to 406 Hz: where the pitch of voices lies."""
FLOOR = 1e-3
"""Added to power before its logarithm, in training and here: silence is one value, whatever noise
the microphone brings below it."""
CHANNELS, HIDDEN, LAST = 40, 32, 6
INPUTS = MELS + HARMONICS.stop - HARMONICS.start
WEIGHTS = Path(__file__).with_name("model.safetensors")

_Floats = NDArray[np.float32]


class TurnEar(nn.Module):
    """Features of one window → log-odds that the person is done."""

    mean: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(INPUTS, 1))
        self.register_buffer("scale", torch.ones(INPUTS, 1))
        self.convolutions = nn.ModuleList(
            nn.Conv1d(inputs, CHANNELS, 5, stride=2) for inputs in (INPUTS, CHANNELS, CHANNELS)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(CHANNELS) for _ in range(3))
        self.hidden = nn.Linear(CHANNELS * (LAST + 1), HIDDEN)
        self.out = nn.Linear(HIDDEN, 1)
        self.dropout = nn.Dropout(0.3)

    def forward(self, features: Tensor) -> Tensor:
        """Returns (N,) log-odds of (N, INPUTS, T) features."""
        states = (features - self.mean) / self.scale
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            states = torch.relu(norm(convolution(states)))
        seen = torch.cat([states[:, :, -LAST:].flatten(1), states.mean(2)], dim=1)
        hidden = torch.relu(self.hidden(self.dropout(seen)))
        return self.out(self.dropout(hidden))[:, 0]

    @torch.inference_mode()
    def probability(self, utterance: _Floats) -> float:
        """Returns how likely a person is done.

        Args:
            utterance: 16 kHz, up to `AFTER_SAMPLES` after the last speech.
        """
        log_odds = self(torch.from_numpy(features(utterance))[None])
        return float(torch.sigmoid(log_odds))


def features(utterance: _Floats) -> _Floats:
    """Returns (INPUTS, T) of the end of `utterance` (16 kHz); what is shorter follows silence."""
    wanted = BEFORE_SAMPLES + AFTER_SAMPLES
    window = utterance[-wanted:].astype(np.float32)
    window = np.pad(window, (wanted - len(window), 0))
    window = window / (np.sqrt(np.mean(np.square(window))) + 1e-5)
    frames = np.lib.stride_tricks.sliding_window_view(window, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), FFT, axis=1)) ** 2
    mel = np.log10(power @ _MEL.T + FLOOR)
    harmonics = np.log10(power[:, HARMONICS] + FLOOR)
    harmonics -= harmonics.mean(axis=1, keepdims=True)
    return np.concatenate([mel, harmonics], axis=1).T.astype(np.float32)


def load_turn_ear(path: Path = WEIGHTS) -> TurnEar:
    """Returns the network, ready to judge.

    Raises:
        CheckpointError: The file is missing or holds another network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    ear = TurnEar()
    try:
        ear.load_state_dict(load_file(path))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(
            f"{path} is not the turn ear: train it anew, or get it back"
        ) from error
    return ear.eval()


def save_turn_ear(ear: TurnEar, path: Path) -> None:
    """Writes the network to `path`."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in ear.state_dict().items()}, path)


def _mel_filters() -> NDArray[np.float64]:
    """Returns (MELS, FFT // 2 + 1) triangles of equal height on the mel scale (O'Shaughnessy)."""
    low, high = (2_595.0 * math.log10(1.0 + hertz / 700.0) for hertz in (LOWEST_HZ, HIGHEST_HZ))
    edges = 700.0 * (10.0 ** (np.linspace(low, high, MELS + 2) / 2_595.0) - 1.0)
    bins = np.arange(FFT // 2 + 1) * RATE_HZ / FFT
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - left) / (centre - left), (right - bins) / (right - centre)
    return np.maximum(0.0, np.minimum(rising, falling))


_MEL = _mel_filters()
