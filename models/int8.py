"""Linear layers in 8 bits on a CPU: quicker where the memory of the weights is what takes the time.

Each row of the weights has a scale of its own. Inputs are rounded as they come (dynamic
quantisation), each position by its own loudness: an LLM's first position is often thousands of
times louder than the others (massive activations, arXiv 2402.17762), which would be rounded away
by a scale that all share. Qwen2.5-Coder-1.5B, 76 positions of a talk: a divergence of 0.06 nats
from float32, and the same most probable token at 88 % of them.
"""

import warnings
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.freed_memory import give_back

LEAST_QUANTIZED = 200_000
"""Weights of a layer below which int8 is no faster: for one position, 384 by 384 take 0.03 ms in
float32 and 0.05 ms in int8, 576 by 576 0.07 and 0.06, 51,864 by 384 11 and 3 (Xeon with VNNI)."""
LARGE = 500_000_000
"""Parameters of a model from which on 8 bits are what it answers quickly enough in on a CPU."""
QUIETEST = 1e-9
"""A position, or a row of weights, below it counts as silent."""
SCALE = ".scale"
"""Ends the name of the scales of a matrix that is stored in 8 bits."""
LARGEST = 127


class Int8Rows(NamedTuple):
    """A matrix in 8 bits."""

    values: Tensor
    """(out, in) int8."""
    scale: Tensor
    """(out,) float32; a weight is its value times the scale of its row."""

    @classmethod
    def of(cls, weight: Tensor) -> "Int8Rows":
        """Returns `weight` (out, in) rounded, each row by its largest value."""
        values = torch.empty_like(weight, dtype=torch.int8)
        scale = torch.empty(len(weight))
        for part in range(0, len(weight), 4096):  # an output layer need not be in 32 bits at once
            end = part + 4096
            rows = weight.detach()[part:end].float()
            scale[part:end] = rows.abs().amax(dim=1).clamp(min=QUIETEST) / LARGEST
            rows = (rows / scale[part:end, None]).round().clamp(-LARGEST, LARGEST)
            values[part:end] = rows.to(torch.int8)
        return cls(values, scale)

    def weight(self) -> Tensor:
        """Returns the matrix (out, in) in float32."""
        return self.values.float() * self.scale[:, None]


class Int8Linear(nn.Module):
    """A linear layer with its weights in int8; inputs and outputs are float32.

    Args:
        rows: The weights.
        bias: (out,), or None.
        change: What is added to the weights, as a product of (R, in) and (out, R); or None.
        with_gradients: Whether gradients reach its inputs, by a copy of the weights in int8 too.
            Its weights take none.
    """

    def __init__(
        self,
        rows: Int8Rows,
        bias: Tensor | None = None,
        *,
        change: tuple[Tensor, Tensor] | None = None,
        with_gradients: bool = False,
    ) -> None:
        super().__init__()
        self.out_features, self.in_features = rows.values.shape
        self._change = change and (change[0].float(), change[1].float())
        self._packed = packed(rows)
        # Rounded anew: the gradient runs along columns, and the scales are of rows.
        self._packed_back = packed(Int8Rows.of(rows.weight().T)) if with_gradients else None
        self._bias = None if bias is None else bias.detach().float()

    @classmethod
    def of(cls, linear: nn.Linear, *, with_gradients: bool = False) -> "Int8Linear":
        """Returns `linear` in int8."""
        return cls(Int8Rows.of(linear.weight), linear.bias, with_gradients=with_gradients)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (…, out) of `x` (…, in)."""
        rows = x.reshape(-1, x.shape[-1]).float()
        if self._packed_back is None:
            rows = rows.detach()  # half a gradient, by the change alone, would be a wrong one
            found = product(rows, self._packed)
        else:
            found = _Product.apply(rows, self._packed, self._packed_back)
        assert isinstance(found, Tensor)
        # Beside the bytes, not in them: what was learnt is often smaller than one step of 8 bits.
        if self._change is not None:
            found = found + F.linear(F.linear(rows, self._change[0]), self._change[1])
        if self._bias is not None:
            found = found + self._bias
        return found.reshape(*x.shape[:-1], self.out_features)


class Int8Embedding(nn.Module):
    """A table of embeddings in int8; what it gives is float32."""

    def __init__(self, rows: Int8Rows) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = rows.values.shape
        self._rows = rows

    @property
    def weight(self) -> Tensor:
        """The whole table (V, D) in float32, computed anew."""
        return self._rows.weight()

    def forward(self, ids: Tensor) -> Tensor:
        """Returns the embeddings (…, D) of `ids` (…)."""
        values, scale = self._rows
        return values[ids].float() * scale[ids][..., None]


class _Product(torch.autograd.Function):
    """A product whose gradient goes through weights in int8 as the product itself does."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, forth: Any, back: Any) -> Tensor:
        ctx.back = back
        return product(rows, forth)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return product(gradients[0], ctx.back), None, None


def packed(rows: Int8Rows) -> Any:
    """Returns `rows` in the order in which the processor reads them."""
    _warn_once()
    zeros = torch.zeros(len(rows.scale), dtype=torch.long)
    torch_itself: Any = torch
    quantized = torch_itself._make_per_channel_quantized_tensor(
        rows.values, rows.scale.double(), zeros, 0
    )
    prepack: Any = torch.ops.quantized.linear_prepack
    return prepack(quantized, None)


@cache
def _warn_once() -> None:
    """Lets torch say, to nobody, that it will make 8-bit tensors otherwise one day: once is all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch_itself: Any = torch
        torch_itself._make_per_tensor_quantized_tensor(torch.zeros(1, dtype=torch.int8), 1.0, 0)


def product(rows: Tensor, weights: Any) -> Tensor:
    """Returns (N, out) of `rows` (N, in) and `packed` weights."""
    linear: Any = torch.ops.quantized.linear_dynamic
    # Without these instructions sums of two full products overflow 16 bits.
    is_reduced = not cpu_adds_bytes()
    if len(rows) == 1:  # is rounded by its own loudness as it is
        return linear(rows, weights, is_reduced)
    # torch takes one scale for all rows of an input: each is made as loud as the others first.
    loudness = rows.abs().amax(dim=1, keepdim=True).clamp(min=QUIETEST)
    return linear(rows / loudness, weights, is_reduced) * loudness


def quantize_layers(module: nn.Module, *, with_gradients: bool = False) -> None:
    """Turns large linear layers of a module on the CPU into int8, the rest into float32.

    In place and one layer after the other, so that a model that fits in 16 bits fits throughout.
    """
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Linear and child.weight.numel() >= LEAST_QUANTIZED:
                setattr(parent, name, Int8Linear.of(child, with_gradients=with_gradients))
    module.float()


def stored_bytes(model: nn.Module, is_stored: Callable[[str], bool]) -> int:
    """Returns the bytes of the weights of `model` when `take_stored` has been there."""
    layers = {n: m for n, m in model.named_modules() if isinstance(m, nn.Linear | nn.Embedding)}
    taken = {f"{name}.weight" for name in layers if is_stored(f"{name}.weight")}
    # A table that an output layer shares is kept in both orders.
    tables = sum(isinstance(layers[n.removesuffix(".weight")], nn.Embedding) for n in taken)
    large = [p.numel() for n, p in model.named_parameters() if n in taken]
    rest = sum(p.numel() for n, p in model.named_parameters() if n not in taken)
    return sum(large) + tables * max(large, default=0) + 4 * rest


class StoredInt8(NamedTuple):
    """A matrix that is stored in 8 bits, and how it was changed since."""

    rows: Int8Rows
    change: tuple[Tensor, Tensor] | None
    """(R, in) and (out, R), whose product is added; or None."""


def take_stored(
    model: nn.Module,
    stored: Callable[[str], StoredInt8 | None],
    read: Callable[[str, tuple[int, ...]], Tensor],
    *,
    with_gradients: bool = False,
) -> None:
    """Puts matrices that are stored in 8 bits into `model` as they are, in place.

    Args:
        model: Its layers and tables are replaced; the other parameters stay to be filled.
        stored: Name of a parameter → the matrix; None where it is not stored so.
        read: Name and shape → another parameter.
        with_gradients: As for `Int8Linear`.
    """
    shared: dict[int, Int8Rows] = {}

    def take(name: str, layer: nn.Module, found: StoredInt8) -> None:
        parent, _, last = name.rpartition(".")
        taken = _of_stored(layer, found, name, read, with_gradients=with_gradients)
        setattr(model.get_submodule(parent), last, taken)
        give_back()  # else the copies of all layers pile up before the last one is packed

    layers = [(n, m) for n, m in model.named_modules() if type(m) in (nn.Embedding, nn.Linear)]
    _warn_once()  # catches in one thread what concerns all
    with ThreadPoolExecutor(min(4, torch.get_num_threads())) as pool:  # one core packs a matrix
        begun: list[Future[None]] = []
        # Tables first: an output layer that shares their weights is stored under their name.
        for name, layer in sorted(layers, key=lambda named: isinstance(named[1], nn.Linear)):
            parameter = layer.get_parameter("weight")
            found = stored(f"{name}.weight")
            if found is None and id(parameter) in shared:
                found = StoredInt8(shared[id(parameter)], None)
            if found is None or found.rows.values.shape != parameter.shape:
                continue
            if isinstance(layer, nn.Embedding) and found.change is not None:
                continue  # stays floats: a changed row would be summed anew at each look-up
            if isinstance(layer, nn.Embedding):
                shared[id(parameter)] = found.rows
            begun.append(pool.submit(take, name, layer, found))
        for each in begun:
            each.result()


def _of_stored(
    layer: nn.Module,
    found: StoredInt8,
    name: str,
    read: Callable[[str, tuple[int, ...]], Tensor],
    *,
    with_gradients: bool,
) -> nn.Module:
    if isinstance(layer, nn.Embedding):
        return Int8Embedding(found.rows)
    bias = cast(Tensor | None, layer.bias)
    values = None if bias is None else read(f"{name}.bias", tuple(bias.shape))
    return Int8Linear(found.rows, values, change=found.change, with_gradients=with_gradients)


@cache
def has_engine() -> bool:
    """Whether torch computes in int8 here; where it has to be told what with, it is."""
    known = [name for name in torch.backends.quantized.supported_engines if name != "none"]
    if known and torch.backends.quantized.engine not in known:
        torch.backends.quantized.engine = known[-1]
    return bool(known)


@cache
def cpu_adds_bytes() -> bool:
    """Whether the processor sums products of bytes in 32 bits (VNNI)."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return "avx512_vnni" in flags or "avx_vnni" in flags
