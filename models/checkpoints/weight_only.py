"""Weights of 8 or 4 bits on a GPU, by torchao: what is computed with stays in 16 bits.

A step of the LLM reads all of its weights, and takes as long as that: at half the bytes about half
as long. On a CPU `models.int8` does it, whose products are in 8 bits too.
"""

import warnings
from typing import Any, Literal

import torch
from torch import nn

from models.weights import CheckpointError

Bits = Literal["int8", "int4"]
GROUP = 128
"""Weights of a row that share a scale in 4 bits."""
REMEDY = "pip install -e '.[gpu]' in Attune's folder, or use --dtype bfloat16"


def check_weight_only() -> None:
    """Makes sure that torchao can be had.

    Raises:
        CheckpointError: It is not installed, or not made for this torch.
    """
    _torchao()


def weight_only_bytes(llm: nn.Module, bits: Bits, itemsize: int) -> int:
    """Returns the bytes that `llm` takes when `narrow` has been there.

    Args:
        llm: Its parameters may lie nowhere yet.
        bits: As for `narrow`.
        itemsize: Of the rest.
    """
    narrowed = {
        id(m.weight): m
        for name, m in llm.named_modules()
        if isinstance(m, nn.Linear) and _fits(m, name, bits)
    }
    # A table that the output layer shares stays as it is, beside the narrow copy.
    tables = {id(m.weight) for m in llm.modules() if isinstance(m, nn.Embedding)}
    stays = [p for p in llm.parameters() if id(p) not in narrowed or id(p) in tables]
    rest = sum(p.numel() for p in stays)
    # Beside each 8 bits of a row, and each group of 4, a scale of 16 bits; of 4 also a zero.
    scales = [
        2 * m.out_features if bits == "int8" else 4 * m.weight.numel() // GROUP
        for m in narrowed.values()
    ]
    weights = sum(m.weight.numel() for m in narrowed.values())
    return rest * itemsize + weights // (1 if bits == "int8" else 2) + sum(scales)


def narrow(llm: nn.Module, bits: Bits, device: torch.device) -> None:
    """Turns the weights of linear layers into 8 or 4 bits on `device`, in place.

    One layer after the other is carried there, so that a model which fits in 4 bits need not fit in
    16. LoRA updates, embeddings and, in 4 bits, the output layer stay as they are.
    """
    torchao = _torchao()
    config: Any
    if bits == "int8":
        config = torchao.Int8WeightOnlyConfig(set_inductor_config=False)
    else:
        # The packing whose kernel is a part of torch itself and needs no compilation.
        config = torchao.Int4WeightOnlyConfig(
            group_size=GROUP,
            int4_packing_format="tile_packed_to_4d",
            set_inductor_config=False,
        )
    torchao.quantize_(
        llm, config, filter_fn=lambda module, name: _fits(module, name, bits), device=device
    )


def _fits(module: nn.Module, name: str, bits: Bits) -> Any:
    """Whether the weights of `module` become narrow."""
    if type(module) is not nn.Linear:
        return False
    if bits == "int8":
        return True
    # The output layer decides between all tokens, where four bits can be heard.
    return not name.endswith("lm_head") and module.in_features % GROUP == 0


def _torchao() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import torchao.quantization as quantization  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise CheckpointError(f"weights of 8 or 4 bits on a GPU need torchao: {REMEDY}") from error
    except (AttributeError, RuntimeError, OSError) as error:
        raise CheckpointError(
            f"torchao does not fit torch {torch.__version__} ({error}): {REMEDY}"
        ) from error
    return quantization
