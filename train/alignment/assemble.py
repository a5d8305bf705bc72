"""A new BLSP-Emo model from a pretrained Whisper and a pretrained LLM."""

import logging
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from models.adapters.build import build_adapter
from models.blsp_emo import BlspEmo
from models.checkpoints.checkpoint import read_tokenizer, save
from models.checkpoints.composed import PartWeights
from models.checkpoints.hub import checkpoint_folder, is_part
from models.checkpoints.whisper import whisper_transcription
from models.config import (
    AdapterConfig,
    BlspEmoConfig,
    EmotionHeadConfig,
    LoraConfig,
    PartsConfig,
    SpeechEncoderConfig,
    TranscriptionConfig,
    WordConfidenceConfig,
)
from models.emotion.heads import build_emotion_head
from models.int8 import take_stored
from models.precision import check_fits
from models.pretrained.whisper_shape import whisper_shape
from models.tokenizer import JsonTokenizer
from models.weights import (
    CheckpointError,
    WeightFiles,
    fill_parameters,
    read_json,
    without_weights,
)
from train.alignment.settings import AssembleSettings, StartSettings
from train.llm_updates import (
    EMOTION_VECTORS,
    as_changes,
    check_changes,
    positions_told_in,
)

logger = logging.getLogger(__name__)


def start_model(model: str, parts: StartSettings) -> BlspEmo:
    """Returns the model that training starts from, on the CPU.

    Args:
        model: A checkpoint; empty for a model of `parts`.
        parts: Names them.

    Raises:
        ValueError: The settings name no start.
        CheckpointError: A checkpoint cannot be used.
    """
    if model:
        return BlspEmo.from_pretrained(model, dtype=parts.dtype, device="cpu")
    if parts.speech and parts.llm:
        return assemble(parts)
    raise ValueError("name what to start from: --model, or --speech and --llm")


def write_assembled(settings: AssembleSettings) -> None:
    """Writes a checkpoint of pretrained parts, which trains further or is talked to as it is.

    Raises:
        ValueError: The settings name no parts, or the place is taken.
        CheckpointError: A part cannot be used.
    """
    if not (settings.speech and settings.llm):
        raise ValueError("name what to put together: --speech and --llm")
    if settings.out.exists():
        raise ValueError(f"{settings.out} exists: choose another --out")
    changes = None
    updates = settings.updates
    if updates is not None:
        settings = settings.model_copy(update={"emotion_vectors": True})
        if not is_part(settings.llm):
            raise ValueError(
                f"--updates are added to a part wherever it is used: name a part of the catalogue "
                f"(`python app.py models`) by --llm instead of {settings.llm}"
            )
        changes = as_changes(updates, settings.updates_share)
    model = assemble(settings, from_part=changes is not None)
    if changes is not None:
        check_changes(changes, model)
    limits = {
        name: getattr(settings, name) for name in ("talk_tokens", "talk_turns", "turn_tokens")
    }
    guidance = replace(model.config.guidance, weight=settings.guidance)
    parts = None
    if changes is not None:
        parts = PartsConfig(llm=settings.llm)
        limits["emotion_positions"] = positions_told_in(changes, model.llm.width)
    model.config = replace(model.config, guidance=guidance, parts=parts, **limits)
    save(model.checkpoint(llm_changes=changes), settings.out)
    size = sum(path.stat().st_size for path in settings.out.iterdir()) / 1e6
    print(f"{settings.out}: {size:.0f} MB")


def assemble(settings: StartSettings, *, from_part: bool = False) -> BlspEmo:
    """Returns Whisper and an LLM with a new adapter, partial LoRA and emotion head between them.

    Args:
        settings: What it is put together from.
        from_part: Leaves the matrices of the LLM as its part stores them where that is in 8 bits.

    Raises:
        CheckpointError: One of the two is missing, damaged or of another architecture.
    """
    speech, llm = checkpoint_folder(settings.speech), checkpoint_folder(settings.llm)
    whisper = read_json(speech / "config.json")
    transcription = _transcription(speech, whisper_shape(whisper))
    config = assembled_config(settings, whisper, llm, transcription)
    if config.transcription is None:
        encoder = replace(config.speech_encoder, decoder_layers=0)
        config = replace(config, speech_encoder=encoder)
    decoder_tokenizer = JsonTokenizer(speech / "tokenizer.json") if config.has_decoder else None
    tokenizer = read_tokenizer(llm)
    with without_weights():
        model = BlspEmo(config, tokenizer=tokenizer, decoder_tokenizer=decoder_tokenizer)
    dtype = cast(torch.dtype, getattr(torch, settings.dtype))
    cpu = torch.device("cpu")
    pretrained = PartWeights({"speech": speech, "llm": llm})
    source = _Source(config, model.llm.width, pretrained)
    if from_part and pretrained.holds_int8:
        take_stored(model, pretrained.stored, source.read)
    check_fits(model, dtype, cpu)
    fill_parameters(model, source.read, dtype=dtype, device=cpu)
    return model.eval()


def assembled_config(
    settings: StartSettings,
    whisper: dict[str, Any],
    llm_folder: Path,
    transcription: TranscriptionConfig | None = None,
) -> BlspEmoConfig:
    """Returns the configuration of the assembled model.

    Raises:
        CheckpointError: `whisper` is not the configuration of a Whisper.
        ValueError: The settings ask for parts that do not go together.
    """
    llm = read_json(llm_folder / "config.json")
    context = int(llm.get("max_position_embeddings", 2048))
    more: dict[str, Any] = {"persona": settings.persona} if settings.persona else {}
    return BlspEmoConfig(
        llm=llm,
        speech_encoder=whisper_shape(whisper),
        adapter=AdapterConfig(
            kind=settings.adapter,
            inner_width=settings.adapter_width,
            vocabulary=llm["vocab_size"] if settings.adapter == "cformer" else 0,
        ),
        lora=LoraConfig(
            rank=settings.lora_rank,
            alpha=float(settings.lora_rank),
            targets=settings.lora_targets,
        )
        if settings.lora_rank
        else None,
        emotion_head=EmotionHeadConfig(kind=settings.emotion_head),
        emotion_in_embeddings=settings.emotion_vectors or _has_emotion_vectors(llm_folder),
        transcription=transcription,
        word_confidence=WordConfidenceConfig() if settings.adapter == "words" else None,
        context_tokens=min(context, 8192),
        **more,
    )


def _has_emotion_vectors(llm_folder: Path) -> bool:
    """Whether the LLM was taught with vectors for how a person sounds."""
    return EMOTION_VECTORS in WeightFiles(llm_folder).names()


def _transcription(speech: Path, shape: SpeechEncoderConfig) -> TranscriptionConfig | None:
    """How Whisper's decoder is prompted for English; without its tokenizer no decoder is kept."""
    path = speech / "tokenizer.json"
    if not path.exists():
        logger.warning("%s has no tokenizer.json: no decoder is kept", speech)
        return None
    return whisper_transcription(speech, JsonTokenizer(path), shape)


class _Source:
    """Weights of an assembled model: pretrained ones from files, new ones at random."""

    def __init__(self, config: BlspEmoConfig, width: int, pretrained: PartWeights) -> None:
        self._pretrained = pretrained
        shape = config.speech_encoder
        adapter = build_adapter(config.adapter, shape, width)
        head = build_emotion_head(config.emotion_head, shape, width)
        self._new = {f"adapter.{name}": value for name, value in adapter.named_parameters()}
        self._new |= {f"emotion_head.{name}": value for name, value in head.named_parameters()}

    def read(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Returns the weights of one parameter.

        Raises:
            CheckpointError: The pretrained checkpoint lacks them.
        """
        if name in self._new:
            return self._new[name].detach()
        last = name.rsplit(".", 1)[-1]
        if last == "lora_a":
            return nn.init.kaiming_uniform_(torch.empty(shape), a=math.sqrt(5))
        # One factor at zero: the update is none at first, and the LLM answers as it was pretrained.
        if last == "lora_b":
            return torch.zeros(shape)
        found = self._pretrained.find(name)
        # Where the LLM brings none of its own they begin as nothing, as in `BlspEmo`.
        if found is None and name == EMOTION_VECTORS:
            return torch.zeros(shape)
        if found is None:
            raise CheckpointError(f"the pretrained checkpoints lack {name}: copy them again")
        return found
