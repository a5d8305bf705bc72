"""Weights of a checkpoint → parameters of a model, in the number format that suits the device."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from models.checkpoints.checkpoint import StoredWeights
from models.checkpoints.composed import ComposedWeights
from models.checkpoints.weight_only import check_weight_only, narrow, weight_only_bytes
from models.decoding.budget import check_together, position_bytes
from models.int8 import LARGE, has_engine, stored_bytes, take_stored
from models.llm import LanguageModel
from models.precision import DtypeName, check_fits, choose_dtype, free_bytes
from models.weights import CheckpointError, fill_parameters

Quantize = Literal["none", "int8", "int4"]


@dataclass(frozen=True, slots=True)
class ReservedTalks:
    """Talks whose caches are to lie on the GPU beside the weights."""

    llm: LanguageModel
    together: int
    """At once."""
    positions: int
    """Of the longest."""


def check_quantize(quantize: Quantize, device: torch.device) -> None:
    """Makes sure that `device` computes with the bits that were asked for, if any.

    Raises:
        CheckpointError: It does not.
    """
    if quantize != "none" and device.type == "cuda":
        check_weight_only()
    elif quantize == "int4":
        raise CheckpointError("int4 runs on a GPU only: use --dtype int8 on a CPU")
    elif quantize == "int8" and not has_engine():
        raise CheckpointError(
            "torch computes in int8 on no processor like this: use another --dtype"
        )


def fill(
    model: nn.Module,
    weights: StoredWeights,
    *,
    dtype: DtypeName,
    device: torch.device,
    quantize: Quantize,
    talks: ReservedTalks | None = None,
) -> bool:
    """Gives `model` its weights; returns whether its large layers are to compute in 8 bits.

    Args:
        model: Built inside `without_weights`.
        weights: Of its checkpoint.
        dtype: Number format; int8 chooses its own for the rest, and `auto` is int8 on a CPU where
            a part stores its weights so.
        device: Where it will compute.
        quantize: As `check_quantize` let it pass.
        talks: Whose caches must fit beside the weights, on a GPU.

    Raises:
        CheckpointError: The weights do not fit the model or the memory.
    """
    if device.type == "cuda" and talks is not None:
        _fill_gpu(model, weights, dtype, device, quantize, talks)
        return False
    is_int8 = quantize == "int8" or comes_in_int8(weights, dtype, device)
    if is_int8 and isinstance(weights, ComposedWeights):
        # What a part stores in 8 bits is taken as it is: widened first, it would need the memory
        # of the whole model in 32 bits for a moment.
        check_fits(model, torch.float32, device, stored_bytes(model, weights.is_stored))
        take_stored(model, weights.stored, weights.read)
    parameters = sum(p.numel() for p in model.parameters())
    if is_int8:
        # What is left beside 8 bits are norms, tables and small layers: of a large model these
        # still are gigabytes in 32 bits, of a small one nothing.
        dtype = "bfloat16" if parameters > LARGE else "float32"
    number_format = choose_dtype(dtype, device, parameters=parameters)
    check_fits(model, number_format, device)
    _take(model, weights, number_format, device)
    return is_int8


def _take(
    model: nn.Module, weights: StoredWeights, number_format: torch.dtype, device: torch.device
) -> None:
    fill_parameters(model, weights.read, dtype=number_format, device=device)
    if isinstance(weights, ComposedWeights):
        # The published files hold tables of their own program too; ours hold parameters alone.
        weights.check_all_read(_all_names(model))


def _fill_gpu(
    model: nn.Module,
    weights: StoredWeights,
    dtype: DtypeName,
    device: torch.device,
    quantize: Quantize,
    talks: ReservedTalks,
) -> None:
    """Gives `model` its weights on a GPU, where they and the caches of `talks` fit."""
    parameters = sum(p.numel() for p in model.parameters())
    number_format = choose_dtype(dtype, device, parameters=parameters)
    needed = parameters * number_format.itemsize
    if quantize != "none":
        of_llm = sum(p.numel() for p in talks.llm.parameters()) * number_format.itemsize
        needed += weight_only_bytes(talks.llm, quantize, number_format.itemsize) - of_llm
    check_fits(model, number_format, device, needed)
    if (free := free_bytes(device)) is not None:
        position = position_bytes(talks.llm.causal.config, number_format)
        check_together(free - needed, position, talks.positions, talks.together)
    if quantize == "none":
        _take(model, weights, number_format, device)
        return
    # By way of the memory of the machine: in 16 bits it may be too large for the GPU.
    processor = torch.device("cpu")
    check_fits(model, number_format, processor)
    _take(model, weights, number_format, processor)
    narrow(talks.llm, quantize, device)
    model.to(device)


def comes_in_int8(weights: StoredWeights, dtype: DtypeName, device: torch.device) -> bool:
    """Whether the weights are stored in 8 bits, nobody asked for more, and the device has them."""
    is_stored = isinstance(weights, ComposedWeights) and weights.holds_int8
    return is_stored and dtype == "auto" and device.type == "cpu" and has_engine()


def _all_names(model: nn.Module) -> set[str]:
    """Returns the names of all parameters, also those that share their weights, and buffers."""
    kinds = (model.named_parameters, model.named_buffers)
    return {name for kind in kinds for name, _ in kind(remove_duplicate=False)}
