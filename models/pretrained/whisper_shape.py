"""What the `config.json` of a Whisper says of its shape."""

from collections.abc import Mapping
from typing import Any

from models.config import SpeechEncoderConfig
from models.weights import CheckpointError

ENGLISH_ONLY = 51_864
"""Tokens of a Whisper that knows one language; others have at least one more."""

SHAPE = {
    "num_mel_bins": "mel_bins",
    "d_model": "width",
    "encoder_layers": "layers",
    "encoder_attention_heads": "heads",
    "encoder_ffn_dim": "ffn",
    "max_source_positions": "max_positions",
}
"""Whisper's name of each measure of the encoder → ours."""

DECODER_SHAPE = {
    "decoder_layers": "decoder_layers",
    "decoder_attention_heads": "decoder_heads",
    "decoder_ffn_dim": "decoder_ffn",
    "vocab_size": "vocabulary",
    "max_target_positions": "max_target_positions",
}
"""Likewise of the decoder."""

SHORT_INPUTS = ("trained_on_short_inputs", "trailing_frames")
"""Keys that our `config.json` of a Whisper has beyond those of `transformers`."""


def whisper_shape(config: Mapping[str, Any]) -> SpeechEncoderConfig:
    """Returns the shape of encoder and decoder that a Whisper's `config.json` describes.

    Raises:
        CheckpointError: It describes no Whisper, or lacks a measure.
    """
    if config.get("model_type") != "whisper":
        raise CheckpointError("this is no Whisper: give one such as whisper-tiny.en")
    measures = SHAPE | DECODER_SHAPE | {key: key for key in SHORT_INPUTS if key in config}
    if missing := [theirs for theirs in measures if theirs not in config]:
        raise CheckpointError(f"the Whisper's config.json lacks {missing[0]}: copy it again")
    return SpeechEncoderConfig(**{ours: config[theirs] for theirs, ours in measures.items()})
