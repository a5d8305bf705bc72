"""Adapters: encoder states → speech embeddings of the LLM's width."""

from torch import nn

from models.adapters.cformer import CFormer
from models.adapters.subsampler import Subsampler
from models.adapters.words import WordsAdapter
from models.config import AdapterConfig, SpeechEncoderConfig


def build_adapter(config: AdapterConfig, encoder: SpeechEncoderConfig, out_width: int) -> nn.Module:
    """Returns the adapter that `config.kind` names.

    Raises:
        ValueError: The shape is impossible.
    """
    if config.kind == "words":
        return WordsAdapter(encoder, out_width)
    if config.kind == "cformer":
        if encoder.width % config.heads:
            raise ValueError(f"{config.heads} heads do not divide a width of {encoder.width}")
        return CFormer(config, encoder, out_width)
    return Subsampler(config, encoder, out_width)
