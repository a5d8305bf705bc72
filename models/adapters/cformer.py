"""The `cformer` adapter: continuous integrate-and-fire, one embedding for each token."""

import numpy as np
import torch
from torch import Tensor, nn

from models.adapters.embeddings import SpeechEmbeddings, encoder_layers
from models.config import AdapterConfig, SpeechEncoderConfig
from models.masks import attention_bias, lengths_to_mask
from models.speech_encoder import SpeechStates


class CFormer(nn.Module):
    """Transformer blocks before and after integrate-and-fire (CIF, arXiv 1905.11235).

    The last channel of each state, through a sigmoid, is its weight; where the running sum of
    the weights passes a whole number an embedding fires, the weighted sum of the states since
    the one before. The weights are scaled to sum to the number of tokens.
    """

    def __init__(self, config: AdapterConfig, encoder: SpeechEncoderConfig, out_width: int) -> None:
        super().__init__()
        width = encoder.width
        self.pre_cif_layers = encoder_layers(
            config.pre_cif_layers, encoder, heads=config.heads, width=width
        )
        self.pre_cif_layer = None if config.pre_cif_layers else nn.Linear(width, width)
        self.cif_proj = nn.Linear(width - 1, width)
        self.post_cif_layers = encoder_layers(
            config.post_cif_layers, encoder, heads=config.heads, width=width
        )
        self.token_embed_proj = nn.Linear(width, out_width)
        # No loss term of the two stages reads it: it is here because the checkpoints hold it.
        self.lm_head = nn.Linear(width, config.vocabulary, bias=False)

    def forward(self, speech: SpeechStates, token_counts: Tensor | None = None) -> SpeechEmbeddings:
        """Returns one embedding for each token.

        Args:
            speech: Encoder states.
            token_counts: (B,) tokens to fire, in training; None lets the weights decide.
        """
        hidden = self.before(speech)
        raw = torch.sigmoid(hidden[..., -1].float()) * speech.mask
        sums = raw.sum(dim=-1)
        counts = torch.round(sums) if token_counts is None else token_counts.to(sums.device)
        counts = counts.long().clamp(min=1)
        weights = raw * (counts.to(raw.dtype) / sums)[:, None]
        fired = integrate_and_fire(hidden[..., :-1], weights, counts)
        hidden = self.cif_proj(fired)
        bias = attention_bias(lengths_to_mask(counts), hidden.dtype)
        for layer in self.post_cif_layers:
            hidden = layer(hidden, bias)
        return SpeechEmbeddings(
            embeddings=self.token_embed_proj(hidden),
            lengths=counts,
            weights=weights,
            predicted_counts=sums,
        )

    def before(self, speech: SpeechStates) -> Tensor:
        """Returns (B, S, D) states after the blocks that stand before integrate-and-fire."""
        if self.pre_cif_layer is not None:
            return self.pre_cif_layer(speech.states)
        hidden = speech.states
        bias = None if bool(speech.mask.all()) else attention_bias(speech.mask, hidden.dtype)
        for layer in self.pre_cif_layers:
            hidden = layer(hidden, bias)
        return hidden


def integrate_and_fire(states: Tensor, weights: Tensor, counts: Tensor) -> Tensor:
    """Returns (B, N, D), the sums of `states` (B, S, D) between whole numbers of weight.

    State s covers the stretch [c(s-1), c(s)) of the running sum c of its weights (B, S); the
    share that falls into [n, n+1) goes to embedding n. What lies beyond the last embedding
    (rounding, or counts below the sum) goes to it.

    Args:
        states: (B, S, D).
        weights: (B, S), not negative, zero outside the utterance.
        counts: (B,) embeddings of each utterance; N is the largest.
    """
    lower = _running_sums(weights)
    upper = lower + weights.double()
    size = int(counts.max())
    index = torch.arange(size, device=weights.device)[None, :, None]
    last = (index == (counts - 1)[:, None, None]).expand(-1, -1, weights.shape[1])
    start = index.double().expand_as(last)
    end = torch.where(last, torch.full_like(start, torch.inf), start + 1.0)
    shares = torch.minimum(upper[:, None], end) - torch.maximum(lower[:, None], start)
    shares = shares.clamp(min=0.0) * (index < counts[:, None, None])
    return shares.to(states.dtype) @ states


def _running_sums(weights: Tensor) -> Tensor:
    """Returns (B, S) float64 sums of the weights before each state.

    The gradient is that of a plain sum. The values are those of an accumulator in float32 that is
    set back by one at each embedding, as models are trained with: over a few hundred states their
    rounding differs from an exact sum by more than parity allows.
    """
    exact = weights.double().cumsum(dim=1) - weights.double()
    rows = weights.detach().float().cpu().numpy()
    sums = np.zeros(rows.shape, dtype=np.float64)
    fired = np.zeros(len(rows), dtype=np.float64)
    accumulator = np.zeros(len(rows), dtype=np.float32)
    for index in range(rows.shape[1]):
        sums[:, index] = fired + accumulator
        accumulator = accumulator + rows[:, index]
        whole = np.floor(accumulator)
        accumulator = accumulator - whole
        fired += whole
    return exact + (torch.from_numpy(sums).to(exact.device) - exact).detach()
