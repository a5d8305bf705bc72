"""An LLM in a GGUF file → its configuration and parameters.

Quantised weights are computed back to 32 bits by the library `gguf`. In files of Llama's
architecture, rows of the query and key projections lie in llama.cpp's order of rotary pairs and are
put back into that of `transformers`.
"""

import re
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.pretrained.gguf_tokenizer import GgufTokens
from models.weights import CheckpointError

PAIRED = {"llama": True, "qwen2": False}
"""Architectures that are read, and whether their rotary pairs lie side by side."""
TIED_ROWS, TIED_WITHIN = 64, 0.2
"""An output layer whose first rows differ from the embeddings by no more than this share is these,
quantised a second time."""
_TABLE, _OUTPUT = "token_embd.weight", "output.weight"
_OUTER = {
    "model.embed_tokens.weight": _TABLE,
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": _OUTPUT,
}
_IN_LAYER = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


class GgufLlm:
    """The parameters of one file; each is computed back when it is asked for."""

    def __init__(self, path: Path) -> None:
        """Reads the table of contents.

        Raises:
            CheckpointError: It is no GGUF file of an LLM of this shape, or damaged.
        """
        from gguf import GGUFReader

        self._path = path
        try:
            reader: Any = GGUFReader(path)
            self._fields: dict[str, Any] = reader.fields
            self._tensors = {tensor.name: tensor for tensor in reader.tensors}
        except (OSError, ValueError, IndexError, KeyError) as error:
            raise CheckpointError(f"{path} is damaged ({error}): fetch it again") from error
        self._architecture: str = self._contents("general.architecture")
        if self._architecture not in PAIRED:
            raise CheckpointError(
                f"{path} holds the architecture {self._architecture!r}: "
                f"{' and '.join(PAIRED)} are read"
            )
        self._heads = int(self._field("attention.head_count"))
        self._kv_heads = int(self._field("attention.head_count_kv"))

    @property
    def config(self) -> dict[str, Any]:
        """The configuration as `transformers` writes it."""
        return {
            "model_type": self._architecture,
            "vocab_size": int(self._tensors[_TABLE].shape[1]),
            "hidden_size": int(self._field("embedding_length")),
            "intermediate_size": int(self._field("feed_forward_length")),
            "num_hidden_layers": int(self._field("block_count")),
            "num_attention_heads": self._heads,
            "num_key_value_heads": self._kv_heads,
            "max_position_embeddings": int(self._field("context_length")),
            "rms_norm_eps": float(self._field("attention.layer_norm_rms_epsilon")),
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": float(self._field("rope.freq_base")),
            },
            "tie_word_embeddings": self._is_tied,
        }

    @property
    def tokens(self) -> GgufTokens:
        """What the tokenizer is made of."""
        names = ("tokens", "merges", "token_type", "pre")
        return GgufTokens(*(self._contents(f"tokenizer.ggml.{name}") for name in names))

    @cached_property
    def _is_tied(self) -> bool:
        if _OUTPUT not in self._tensors:
            return True
        table, output = (self._values(name, TIED_ROWS) for name in (_TABLE, _OUTPUT))
        return bool((table - output).norm() < TIED_WITHIN * table.norm())

    def read(self, name: str) -> Tensor:
        """Returns a parameter as `transformers` names it, in 32 bits.

        Raises:
            CheckpointError: There is none of that name.
        """
        theirs = _tensor_name(name)
        if theirs == _TABLE and self._is_tied and _OUTPUT in self._tensors:
            theirs = _OUTPUT  # quantised less, where it is there
        values = self._values(theirs)
        if not PAIRED[self._architecture]:
            return values
        if ".q_proj." in name:
            return _unpaired(values, self._heads)
        return _unpaired(values, self._kv_heads) if ".k_proj." in name else values

    def _values(self, name: str, rows: int | None = None) -> Tensor:
        """Returns a tensor of the file, or its first rows."""
        from gguf import dequantize

        if name not in self._tensors:
            raise CheckpointError(f"{self._path} lacks {name}: fetch it again")
        tensor = self._tensors[name]
        values = torch.from_numpy(dequantize(tensor.data[:rows], tensor.tensor_type).copy())
        return values.reshape(-1, *(int(size) for size in reversed(tensor.shape[:-1])))

    def _field(self, name: str) -> Any:
        return self._contents(f"{self._architecture}.{name}")

    def _contents(self, name: str) -> Any:
        if name not in self._fields:
            raise CheckpointError(f"{self._path} does not say its {name}: fetch it again")
        return self._fields[name].contents()


def _tensor_name(name: str) -> str:
    match = re.fullmatch(r"model\.layers\.(\d+)\.(.+)\.(weight|bias)", name)
    if match is None or match[2] not in _IN_LAYER:
        return _OUTER.get(name, name)
    return f"blk.{match[1]}.{_IN_LAYER[match[2]]}.{match[3]}"


def _unpaired(rows: Tensor, heads: int) -> Tensor:
    """Returns projection rows with both halves of each head one after the other again."""
    halves = rows.reshape(heads, -1, 2, *rows.shape[1:])
    return halves.swapaxes(1, 2).reshape(rows.shape)
