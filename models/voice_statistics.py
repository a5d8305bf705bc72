"""How a voice sounds over an utterance, as one vector: statistics that need no training.

Functionals of spectral descriptors, as emotion recognition has used them before networks (eGeMAPS,
doi.org/10.1109/TAFFC.2015.2457417), beside those of an encoder's states. Only what is loud counts:
silence around an utterance changes nothing, and neither does its level nor its length.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from models.features import SpeechFeatures
from models.spoken_part import loud_frames, mel_levels

STRONG_DECADES = 1.5
"""Below the loudest frame, in log10 energy: what is quieter is not the core of a syllable."""
BANDS = 16
CEPSTRA = 13
SUMMARY = 7
"""Values of `_summary`."""
SHARES = (0.05, 0.2, 0.5, 0.8, 0.95)
COUNT = 4 * SUMMARY + 4 * BANDS + 3 * CEPSTRA + 1
"""Values that describe the spectrogram."""


def voice_statistics(features: SpeechFeatures, states: Tensor) -> Tensor:
    """Returns (B, COUNT + 2 · W); NaN for what an utterance lacks, such as anything soft.

    Args:
        features: Log-mel spectrograms (B, M, F) as of `speech_features`.
        states: (B, S, W) of an encoder that made each state of as many frames, on any device.
    """
    states = states.to(features.log_mel.device, torch.float32)
    step = _frames_per_state(features, states.shape[1])
    rows = [
        _of_one(log_mel[:, :length], one, step)
        for log_mel, length, one in zip(
            features.log_mel, features.lengths.tolist(), states, strict=True
        )
    ]
    return torch.stack(rows)


def layer_statistics(features: SpeechFeatures, layers: Sequence[Tensor]) -> Tensor:
    """Returns means and deviations over the loud states of each layer (B, 2 · L · W), float32.

    Args:
        features: As of `speech_features`.
        layers: (B, S, W) each, of an encoder that made each state of as many frames.
    """
    stacked = torch.stack(tuple(layers), dim=1).float()
    step = _frames_per_state(features, stacked.shape[2])
    rows: list[Tensor] = []
    for log_mel, length, one in zip(
        features.log_mel, features.lengths.tolist(), stacked, strict=True
    ):
        heard = _any_of(loud_frames(mel_levels(log_mel[:, :length])), step)
        voiced = one[:, : len(heard)][:, heard.to(one.device)]
        deviation = voiced.std(dim=1, unbiased=False)
        rows.append(torch.cat([voiced.mean(dim=1).flatten(), deviation.flatten()]))
    return torch.stack(rows)


def _frames_per_state(features: SpeechFeatures, states: int) -> int:
    """Returns how many frames each state is made of; the last may have fewer.

    States end where the longest utterance does: those of silence behind it are not among them.
    """
    return -(-int(features.lengths.max()) // states)


def _of_one(log_mel: Tensor, states: Tensor, step: int) -> Tensor:
    """Returns the statistics of log-mel features (M, F) and states (S, W) of `step` frames."""
    levels = mel_levels(log_mel)
    loud = loud_frames(levels)
    levels = levels[:, loud]
    powers = 10.0**levels
    energy = powers.sum(dim=0).log10()
    strong = energy > energy.max() - STRONG_DECADES
    bands = powers.unflatten(0, (BANDS, -1)).sum(dim=1).log10()
    relative = bands - energy
    cepstra = _cosines(len(levels)).to(levels) @ levels
    low = 3 * len(levels) // 8
    tilt = powers[:low].sum(dim=0).log10() - powers[low:].sum(dim=0).log10()
    places = torch.arange(len(levels), dtype=powers.dtype, device=powers.device)
    centre = (places @ powers) / powers.sum(dim=0)
    heard = _any_of(loud, step)[: len(states)]
    voiced = states[: len(heard)][heard].T
    return torch.cat(
        [
            _summary(energy - energy.max()),
            _summary(energy.diff()),
            _summary(tilt),
            _summary(centre),
            relative[:, strong].mean(dim=1),
            _deviation(relative[:, strong]),
            relative[:, ~strong].mean(dim=1),
            bands.diff(dim=1).abs().mean(dim=1),
            cepstra.mean(dim=1),
            _deviation(cepstra),
            _deviation(cepstra.diff(dim=1)),
            strong.float().mean()[None],
            voiced.mean(dim=1),
            _deviation(voiced),
        ]
    )


def _summary(values: Tensor) -> Tensor:
    """Returns mean, deviation and quantiles (7,) of values (N,)."""
    if not len(values):
        return values.new_full((SUMMARY,), torch.nan)
    shares = torch.tensor(SHARES, dtype=values.dtype, device=values.device)
    moments = torch.cat([values.mean()[None], _deviation(values[None])])
    return torch.cat([moments, values.quantile(shares)])


def _deviation(rows: Tensor) -> Tensor:
    """Returns the deviations (K,) of rows (K, N) from their means; NaN where N is 0."""
    return (rows - rows.mean(dim=1, keepdim=True)).square().mean(dim=1).sqrt()


def _any_of(frames: Tensor, step: int) -> Tensor:
    """Returns whether any of each `step` frames (F,) is true."""
    padded = torch.nn.functional.pad(frames, (0, -len(frames) % step))
    return padded.view(-1, step).any(dim=1)


@lru_cache(maxsize=4)
def _cosines(bins: int) -> Tensor:
    """Returns (CEPSTRA, bins), the discrete cosine transform without its constant."""
    places = torch.pi / bins * (torch.arange(bins) + 0.5)
    return torch.cos(places * torch.arange(1, CEPSTRA + 1)[:, None]) * (2.0 / bins) ** 0.5
