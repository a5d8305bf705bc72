"""Stages are data: what trains, on which loss terms. Freezing happens here and nowhere else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class TrainingStage:
    """One stage of training."""

    name: str
    trains: tuple[str, ...]
    """Parts of the model that train: a parameter belongs if its name holds one of these as whole
    dotted words, such as ``adapter`` or ``encoder.layers``."""
    weights: Mapping[str, float]
    """Loss terms and their weights."""


SEMANTIC = TrainingStage("semantic-alignment", ("adapter",), {"response_kl": 1.0})
"""The adapter learns to make speech continue as its words do."""

EMOTION = TrainingStage(
    "emotion-alignment",
    ("adapter", "lora_a", "lora_b", "emotion_head", "emotion_vectors"),
    {"input_er": 1.0, "response_ce": 1.0},
)
"""Adapter, partial LoRA and all of emotion learn replies that fit words and voice."""


def parts_of(model: nn.Module, parts: Sequence[str]) -> tuple[str, ...]:
    """Returns those of `parts` that `model` has, named as in `TrainingStage.trains`."""
    names = [f".{name}." for name, _ in model.named_parameters()]
    return tuple(part for part in parts if any(f".{part}." in name for name in names))


def only_training(model: nn.Module, parts: Sequence[str]) -> int:
    """Lets the named parts of a model train and freezes all else; returns the numbers that train.

    Args:
        model: Any model.
        parts: As in `TrainingStage.trains`; an empty string names the whole model.

    Raises:
        ValueError: A part names no parameter.
    """
    chosen = dict.fromkeys(parts, 0)
    trained = 0
    for name, parameter in model.named_parameters():
        held = [part for part in parts if not part or f".{part}." in f".{name}."]
        parameter.requires_grad_(bool(held))
        for part in held:
            chosen[part] += parameter.numel()
        trained += parameter.numel() if held else 0
    empty = [part for part, count in chosen.items() if not count]
    if empty:
        known = sorted({name.split(".")[0] for name, _ in model.named_parameters()})
        raise ValueError(f"the model has no parameters in {empty}; its parts are {known}")
    return trained
