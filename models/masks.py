"""Lengths and masks: samples → mel frames → encoder states → speech embeddings."""

from collections.abc import Iterable

import torch
from torch import Tensor

from models.config import FRAMES_PER_STATE

HOP_SAMPLES = 160
"""Samples between two mel frames (10 ms at 16 kHz)."""


def frames_of_samples(samples: int) -> int:
    """Returns the mel frames that hold a part of the signal."""
    return -(-samples // HOP_SAMPLES)


def states_of_frames(frames: int) -> int:
    """Returns the encoder states of `frames` mel frames (one convolution of stride 2)."""
    return (frames - 1) // FRAMES_PER_STATE + 1 if frames > 0 else 0


def embeddings_of_states(states: int, kernel_sizes: Iterable[int]) -> int:
    """Returns the speech embeddings that convolutions of stride 2 make of `states`.

    A kernel of size k is padded by k // 2; an even kernel gives one more where L is even.
    """
    for kernel in kernel_sizes:
        states = (states + 2 * (kernel // 2) - kernel) // 2 + 1 if states > 0 else 0
    return states


def lengths_to_mask(lengths: Tensor, size: int | None = None) -> Tensor:
    """Returns a bool mask (B, size), true below each length (B,).

    Args:
        lengths: (B,) integers.
        size: Columns; the largest length if not given.
    """
    columns = int(lengths.max()) if size is None else size
    return torch.arange(columns, device=lengths.device)[None, :] < lengths[:, None]


def attention_bias(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Returns (B, 1, 1, S), 0 where `mask` (B, S) is true and the lowest number elsewhere."""
    bias = torch.zeros(mask.shape, dtype=dtype, device=mask.device)
    return bias.masked_fill(~mask, torch.finfo(dtype).min)[:, None, None, :]


def blank_outside(values: Tensor, mask: Tensor) -> Tensor:
    """Returns `values` (B, S, D) with zeros where `mask` (B, S) is false."""
    return values.masked_fill(~mask[..., None], 0.0)
