"""How a voice sounds over an utterance, as statistics of an encoder's states.

Only what is loud counts: silence around an utterance changes nothing, and neither does its length.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.emotion.spoken_part import loud_frames, mel_levels
from models.features import SpeechFeatures


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


def _any_of(frames: Tensor, step: int) -> Tensor:
    """Returns whether any of each `step` frames (F,) is true."""
    padded = torch.nn.functional.pad(frames, (0, -len(frames) % step))
    return padded.view(-1, step).any(dim=1)
