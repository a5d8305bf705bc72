"""Nano's parts, trained apart, put together as one BLSP-Emo checkpoint."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from models.blsp_emo import BlspEmo
from models.config import (
    AdapterConfig,
    BlspEmoConfig,
    EmotionHeadConfig,
    LoraConfig,
    SpeechEncoderConfig,
    TranscriptionConfig,
    WordConfidenceConfig,
)
from models.tokenizer import JsonTokenizer
from train.nano_emotion import folded
from train.nano_llm import llm_shape
from train.nano_recogniser import marker_ids
from train.nano_text_batches import SAID_TOKENS, TALK_EXCHANGES, TALK_TOKENS

LLM_WIDTH = 256
STATISTICS_LAYER = 3
"""Of the encoder, for the linear emotion head: of the layers 1 to 5 it tells emotions best."""


def encoder_shape(vocabulary: int) -> SpeechEncoderConfig:
    """Returns the shape of nano's encoder and decoder."""
    return SpeechEncoderConfig(
        mel_bins=80,
        width=192,
        layers=5,
        heads=4,
        ffn=768,
        max_positions=752,
        frames_per_state=4,
        trained_on_short_inputs=True,
        dropout=0.05,
        decoder_layers=2,
        decoder_heads=4,
        decoder_ffn=768,
        vocabulary=vocabulary,
        max_target_positions=128,
    )


def nano_config(tokenizer: JsonTokenizer, spelling: int, *, heads: int = 1) -> BlspEmoConfig:
    """Returns the shape of nano: 6 M parameters of ears, 4 M of language.

    Args:
        tokenizer: Of the LLM and the recogniser.
        spelling: Its first ids, which spell text; the recogniser knows no others.
        heads: Emotion heads whose probabilities are averaged.
    """
    start, end = marker_ids(tokenizer)
    return BlspEmoConfig(
        llm=llm_shape(tokenizer.size, width=LLM_WIDTH, layers=4, heads=4, ffn=704),
        speech_encoder=encoder_shape(spelling),
        adapter=AdapterConfig(
            kind="ctc", kernel_sizes=(5, 5), inner_width=256, vocabulary=spelling
        ),
        lora=LoraConfig(rank=8, alpha=8.0),
        emotion_head=EmotionHeadConfig(
            kind="spectral",
            hidden=128,
            channels=(32, 64, 96, 128),
            dropout=0.3,
            members=heads,
            statistics_layer=STATISTICS_LAYER,
        ),
        emotion_in_embeddings=True,
        transcription=TranscriptionConfig(prompt_ids=(start,), stop_ids=(end,)),
        word_confidence=WordConfidenceConfig(),
        context_tokens=1024,
        talk_tokens=TALK_TOKENS,
        talk_turns=TALK_EXCHANGES,
        turn_tokens=SAID_TOKENS,
    )


def assemble_nano(
    tokenizer: JsonTokenizer,
    spelling: int,
    recogniser: Mapping[str, Tensor],
    llm: Mapping[str, Tensor],
    emotion_heads: Sequence[Mapping[str, Tensor]],
    linear_head: Mapping[str, Tensor],
) -> BlspEmo:
    """Returns nano made of the weights of its parts; the rest is new.

    Raises:
        ValueError: A part lacks a weight.
    """
    config = nano_config(tokenizer, spelling, heads=len(emotion_heads))
    model = BlspEmo(config, tokenizer=tokenizer).eval()
    weights: dict[str, Tensor] = {}
    heads = [folded(head) for head in emotion_heads]
    for number, head in enumerate((*heads, linear_head)):
        for name, value in head.items():
            place = f"emotion_head.members.{number}."
            weights[place + name.removeprefix("emotion_head.")] = value
    weights |= recogniser_weights(recogniser)
    for name in model.state_dict():
        if name.startswith("llm."):
            source = name.replace(".base.", ".")
            if source in llm:
                weights[name] = llm[source]
    fixed = "speech_encoder.whisper.embed_positions.weight"
    new = ("lora_a", "lora_b", "emotion_vectors.weight", fixed)
    missing = [n for n in model.state_dict() if n not in weights and not n.endswith(new)]
    if missing:
        raise ValueError(f"the parts of nano lack {missing[:5]}: train them first")
    model.load_state_dict(weights, strict=False)
    return model


def recogniser_weights(recogniser: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns what the assembled model keeps of the recogniser's weights, under its names."""
    names = {"encoder": "speech_encoder", "decoder": "decoder", "adapter": "adapter"}
    kept: dict[str, Tensor] = {}
    for name, value in recogniser.items():
        part, _, rest = name.partition(".")
        if part in names:
            kept[f"{names[part]}.{rest}"] = value
    return kept


def trained_weights(run: Path) -> dict[str, Tensor]:
    """Returns the weights of the newest state of a run folder.

    Raises:
        ValueError: The run has saved none.
    """
    states = sorted(run.glob("state-*/training.pt"))
    if not states:
        raise ValueError(f"{run} holds no saved state: train it first")
    return state_weights(states[-1])


def state_weights(path: Path) -> dict[str, Tensor]:
    """Returns the weights in the file `training.pt` of a saved state."""
    return torch.load(path, weights_only=True, map_location="cpu")["weights"]
