"""What the language stage taught an LLM, apart from it: written, gone on with, put into a model."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from models.adapters.emotion_vectors import EmotionVectors
from models.checkpoints.composed import DOWN, UP, read_half
from models.weights import WeightFiles

UPDATES = "updates.safetensors"
"""What was taught alone, from which another run may go on."""
SCALING = 2.0
"""What the product of both halves of an update is multiplied with."""
CHECKPOINT = "model.safetensors"
EMOTION_VECTORS = "emotion_vectors.weight"
"""Name of the vectors that lie on words by how they sound, in updates and checkpoints."""


def write_updates(model: nn.Module, folder: Path) -> None:
    """Writes the parameters of `model` that train."""
    from safetensors.torch import save_file

    updates = {n: p.detach().contiguous() for n, p in model.named_parameters() if p.requires_grad}
    save_file(updates, str(folder / UPDATES))


def take_updates(model: nn.Module, taught: Path) -> None:
    """Lets `model` begin with what an earlier run learnt.

    Args:
        model: As it was begun there; it tells the voice in as many positions afterwards.
        taught: The folder that the earlier run exported, or a checkpoint with its updates.

    Raises:
        ValueError: It holds no updates, or those of another LLM or rank.
    """
    found = _read(taught)
    width = cast(EmotionVectors, model.emotion_vectors).width
    model.emotion_vectors = EmotionVectors(width, positions_told_in(found, width))
    own = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if {n: t.shape for n, t in found.items()} != {n: p.shape for n, p in own.items()}:
        raise ValueError(
            f"{taught / UPDATES} is of another LLM or rank: give the same --llm and --lora-rank"
        )
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(found[name])


def as_changes(taught: Path, share: float = 1.0) -> dict[str, Tensor]:
    """Returns what an earlier run learnt as a checkpoint holds it that has the LLM from a part.

    Args:
        taught: The folder that the earlier run exported.
        share: How far the LLM is moved towards what it was taught (WiSE-FT, arXiv 2109.01903).

    Raises:
        ValueError: It holds no updates.
    """
    changes: dict[str, Tensor] = {}
    for name, values in _read(taught).items():
        layer, _, half = name.rpartition(".")
        if half == "lora_a":
            changes[f"{layer}.weight{DOWN}"] = values.bfloat16()
        elif half == "lora_b":
            changes[f"{layer}.weight{UP}"] = (share * SCALING * values).bfloat16()
        else:
            changes[name] = values
    return changes


def positions_told_in(changes: Mapping[str, Tensor], width: int) -> int:
    """Returns the positions behind words in which `changes` tell an LLM how they sound."""
    # Of an LLM of another width nothing follows: who takes the changes says so.
    return max(0, changes[EMOTION_VECTORS].shape[1] // width - 1)


def check_changes(changes: dict[str, Tensor], model: nn.Module) -> None:
    """Makes sure that `changes` are of the LLM of `model`.

    Raises:
        ValueError: They are of another one.
    """
    halves = ((DOWN, "in_features", 1), (UP, "out_features", 0))
    layers = dict(model.named_modules())
    for name, values in changes.items():
        for end, size, axis in halves:
            if not name.endswith(end):
                continue
            layer = layers.get(name.removesuffix(f".weight{end}"))
            if getattr(layer, size, None) != values.shape[axis]:
                raise ValueError(f"{UPDATES} is of another LLM: name that one by --llm")


def updates_file(taught: Path) -> Path:
    """Returns the file in `taught` that holds updates.

    Raises:
        ValueError: There is none.
    """
    for name in (UPDATES, CHECKPOINT):
        if (taught / name).is_file():
            return taught / name
    raise ValueError(
        f"{taught / UPDATES} does not exist: name the folder `best` of a run of `language`, or a "
        "checkpoint whose LLM is a part of the catalogue"
    )


def _read(taught: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    path = updates_file(taught)
    return load_file(str(path)) if path.name == UPDATES else _of_checkpoint(WeightFiles(taught))


def _of_checkpoint(found: WeightFiles) -> dict[str, Tensor]:
    """Returns the updates that a checkpoint's changes of its LLM amount to."""
    updates: dict[str, Tensor] = {}
    for name in found.names():
        layer = name.removesuffix(DOWN).removesuffix(UP).removesuffix(".weight")
        if not layer.startswith("llm."):
            continue
        if name.endswith(DOWN):
            updates[f"{layer}.lora_a"] = read_half(found, name)
        elif name.endswith(UP):
            updates[f"{layer}.lora_b"] = read_half(found, name) / SCALING
    return updates | {EMOTION_VECTORS: found.read(EMOTION_VECTORS).float()}
