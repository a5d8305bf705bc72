"""A pretrained Whisper's decoder for an encoder that is already loaded."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from models.config import SpeechEncoderConfig, TranscriptionConfig
from models.hub import checkpoint_folder
from models.speech_decoder import SpeechDecoder
from models.speech_encoder import SpeechEncoder
from models.tokenizer import JsonTokenizer
from models.weights import (
    CheckpointError,
    WeightFiles,
    fill_parameters,
    read_json,
    without_weights,
)

END = "<|endoftext|>"
CLOSENESS = 2.0**-7
"""Largest difference, relative to the largest weight, that rounding to 16 bits explains."""

SHAPE = {
    "num_mel_bins": "mel_bins",
    "d_model": "width",
    "encoder_layers": "layers",
    "encoder_attention_heads": "heads",
    "encoder_ffn_dim": "ffn",
    "max_source_positions": "max_positions",
}
"""Whisper's name of each measure of the encoder → ours."""


@dataclass(frozen=True, slots=True)
class LoadedDecoder:
    """A decoder and what it takes to use it."""

    decoder: SpeechDecoder
    shape: SpeechEncoderConfig
    """That of the encoder, with the decoder's measures."""
    transcription: TranscriptionConfig
    tokenizer: JsonTokenizer


def load_decoder(
    source: str | Path, encoder: SpeechEncoder, *, language: str = "en"
) -> LoadedDecoder:
    """Returns the decoder of the Whisper checkpoint that `encoder` came from.

    BLSP-Emo never trains Whisper, so the decoder of the same Whisper (large-v2 for the published
    checkpoint) fits its encoder; the encoders' tensors are compared to make sure.

    Args:
        source: A folder or hub id in the layout of `openai/whisper-large-v2`.
        encoder: Loaded.
        language: Of the words, as Whisper abbreviates it; English-only checkpoints ignore it.

    Raises:
        CheckpointError: It is no Whisper, or the encoders differ.
    """
    folder = checkpoint_folder(source)
    config = read_json(folder / "config.json")
    shape = _decoder_shape(config, encoder.config, folder)
    files = WeightFiles(folder)
    _compare_encoders(files, encoder)
    with without_weights():
        decoder = SpeechDecoder(shape)
    weight = encoder.whisper.conv1.weight
    fill_parameters(
        decoder,
        lambda name, _: files.read(f"model.decoder.{name.removeprefix('whisper.')}"),
        dtype=weight.dtype,
        device=weight.device,
    )
    tokenizer = _tokenizer(folder)
    return LoadedDecoder(
        decoder.eval(), shape, _transcription(folder, tokenizer, shape, language), tokenizer
    )


def _decoder_shape(
    config: dict[str, Any], encoder: SpeechEncoderConfig, folder: Path
) -> SpeechEncoderConfig:
    if config.get("model_type") != "whisper":
        raise CheckpointError(f"{folder} holds no Whisper: give the folder of one, or its hub id")
    for theirs, ours in SHAPE.items():
        if config.get(theirs) != getattr(encoder, ours):
            raise CheckpointError(
                f"the Whisper in {folder} has {theirs} {config.get(theirs)} and the encoder "
                f"{getattr(encoder, ours)}: its decoder does not fit, use the Whisper that the "
                "checkpoint was made with (openai/whisper-large-v2 for cwang621/blsp-emo)"
            )
    return dataclasses.replace(
        encoder,
        decoder_layers=config["decoder_layers"],
        decoder_heads=config["decoder_attention_heads"],
        decoder_ffn=config["decoder_ffn_dim"],
        vocabulary=config["vocab_size"],
        max_target_positions=config["max_target_positions"],
    )


def _compare_encoders(files: WeightFiles, encoder: SpeechEncoder) -> None:
    for name, parameter in encoder.whisper.named_parameters():
        theirs = files.read(f"model.encoder.{name}").float()
        difference = (theirs - parameter.detach().float().cpu()).abs().max()
        if difference > CLOSENESS * theirs.abs().max() + torch.finfo(torch.float16).tiny:
            raise CheckpointError(
                f"the encoders differ in {name}: this Whisper is not the one that the checkpoint "
                "was made with, so that its decoder would not understand these states"
            )


def _tokenizer(folder: Path) -> JsonTokenizer:
    path = folder / "tokenizer.json"
    if not path.exists():
        raise CheckpointError(f"{folder} lacks tokenizer.json: copy or download Whisper again")
    try:
        return JsonTokenizer(path)
    except ValueError as error:
        raise CheckpointError(f"{error}: copy it again") from error


def _transcription(
    folder: Path, tokenizer: JsonTokenizer, shape: SpeechEncoderConfig, language: str
) -> TranscriptionConfig:
    """Returns the prompt for words without times; everything but words and the end is suppressed.

    Raises:
        CheckpointError: The tokenizer is not Whisper's.
    """
    start, end = tokenizer.special_id("<|startoftranscript|>"), tokenizer.special_id(END)
    if start is None or end is None:
        raise CheckpointError(f"{folder / 'tokenizer.json'} is not the tokenizer of a Whisper")
    optional = (f"<|{language}|>", "<|transcribe|>", "<|notimestamps|>")
    ids = (tokenizer.special_id(token) for token in optional)
    path = folder / "generation_config.json"
    listed = read_json(path).get("suppress_tokens") or [] if path.exists() else []
    suppressed = {i for i in listed if 0 <= i < shape.vocabulary and i != end}
    suppressed |= set(range(end + 1, shape.vocabulary))
    return TranscriptionConfig(
        tokenizer="whisper",
        prompt_ids=(start, *(i for i in ids if i is not None)),
        stop_ids=(end,),
        suppressed_ids=tuple(sorted(suppressed)),
    )
