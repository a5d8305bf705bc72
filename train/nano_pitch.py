"""Pitch of speech over time, which nano's emotion heads learn to hear before they learn emotion.

A few hundred acted recordings do not teach convolutions to find the pitch in a spectrogram; hours
of any speech do, and nobody has to label them.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch import Tensor

from train.synthesis import SAMPLE_RATE_HZ, normalised_autocorrelation

HOP = 640
"""Samples from one value to the next: 40 ms."""
PITCH_VALUES = 4
"""Of each state of an emotion head, which lasts 160 ms."""
WINDOW = 1024
REFERENCE_HZ = 150.0
LOWEST_HZ, HIGHEST_HZ = 64.0, 590.0
VOICED = 0.55
"""Least autocorrelation of a voiced window."""
LOUD = 0.02
"""Of the loudest windows' power: softer ones count as unvoiced."""
SHORT_LAGS = 4e-4
"""Taken from the autocorrelation for each sample of lag, against errors by an octave."""


class PitchTrack(NamedTuple):
    """Pitch of utterances; a track of numpy arrays before they are collated, of tensors after."""

    octaves: Tensor
    """(B, S, 4) octaves above 150 Hz; means nothing where there is no voice."""
    voiced: Tensor
    """(B, S, 4): 1 where there is a voice."""


def pitch_track(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns (2, N) of 16 kHz speech every 40 ms: octaves above 150 Hz, and 1 where voiced.

    The highest peak of the normalised autocorrelation, without smoothing (Boersma 1993).
    """
    count = waveform.size // HOP + 1
    padded = np.pad(waveform, (WINDOW // 2, WINDOW // 2 + HOP))
    frames = sliding_window_view(padded, WINDOW)[::HOP][:count]
    frames = frames - frames.mean(axis=1, keepdims=True)
    power = np.square(frames).mean(axis=1)
    found = normalised_autocorrelation(frames)
    first, last = int(SAMPLE_RATE_HZ / HIGHEST_HZ), int(SAMPLE_RATE_HZ / LOWEST_HZ)
    lags = np.arange(first, last)
    best = np.argmax(found[:, first:last] - SHORT_LAGS * lags, axis=1) + first
    sure = found[np.arange(count), best] > VOICED
    voiced = sure & (power > LOUD * np.percentile(power, 95))
    octaves = np.log2(SAMPLE_RATE_HZ / best / REFERENCE_HZ)
    return np.stack([octaves, voiced]).astype(np.float32)


def collate_pitch(tracks: Sequence[NDArray[np.float32]], frames: int) -> PitchTrack:
    """Returns the tracks of utterances of at most `frames` log-mel frames as one batch."""
    values = ((frames - 1) // 16 + 1) * PITCH_VALUES
    out = torch.zeros(2, len(tracks), values)
    for row, track in enumerate(tracks):
        kept = min(values, track.shape[1])
        out[:, row, :kept] = torch.from_numpy(track[:, :kept])
    octaves, voiced = out.view(2, len(tracks), -1, PITCH_VALUES)
    return PitchTrack(octaves, voiced)


def pitch_losses(guess: Tensor, track: PitchTrack, inside: Tensor) -> Mapping[str, Tensor]:
    """Returns `pitch`, the error in octaves where there is a voice, and `voiced`, whether there is.

    Args:
        guess: (B, S, 8): four values of octaves, and four logits of a voice.
        track: What is right, of at least S states.
        inside: (B, S) bool, whether a state belongs to its utterance.
    """
    octaves, logits = guess.chunk(2, dim=-1)
    states = guess.shape[1]
    right, voiced = track.octaves[:, :states], track.voiced[:, :states]
    counted = voiced * inside[..., None]
    error = F.smooth_l1_loss(octaves, right, reduction="none", beta=0.2)
    pitch = (error * counted).sum() / counted.sum().clamp(min=1.0)
    missed = F.binary_cross_entropy_with_logits(logits, voiced, reduction="none")
    return {"pitch": pitch, "voiced": missed[inside].mean()}
