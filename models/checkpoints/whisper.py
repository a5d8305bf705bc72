"""Pretrained Whispers: their encoder, one that was adapted, the decoder for one that is loaded."""

import dataclasses
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from models.checkpoints.hub import checkpoint_folder
from models.config import SpeechEncoderConfig, TranscriptionConfig
from models.pretrained.whisper_shape import (
    DECODER_SHAPE,
    ENGLISH_ONLY,
    SHAPE,
    SHORT_INPUTS,
    whisper_shape,
)
from models.speech_decoder import SpeechDecoder
from models.speech_encoder import SpeechEncoder
from models.tokenizer import JsonTokenizer
from models.weights import (
    CheckpointError,
    WeightFiles,
    fill_parameters,
    read_json,
    without_weights,
    write_json,
)

END = "<|endoftext|>"
NO_SPEECH = ("<|nospeech|>", "<|nocaptions|>")
"""Names that Whisper's tokenizers have for the token of an input without speech."""
CLOSENESS = 2.0**-7
"""Largest difference, relative to the largest weight, that rounding to 16 bits explains."""


def load_encoder(source: str | Path) -> SpeechEncoder:
    """Returns the encoder of a pretrained Whisper, float32 on the CPU.

    Args:
        source: A folder, a hub id, or a part of the catalogue such as `whisper-tiny.en`.

    Raises:
        CheckpointError: It is no Whisper, or damaged.
    """
    folder = checkpoint_folder(source)
    shape = whisper_shape(read_json(folder / "config.json"))
    files = WeightFiles(folder)
    with without_weights():
        encoder = SpeechEncoder(shape)
    fill_parameters(
        encoder,
        lambda name, _: files.read(f"model.encoder.{name.removeprefix('whisper.')}"),
        dtype=torch.float32,
        device=torch.device("cpu"),
    )
    return encoder.eval()


def save_adapted(encoder: SpeechEncoder, source: str | Path, folder: Path) -> None:
    """Writes the Whisper in `source` with another encoder, 16 bits, as `transformers` lays it out.

    Args:
        encoder: Of the same measures; how it wants its input is written beside them.
        source: As for `load_encoder`.
        folder: Exists.

    Raises:
        CheckpointError: `source` cannot be read.
    """
    from safetensors.torch import save_file

    origin = checkpoint_folder(source)
    files = WeightFiles(origin)
    tensors = {name: files.read(name) for name in files.names()}
    for name, parameter in encoder.whisper.named_parameters():
        tensors[f"model.encoder.{name}"] = parameter.detach()
    halves = {name: value.to(torch.float16).contiguous() for name, value in tensors.items()}
    save_file(halves, str(folder / "model.safetensors"), metadata={"format": "pt"})
    for path in origin.iterdir():
        if path.suffix == ".json" and not path.name.endswith(".index.json"):
            shutil.copy(path, folder)
    config = read_json(origin / "config.json")
    config |= {key: getattr(encoder.config, key) for key in SHORT_INPUTS}
    write_json(folder / "config.json", config)


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
    told = whisper_transcription(folder, tokenizer, shape, language=language)
    return LoadedDecoder(decoder.eval(), shape, told, tokenizer)


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
        encoder, **{ours: config[theirs] for theirs, ours in DECODER_SHAPE.items()}
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


def whisper_transcription(
    folder: Path, tokenizer: JsonTokenizer, shape: SpeechEncoderConfig, *, language: str = "en"
) -> TranscriptionConfig:
    """Returns the prompt for words without times; everything but words and the end is suppressed.

    Args:
        folder: Of a Whisper, with a `generation_config.json` where it has one.
        tokenizer: Its own.
        shape: Of its decoder.
        language: As for `load_decoder`.

    Raises:
        CheckpointError: The tokenizer is not Whisper's.
    """
    start, end = tokenizer.special_id("<|startoftranscript|>"), tokenizer.special_id(END)
    if start is None or end is None:
        raise CheckpointError(f"{folder / 'tokenizer.json'} is not the tokenizer of a Whisper")
    # Those that know English alone have these tokens too, but were never trained on them.
    spoken = (f"<|{language}|>", "<|transcribe|>") if shape.vocabulary != ENGLISH_ONLY else ()
    optional = (*spoken, "<|notimestamps|>")
    ids = (tokenizer.special_id(token) for token in optional)
    path = folder / "generation_config.json"
    generation = read_json(path) if path.exists() else {}
    listed = generation.get("suppress_tokens") or []
    heads = generation.get("alignment_heads") or []
    suppressed = {i for i in listed if 0 <= i < shape.vocabulary and i != end}
    suppressed |= set(range(end + 1, shape.vocabulary))
    return TranscriptionConfig(
        prompt_ids=(start, *(i for i in ids if i is not None)),
        stop_ids=(end,),
        suppressed_ids=tuple(sorted(suppressed)),
        no_speech_id=next((i for i in map(tokenizer.special_id, NO_SPEECH) if i is not None), None),
        alignment_heads=tuple((int(layer), int(head)) for layer, head in heads),
    )
