"""Whisper's encoder, for inputs of any length up to its 30 seconds."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.config import FRAMES_PER_STATE, SpeechEncoderConfig
from models.features import SpeechFeatures
from models.masks import attention_bias, blank_outside, lengths_to_mask
from models.torchaudio_guard import guard_torchaudio


@dataclass(frozen=True, slots=True)
class SpeechStates:
    """What the encoder makes of a batch of utterances."""

    states: Tensor
    """(B, S, D) without the states of padding that all utterances share."""
    lengths: Tensor
    """(B,) states that hold speech."""
    layers: tuple[Tensor, ...] = ()
    """Input of the first block and output of each, (B, S, D) each; empty unless asked for."""
    features: SpeechFeatures | None = None
    """What the encoder was given."""
    padded: Tensor | None = None
    """(B, P, D) with the states of the silence that follows, where the decoder needs them too."""
    padded_lengths: Tensor | None = None
    """(B,) states of `padded` that hold speech or that silence; None: all do."""

    @property
    def mask(self) -> Tensor:
        """(B, S) bool, true where there is speech."""
        return lengths_to_mask(self.lengths, self.states.shape[1])


class SpeechEncoder(nn.Module):
    """The encoder of Whisper (arXiv 2212.04356), which we run layer by layer.

    With `trained_on_short_inputs` the table of positions is sliced to the input with the silence
    that `trailing_frames` lets follow it, and padding is masked; otherwise the input is 30 s long
    and attends to its padding, as Whisper was trained.
    """

    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__()
        guard_torchaudio()
        from transformers.models.whisper.modeling_whisper import WhisperEncoder

        self.config = config
        self.whisper = WhisperEncoder(whisper_config(config))

    @property
    def pad_frames(self) -> int | None:
        """Frames that the features must be padded to; None when any length will do."""
        return None if self.config.trained_on_short_inputs else self.config.max_frames

    def forward(self, features: SpeechFeatures, *, all_layers: bool = False) -> SpeechStates:
        """Returns the states of `features`; with `all_layers` those below the last, too.

        Raises:
            ValueError: The input is longer than the table of positions, or is not padded to 30 s
                although the model needs it.
        """
        frames, longest = features.log_mel.shape[-1], int(features.lengths.max())
        limit = self.config.max_frames
        if longest > limit or (self.pad_frames and frames != limit):
            raise ValueError(f"the encoder takes {limit} frames and was given {frames}")
        lengths = _states(features.lengths)
        # Silence behind an utterance of nearly 30 s ends where the table of positions does.
        log_mel = features.log_mel[..., :limit]
        kept = (features.lengths + self.config.trailing_frames).clamp(max=log_mel.shape[-1])
        hidden, bias = self._embed(log_mel, kept)
        layers = [hidden]
        for layer in self.whisper.layers:
            hidden = layer(hidden, bias)
            layers.append(hidden)
        states = self.whisper.layer_norm(hidden)
        size = int(lengths.max())
        held = _states(kept).to(states.device)
        return SpeechStates(
            states=states[:, :size],
            lengths=lengths.to(states.device),
            layers=tuple(h[:, :size] for h in layers) if all_layers else (),
            features=features,
            padded=states if self.pad_frames or self.config.trailing_frames else None,
            padded_lengths=None if self.pad_frames else held,
        )

    def _embed(self, log_mel: Tensor, kept: Tensor) -> tuple[Tensor, Tensor | None]:
        """Returns the input of the first block and the attention bias, if there is one.

        Args:
            log_mel: (B, M, F).
            kept: (B,) frames that are no padding.
        """
        weight = self.whisper.conv1.weight
        hidden = F.gelu(self.whisper.conv1(log_mel.to(device=weight.device, dtype=weight.dtype)))
        bias: Tensor | None = None
        kept = kept.to(weight.device)
        if not self.pad_frames:
            frames = lengths_to_mask(kept, hidden.shape[-1])
            hidden = hidden.masked_fill(~frames[:, None, :], 0.0)
        hidden = F.gelu(self.whisper.conv2(hidden)).transpose(1, 2)
        if not self.pad_frames:
            mask = lengths_to_mask(_states(kept), hidden.shape[1])
            hidden = blank_outside(hidden, mask)
            bias = None if bool(mask.all()) else attention_bias(mask, hidden.dtype)
        hidden = hidden + self.whisper.embed_positions.weight[: hidden.shape[1]]
        return F.dropout(hidden, p=self.config.dropout, training=self.training), bias


def _states(frames: Tensor) -> Tensor:
    """Returns how many states (B,) hold `frames` (B,), at least one each."""
    return torch.div(frames - 1, FRAMES_PER_STATE, rounding_mode="floor") + 1


def whisper_config(config: SpeechEncoderConfig, **overrides: Any) -> Any:
    """Returns the `transformers.WhisperConfig` of our shape."""
    guard_torchaudio()
    from transformers import WhisperConfig

    settings: dict[str, Any] = {
        "num_mel_bins": config.mel_bins,
        "d_model": config.width,
        "encoder_layers": config.layers,
        "encoder_attention_heads": config.heads,
        "encoder_ffn_dim": config.ffn,
        "decoder_layers": config.decoder_layers,
        "decoder_attention_heads": config.decoder_heads,
        "decoder_ffn_dim": config.decoder_ffn,
        "vocab_size": config.vocabulary,
        "max_source_positions": config.max_positions,
        "max_target_positions": config.max_target_positions,
        "dropout": config.dropout,
        "pad_token_id": None,
        "bos_token_id": None,
        "eos_token_id": None,
        "decoder_start_token_id": 0,
        "begin_suppress_tokens": None,
        "attn_implementation": "sdpa",
    }
    return WhisperConfig(**{**settings, **overrides})
