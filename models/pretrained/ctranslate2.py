"""Whisper as CTranslate2 stores it → parameters by the names that `transformers` gives them.

The file is little-endian: version, name and revision of the specification, then the variables, each
with its name, shape, type and data, then names that stand for others. Projections that CTranslate2
multiplies at once are stacked: queries, keys and values of self-attention, keys and values of
cross-attention. Whisper's keys have no bias; the zeros that stand for it are left out.
"""

import re
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from models.weights import CheckpointError

VERSION = 6
SPECIFICATION = "WhisperSpec"
TYPES: dict[int, Any] = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
MOST_DIMENSIONS = 8

_OUTER = {
    "conv1": "conv1",
    "conv2": "conv2",
    "layer_norm": "layer_norm",
    "embed_tokens": "embeddings",
}
_IN_LAYER = {
    "self_attn_layer_norm": "self_attention/layer_norm",
    "self_attn.out_proj": "self_attention/linear_1",
    "encoder_attn_layer_norm": "attention/layer_norm",
    "encoder_attn.q_proj": "attention/linear_0",
    "encoder_attn.out_proj": "attention/linear_2",
    "final_layer_norm": "ffn/layer_norm",
    "fc1": "ffn/linear_0",
    "fc2": "ffn/linear_1",
}
_STACKED = {
    "self_attn.q_proj": ("self_attention/linear_0", 0, 3),
    "self_attn.k_proj": ("self_attention/linear_0", 1, 3),
    "self_attn.v_proj": ("self_attention/linear_0", 2, 3),
    "encoder_attn.k_proj": ("attention/linear_1", 0, 2),
    "encoder_attn.v_proj": ("attention/linear_1", 1, 2),
}
"""Which of how many equal parts of the rows a projection is."""
_NORM = {"weight": "gamma", "bias": "beta"}


class CTranslate2Whisper:
    """The parameters of a Whisper in one file; each is read when it is asked for."""

    def __init__(self, path: Path) -> None:
        """Reads the table of contents.

        Raises:
            CheckpointError: It is no Whisper of CTranslate2, or cut short.
        """
        self._path = path
        self._places: dict[str, tuple[tuple[int, ...], int, int]] = {}
        try:
            with path.open("rb") as file:
                self._index(file)
        except (OSError, struct.error, UnicodeDecodeError) as error:
            raise CheckpointError(f"{path} is damaged ({error}): fetch it again") from error

    def read(self, name: str) -> Tensor:
        """Returns a parameter as `transformers` names it, such as ``encoder.conv1.weight``.

        Raises:
            CheckpointError: There is none of that name.
        """
        variable, part, parts = _variable(name)
        if variable not in self._places:
            raise CheckpointError(f"{self._path} lacks {variable}: fetch it again")
        values = self._values(variable)
        return values.chunk(parts, dim=0)[part]

    def heads(self, stack: str) -> int:
        """Returns the attention heads of the ``encoder`` or the ``decoder``."""
        return int(self._values(f"{stack}/num_heads"))

    def shape(self, variable: str) -> tuple[int, ...]:
        """Returns the shape of a variable by its own name; empty where there is none."""
        return self._places[variable][0] if variable in self._places else ()

    def _index(self, file: BinaryIO) -> None:
        version = _number(file, "I")
        specification = _text(file)
        if version != VERSION or specification != SPECIFICATION:
            raise CheckpointError(
                f"{self._path} is no Whisper of CTranslate2's format {VERSION}: it says "
                f"{specification[:40]!r}, {version}"
            )
        _number(file, "I")  # the revision of the specification
        size = self._path.stat().st_size
        for _ in range(_number(file, "I")):
            name = _text(file)
            rank = _number(file, "B")
            if rank > MOST_DIMENSIONS:
                raise struct.error(f"{rank} dimensions")
            shape = tuple(_number(file, "I") for _ in range(rank))
            kind, count = _number(file, "B"), _number(file, "I")
            if kind not in TYPES or file.tell() + count > size:
                raise struct.error(f"{name} is cut short")
            self._places[name] = (shape, kind, file.tell())
            file.seek(count, 1)

    def _values(self, variable: str) -> Tensor:
        shape, kind, offset = self._places[variable]
        count = int(np.prod(shape, dtype=np.int64))
        values = np.fromfile(self._path, dtype=TYPES[kind], count=count, offset=offset)
        return torch.from_numpy(values.reshape(shape))


def _variable(name: str) -> tuple[str, int, int]:
    """Returns the variable that holds a parameter, and which of how many parts of it it is."""
    stack, _, rest = name.partition(".")
    if rest == "embed_positions.weight":
        return f"{stack}/position_encodings/encodings", 0, 1
    module, _, leaf = rest.rpartition(".")
    if module in _OUTER:
        return f"{stack}/{_OUTER[module]}/{_leaf(module, leaf)}", 0, 1
    match = re.fullmatch(r"layers\.(\d+)\.(.+)", module)
    if match is None:
        return name, 0, 1
    layer, inner = f"{stack}/layer_{match[1]}", match[2]
    if inner in _STACKED:
        variable, part, parts = _STACKED[inner]
        return f"{layer}/{variable}/{leaf}", part, parts
    return f"{layer}/{_IN_LAYER.get(inner, inner)}/{_leaf(inner, leaf)}", 0, 1


def _leaf(module: str, leaf: str) -> str:
    return _NORM.get(leaf, leaf) if module.endswith("layer_norm") else leaf


def _number(file: BinaryIO, kind: str) -> int:
    (value,) = struct.unpack(f"<{kind}", file.read(struct.calcsize(kind)))
    return int(value)


def _text(file: BinaryIO) -> str:
    return file.read(_number(file, "H")).rstrip(b"\0").decode("utf-8")
