import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from models.masks import (
    embeddings_of_states,
    frames_of_samples,
    lengths_to_mask,
    states_of_frames,
)


@given(st.integers(1, 400))
def test_encoder_states_match_the_convolution(frames: int):
    conv = nn.Conv1d(1, 1, 3, stride=2, padding=1)
    assert states_of_frames(frames) == conv(torch.zeros(1, 1, frames)).shape[-1]


@given(st.integers(1, 300), st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_embedding_counts_match_the_convolutions(states: int, kernels: list[int]):
    values = torch.zeros(1, 1, states)
    for kernel in kernels:
        values = nn.functional.conv1d(
            values, torch.zeros(1, 1, kernel), stride=2, padding=kernel // 2
        )
    assert embeddings_of_states(states, kernels) == values.shape[-1]


def test_frames_hold_every_sample():
    assert [frames_of_samples(n) for n in (0, 1, 160, 161)] == [0, 1, 1, 2]


def test_a_mask_is_true_below_the_length():
    mask = lengths_to_mask(torch.tensor([1, 3]), 4)
    assert mask.tolist() == [[True, False, False, False], [True, True, True, False]]
