"""Small files of the kinds that pretrained parts come in, with random weights."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

HEADS, KV_HEADS, WIDTH, LAYERS, FFN, TOKENS = 4, 2, 32, 2, 64, 260


def write_ctranslate2(path: Path, whisper: Any) -> None:
    """Writes a `transformers` Whisper model as CTranslate2 stores it."""
    variables: dict[str, Tensor] = {"encoder/num_heads": torch.tensor(HEADS, dtype=torch.int16)}
    variables["decoder/num_heads"] = torch.tensor(HEADS, dtype=torch.int16)
    for name, stack in (("encoder", whisper.model.encoder), ("decoder", whisper.model.decoder)):
        variables[f"{name}/position_encodings/encodings"] = stack.embed_positions.weight
        variables |= _pair(f"{name}/layer_norm", stack.layer_norm)
        for index, layer in enumerate(stack.layers):
            variables |= _layer(f"{name}/layer_{index}", layer)
    for convolution in ("conv1", "conv2"):
        module = getattr(whisper.model.encoder, convolution)
        variables |= _pair(f"encoder/{convolution}", module, names=("weight", "bias"))
    variables["decoder/embeddings/weight"] = whisper.model.decoder.embed_tokens.weight
    with path.open("wb") as file:
        file.write(struct.pack("<I", 6) + _text("WhisperSpec"))
        file.write(struct.pack("<II", 3, len(variables)))
        for name, tensor in variables.items():
            values = tensor.detach().numpy()
            kind = 2 if values.dtype == np.int16 else 0
            file.write(_text(name) + struct.pack(f"<B{values.ndim}I", values.ndim, *values.shape))
            file.write(struct.pack("<BI", kind, values.nbytes) + values.tobytes())
        file.write(struct.pack("<I", 0))


def _layer(name: str, layer: Any) -> dict[str, Tensor]:
    own = layer.self_attn
    found = _pair(f"{name}/self_attention/layer_norm", layer.self_attn_layer_norm)
    found |= _stack(f"{name}/self_attention/linear_0", own.q_proj, own.k_proj, own.v_proj)
    found |= _pair(f"{name}/self_attention/linear_1", own.out_proj, names=("weight", "bias"))
    found |= _pair(f"{name}/ffn/layer_norm", layer.final_layer_norm)
    found |= _pair(f"{name}/ffn/linear_0", layer.fc1, names=("weight", "bias"))
    found |= _pair(f"{name}/ffn/linear_1", layer.fc2, names=("weight", "bias"))
    if hasattr(layer, "encoder_attn"):
        cross = layer.encoder_attn
        found |= _pair(f"{name}/attention/layer_norm", layer.encoder_attn_layer_norm)
        found |= _pair(f"{name}/attention/linear_0", cross.q_proj, names=("weight", "bias"))
        found |= _stack(f"{name}/attention/linear_1", cross.k_proj, cross.v_proj)
        found |= _pair(f"{name}/attention/linear_2", cross.out_proj, names=("weight", "bias"))
    return found


def _pair(name: str, module: Any, names: tuple[str, str] = ("gamma", "beta")) -> dict[str, Tensor]:
    return {f"{name}/{names[0]}": module.weight, f"{name}/{names[1]}": module.bias}


def _stack(name: str, *modules: Any) -> dict[str, Tensor]:
    biases = [torch.zeros(WIDTH) if m.bias is None else m.bias for m in modules]
    weights = torch.cat([m.weight for m in modules])
    return {f"{name}/weight": weights, f"{name}/bias": torch.cat(biases)}


def _text(text: str) -> bytes:
    data = text.encode() + b"\0"
    return struct.pack("<H", len(data)) + data


def write_whisper_tokenizer(folder: Path) -> None:
    """Writes a `tokenizer.json` with Whisper's markup, and CTranslate2's own configuration."""
    from tokenizers import AddedToken, Tokenizer, models

    names = ("endoftext", "startoftranscript", "en", "transcribe", "notimestamps")
    backend = Tokenizer(models.BPE(vocab={"a": 0, "b": 1}, merges=[]))
    backend.add_special_tokens([AddedToken(f"<|{name}|>") for name in names])
    backend.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps({"suppress_ids": [1]}))


def write_gguf(
    path: Path,
    llm: Any,
    *,
    architecture: str = "llama",
    split: str = "smollm",
    has_output: bool = False,
) -> None:
    """Writes a `transformers` LLM of Llama's shape as llama.cpp stores it, quantised to 8 bits.

    Args:
        path: Of the file.
        llm: The model.
        architecture: Llama's rotary pairs are put side by side, those of others are not.
        split: Name of the way in which its tokenizer cuts text.
        has_output: Writes its embeddings a second time, as the output layer.
    """
    from gguf import GGMLQuantizationType, GGUFWriter, quantize

    kind = GGMLQuantizationType.Q8_0
    writer = GGUFWriter(str(path), architecture)
    writer.add_block_count(LAYERS)
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(FFN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(5_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(TOKENS)
    tokens = tokens_of()
    writer.add_tokenizer_pre(split)
    writer.add_token_list(tokens)
    writer.add_token_merges(["h i"])
    writer.add_token_types([3 if token.startswith("<|") else 1 for token in tokens])
    tensors = _gguf_tensors(llm.model, is_paired=architecture == "llama")
    if has_output:
        tensors["output.weight"] = llm.model.embed_tokens.weight
    for name, values in tensors.items():
        data = values.detach().numpy()
        if data.ndim == 1:
            writer.add_tensor(name, data)
        else:
            writer.add_tensor(name, quantize(data, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def tokens_of() -> list[str]:
    """Returns byte tokens, one merge and the markup of ChatML."""
    from tokenizers import pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    return [*letters, "hi", "<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def _gguf_tensors(model: Any, *, is_paired: bool) -> dict[str, Tensor]:
    def rotary(rows: Tensor, heads: int) -> Tensor:
        return paired(rows, heads) if is_paired else rows

    found = {
        "token_embd.weight": model.embed_tokens.weight,
        "output_norm.weight": model.norm.weight,
    }
    for index, layer in enumerate(model.layers):
        attention, mlp, block = layer.self_attn, layer.mlp, f"blk.{index}"
        found |= {
            f"{block}.attn_q.weight": rotary(attention.q_proj.weight, HEADS),
            f"{block}.attn_k.weight": rotary(attention.k_proj.weight, KV_HEADS),
            f"{block}.attn_v.weight": attention.v_proj.weight,
            f"{block}.attn_output.weight": attention.o_proj.weight,
            f"{block}.ffn_gate.weight": mlp.gate_proj.weight,
            f"{block}.ffn_up.weight": mlp.up_proj.weight,
            f"{block}.ffn_down.weight": mlp.down_proj.weight,
            f"{block}.attn_norm.weight": layer.input_layernorm.weight,
            f"{block}.ffn_norm.weight": layer.post_attention_layernorm.weight,
        }
        biased = {
            "attn_q": attention.q_proj,
            "attn_k": attention.k_proj,
            "attn_v": attention.v_proj,
        }
        for name, module in biased.items():
            if module.bias is not None:
                found[f"{block}.{name}.bias"] = module.bias
    return found


def paired(rows: Tensor, heads: int) -> Tensor:
    """Returns projection rows as llama.cpp orders them: the halves of each head interleaved."""
    return rows.reshape(heads, 2, -1, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)
