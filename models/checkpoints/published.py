"""The layout of the published checkpoint (`cwang621/blsp-emo`): its configuration and names."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from models.config import (
    AdapterConfig,
    BlspEmoConfig,
    EmotionHeadConfig,
    LoraConfig,
    SpeechEncoderConfig,
)
from models.emotions import EMOTION_LABELS
from models.prompts import PUBLISHED_PERSONA
from models.weights import WeightFiles

LLM_NAMES = {
    "self_attn.q_proj": "attn.c_attn",
    "self_attn.k_proj": "attn.c_attn",
    "self_attn.v_proj": "attn.c_attn",
    "self_attn.o_proj": "attn.c_proj",
    "mlp.gate_proj": "mlp.w2",
    "mlp.up_proj": "mlp.w1",
    "mlp.down_proj": "mlp.c_proj",
    "input_layernorm": "ln_1",
    "post_attention_layernorm": "ln_2",
}
"""Qwen2's name of each part of a block → first-generation Qwen's."""

FUSED = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
"""Rows of `c_attn`, in this order."""

SCOPES = {"audio": "speech", "text": "text", "global": "all"}


def is_published(config: Mapping[str, Any]) -> bool:
    """Whether a `config.json` is of the published layout."""
    return "whisper_config" in config and "qwen_config" in config


def published_config(config: Mapping[str, Any]) -> BlspEmoConfig:
    """Returns our configuration of a published one.

    Raises:
        KeyError: A needed key is missing.
        ValueError: It asks for something that the architecture here does not have.
    """
    if config.get("num_emotions", len(EMOTION_LABELS)) != len(EMOTION_LABELS):
        raise ValueError(f"num_emotions is {config['num_emotions']}: 5 are expected")
    qwen = config["qwen_config"]
    return BlspEmoConfig(
        llm=qwen2_config(qwen),
        speech_encoder=_encoder_config(config["whisper_config"]),
        adapter=AdapterConfig(
            kind=config["adapter_type"],
            kernel_sizes=tuple(int(k) for k in str(config["conv_kernel_sizes"]).split(",")),
            inner_width=config["adapter_inner_dim"],
            hidden_layers=config["adapter_hidden_layers"],
            pre_cif_layers=config.get("num_pre_cif_layers", 4),
            post_cif_layers=config.get("num_post_cif_layers", 4),
            vocabulary=qwen["vocab_size"],
        ),
        lora=_lora_config(config.get("lora_config") or {}, str(config.get("lora_scope", "audio"))),
        emotion_head=EmotionHeadConfig(kind="mean"),
        persona=PUBLISHED_PERSONA,
        context_tokens=min(qwen.get("seq_length", 2048), 8192),
    )


def qwen2_config(qwen: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the Qwen2 configuration of a first-generation Qwen one.

    Its dynamic NTK and log-n scaling act beyond `seq_length` only, so the context ends there.

    Raises:
        ValueError: The heads do not fill the width, or rotary embeddings are partial.
    """
    if qwen["kv_channels"] * qwen["num_attention_heads"] != qwen["hidden_size"]:
        raise ValueError("qwen_config: kv_channels · num_attention_heads must be hidden_size")
    if qwen.get("rotary_pct", 1.0) != 1.0:
        raise ValueError(f"qwen_config.rotary_pct is {qwen['rotary_pct']}: only 1.0 is supported")
    return {
        "model_type": "qwen2",
        "vocab_size": qwen["vocab_size"],
        "hidden_size": qwen["hidden_size"],
        "intermediate_size": qwen["intermediate_size"] // 2,
        "num_hidden_layers": qwen["num_hidden_layers"],
        "num_attention_heads": qwen["num_attention_heads"],
        "num_key_value_heads": qwen["num_attention_heads"],
        "max_position_embeddings": qwen.get("seq_length", 2048),
        "rms_norm_eps": qwen["layer_norm_epsilon"],
        "rope_parameters": {"rope_type": "default", "rope_theta": float(qwen["rotary_emb_base"])},
        "tie_word_embeddings": False,
    }


def _encoder_config(whisper: Mapping[str, Any]) -> SpeechEncoderConfig:
    return SpeechEncoderConfig(
        mel_bins=whisper["num_mel_bins"],
        width=whisper["d_model"],
        layers=whisper["encoder_layers"],
        heads=whisper["encoder_attention_heads"],
        ffn=whisper["encoder_ffn_dim"],
        max_positions=whisper["max_source_positions"],
        decoder_layers=0,
        decoder_heads=whisper["decoder_attention_heads"],
        decoder_ffn=whisper["decoder_ffn_dim"],
        vocabulary=whisper["vocab_size"],
        max_target_positions=whisper["max_target_positions"],
    )


def _lora_config(lora: Mapping[str, Any], scope: str) -> LoraConfig | None:
    if not lora:
        return None
    names = lora["target_modules"]
    if isinstance(names, str):
        raise ValueError("lora_config.target_modules is a pattern: a list of names is expected")
    targets = tuple(
        ours.rsplit(".", 1)[-1]
        for ours, theirs in LLM_NAMES.items()
        if not theirs.startswith("ln_") and any(theirs.endswith(n) for n in names)
    )
    fused = tuple(name.rsplit(".", 1)[-1] for name in FUSED)
    return LoraConfig(
        rank=lora["r"],
        alpha=float(lora["lora_alpha"]),
        dropout=float(lora.get("lora_dropout", 0.0)),
        targets=targets,
        shared_a=(fused,) if fused[0] in targets else (),
        scope=SCOPES[scope],  # pyright: ignore[reportArgumentType]
    )


class PublishedWeights:
    """Reads our parameters from files with the reference's names.

    Args:
        files: The weights.
        has_lora: The reference wraps its LLM, and so lengthens all its names, where it has LoRA.
    """

    def __init__(self, files: WeightFiles, *, has_lora: bool) -> None:
        self._files = files
        self._llm = "qwen_model.model." if has_lora else "qwen_model."

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return self._files.folder

    def read(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Returns the weights of our parameter `name`.

        Raises:
            CheckpointError: The files lack them.
        """
        del shape
        theirs, part = self.source(name)
        tensor = self._files.read(theirs)
        return tensor if part is None else tensor.chunk(3, dim=0)[part]

    def source(self, name: str) -> tuple[str, int | None]:
        """Returns the reference's name of our parameter, and which third of its rows it is."""
        if name.startswith("speech_encoder.whisper."):
            return name.replace("speech_encoder.whisper.", "whisper_model.", 1), None
        if name == "emotion_head.linear.weight":
            return "hidden2emotion.weight", None
        if not name.startswith("llm.causal."):
            return name, None
        return self._llm_source(name.removeprefix("llm.causal."))

    def _llm_source(self, name: str) -> tuple[str, int | None]:
        outer = {
            "model.embed_tokens.weight": "transformer.wte.weight",
            "model.norm.weight": "transformer.ln_f.weight",
            "lm_head.weight": "lm_head.weight",
        }
        if name in outer:
            return self._llm + outer[name], None
        match = re.fullmatch(r"model\.layers\.(\d+)\.(.+?)(\.base)?\.([a-z_]+)", name)
        if match is None or match[2] not in LLM_NAMES:
            return self._llm + name, None
        leaf = {"lora_a": "lora_A.default.weight", "lora_b": "lora_B.default.weight"}
        part = FUSED.index(match[2]) if match[2] in FUSED and match[4] != "lora_a" else None
        theirs = LLM_NAMES[match[2]]
        return f"{self._llm}transformer.h.{match[1]}.{theirs}.{leaf.get(match[4], match[4])}", part
