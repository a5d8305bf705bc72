"""Keys and values of several conversations in buffers that never move, a row for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.llm import LanguageModel


@dataclass(frozen=True, slots=True)
class LayerShape:
    """What one layer of an LLM keeps of a position."""

    heads: int
    key_width: int
    value_width: int
    dtype: torch.dtype
    device: torch.device

    @property
    def position_bytes(self) -> int:
        """Bytes that one position takes."""
        return self.heads * (self.key_width + self.value_width) * self.dtype.itemsize


def layer_shapes(cache: Any) -> tuple[LayerShape, ...] | None:
    """Returns the shapes of a KV cache that holds something.

    None where a layer keeps less than all positions, such as a window of attention that slides on,
    or something else than keys and values: its rows cannot be kept side by side.
    """
    from transformers.cache_utils import DynamicLayer

    layers: list[Any] = list(cache.layers)
    if not layers or any(type(layer) is not DynamicLayer for layer in layers):
        return None
    return tuple(
        LayerShape(
            int(layer.keys.shape[1]),
            int(layer.keys.shape[-1]),
            int(layer.values.shape[-1]),
            layer.keys.dtype,
            layer.keys.device,
        )
        for layer in layers
    )


@torch.inference_mode()
def shapes_of(llm: LanguageModel) -> tuple[LayerShape, ...] | None:
    """Returns the shapes of the KV cache of `llm`, as one position shows them; see above."""
    cache = llm.new_cache()
    ids = torch.zeros(1, 1, dtype=torch.long, device=llm.like.device)
    llm(llm.embed(ids), cache=cache, last_only=True)
    return layer_shapes(cache)


class Rows:
    """The buffers: for each layer (rows, heads, positions + 1, width), of keys and of values.

    They are filled with zeros once and hold finite numbers ever after: what is masked is multiplied
    by zero, and zero times a number that is none would be none. The last position of a row belongs
    to nobody: a row that is computed along without having been asked writes there at the latest.
    Buffers that were made within `inference_mode` may be written there alone.

    Args:
        shapes: Of the layers.
        rows: Conversations at once.
        positions: Of the longest.
    """

    def __init__(self, shapes: Sequence[LayerShape], rows: int, positions: int) -> None:
        self.count, self.positions = rows, positions
        self.keys = [_zeros(shape, rows, positions, shape.key_width) for shape in shapes]
        self.values = [_zeros(shape, rows, positions, shape.value_width) for shape in shapes]

    @property
    def buffers(self) -> list[Tensor]:
        """All of them."""
        return [*self.keys, *self.values]

    @torch.inference_mode()
    def put(self, row: int, cache: Any) -> None:
        """Copies the KV cache of one conversation into `row`."""
        for number, layer in enumerate(cache.layers):
            length = layer.keys.shape[-2]
            self.keys[number][row, :, :length] = layer.keys[0]
            self.values[number][row, :, :length] = layer.values[0]

    @torch.inference_mode()
    def give_back(self, row: int, cache: Any, start: int, end: int) -> None:
        """Appends to `cache` the positions from `start` to `end` of `row`."""
        for number in range(len(self.keys)):
            keys = self.keys[number][row : row + 1, :, start:end]
            cache.update(keys, self.values[number][row : row + 1, :, start:end], number)

    @torch.inference_mode()
    def move(self, source: int, target: int, length: int) -> None:
        """Copies the first `length` positions of one row into another."""
        for buffer in self.buffers:
            buffer[target, :, :length] = buffer[source, :, :length]

    @torch.inference_mode()
    def adopt(self, other: "Rows") -> None:
        """Copies all rows of smaller buffers into these."""
        for mine, theirs in zip(self.buffers, other.buffers, strict=True):
            mine[: other.count, :, : other.positions] = theirs[:, :, : other.positions]

    def write(
        self, number: int, keys: Tensor, values: Tensor, positions: Tensor, seen: int
    ) -> tuple[Tensor, Tensor]:
        """Writes one position of the first rows; returns what they attend to.

        Args:
            number: Of the layer.
            keys: (B, heads, 1, width).
            values: Likewise.
            positions: (B,) where each row's is written.
            seen: Positions that are returned, of the first B rows.
        """
        size = len(positions)
        rows = torch.arange(size, device=positions.device)[:, None]
        heads = torch.arange(keys.shape[1], device=positions.device)[None]
        for buffer, new in ((self.keys[number], keys), (self.values[number], values)):
            buffer.index_put_((rows, heads, positions[:, None]), new[:, :, 0])
        return self.keys[number][:size, :, :seen], self.values[number][:size, :, :seen]


def _zeros(shape: LayerShape, rows: int, positions: int, width: int) -> Tensor:
    size = (rows, shape.heads, positions + 1, width)
    return torch.zeros(size, dtype=shape.dtype, device=shape.device)
