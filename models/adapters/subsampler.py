"""The published adapter: subsampling convolutions and a residual bottleneck."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.adapters.embeddings import SpeechEmbeddings, encoder_layers
from models.config import AdapterConfig, SpeechEncoderConfig
from models.masks import attention_bias, blank_outside, embeddings_of_states, lengths_to_mask
from models.speech_encoder import SpeechStates


class Conv1dSubsampler(nn.Module):
    """Convolutions of stride 2, each followed by a gated linear unit.

    Speech-to-text transformer (arXiv 1911.08460), as BLSP (arXiv 2309.00916) uses it.
    """

    def __init__(self, width: int, out_width: int, kernel_sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.kernel_sizes = kernel_sizes
        last = len(kernel_sizes) - 1
        self.conv_layers = nn.ModuleList(
            nn.Conv1d(
                width,
                2 * (out_width if index == last else width),
                kernel,
                stride=2,
                padding=kernel // 2,
            )
            for index, kernel in enumerate(kernel_sizes)
        )

    def forward(self, states: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Returns (B, S', D') and (B,) lengths; nothing beyond an utterance's end leaks in."""
        for conv, kernel in zip(self.conv_layers, self.kernel_sizes, strict=True):
            states = blank_outside(states, lengths_to_mask(lengths, states.shape[1]))
            states = F.glu(conv(states.transpose(1, 2)), dim=1).transpose(1, 2)
            lengths = torch.div(lengths + 2 * (kernel // 2) - kernel, 2, rounding_mode="floor") + 1
        return states, lengths


class Subsampler(nn.Module):
    """The published adapter: subsampling convolutions and a residual bottleneck."""

    def __init__(self, config: AdapterConfig, encoder: SpeechEncoderConfig, out_width: int) -> None:
        super().__init__()
        self.config = config
        self.subsampler = Conv1dSubsampler(encoder.width, out_width, config.kernel_sizes)
        self.fc1 = nn.Linear(out_width, config.inner_width, bias=False)
        self.fc2 = nn.Linear(config.inner_width, out_width, bias=False)
        self.hidden_layers = encoder_layers(
            config.hidden_layers, encoder, heads=config.heads, width=config.inner_width
        )
        self.speech_ln = nn.LayerNorm(out_width)

    def forward(self, speech: SpeechStates, token_counts: Tensor | None = None) -> SpeechEmbeddings:
        """Returns one embedding for about eight states; `token_counts` is not needed."""
        del token_counts
        residual, lengths = self.subsampler(speech.states, speech.lengths)
        hidden = self.fc1(residual)
        if len(self.hidden_layers) == 0:
            hidden = F.gelu(hidden)
        bias = attention_bias(lengths_to_mask(lengths, hidden.shape[1]), hidden.dtype)
        for layer in self.hidden_layers:
            hidden = layer(hidden, bias)
        return SpeechEmbeddings(self.speech_ln(self.fc2(hidden) + residual), lengths)

    def count(self, states: int) -> int:
        """Returns the embeddings that `states` encoder states become."""
        return embeddings_of_states(states, self.config.kernel_sizes)
