"""The command `take-updates`: a checkpoint talks as a run taught its LLM."""

import shutil
from dataclasses import replace
from pathlib import Path

from pydantic import Field
from torch import Tensor

from models.checkpoints.checkpoint import LLM, read_config, write_apart
from models.checkpoints.composed import DOWN, UP, half_in_bytes
from models.weights import SAFETENSORS_INDEX, WeightFiles, write_json
from train.llm_updates import EMOTION_VECTORS, as_changes, positions_told_in
from train.settings import Frozen


class TakeUpdatesSettings(Frozen):
    """Writes a checkpoint that talks as a run of `language` or `prefer` taught its LLM.

    Everything else stays: what it hears with, its examples. How the LLM is told of the voice comes
    with the updates, which were taught with it.
    """

    model: Path = Path()
    """Checkpoint folder whose LLM is a part of the catalogue; it stays as it is."""
    updates: Path = Path()
    """Folder `best` of the run."""
    share: float = Field(default=1.0, gt=0, le=1)
    """How far the LLM is moved from its part towards what it was taught."""
    out: Path = Path()
    """Folder of the new checkpoint; must not exist."""


def take_updates_of_run(settings: TakeUpdatesSettings) -> None:
    """Writes the new checkpoint; what was taught in 8 bits, a scale for each of its directions.

    Raises:
        ValueError: The place is taken, or the run taught another LLM.
        CheckpointError: `model` is no checkpoint of ours.
    """
    if settings.out.exists():
        raise ValueError(f"{settings.out} exists: choose another --out")
    config, _ = read_config(settings.model)
    if config.parts is None or not config.parts.llm:
        raise ValueError(f"the LLM of {settings.model} is no part of the catalogue")
    changes = as_changes(settings.updates, settings.share)
    files = WeightFiles(settings.model)
    before = {name: files.shape(name) for name in files.names() if name.endswith((DOWN, UP))}
    for name, values in changes.items():
        # A LoRA of another rank is one of the same LLM where its other side is as long.
        axis = 0 if name.endswith(UP) else 1
        if name != EMOTION_VECTORS and before.get(name, values.shape)[axis] != values.shape[axis]:
            raise ValueError(f"{settings.updates} is of another LLM than {settings.model}")
    kept = {n: files.read(n) for n in files.names() if not n.startswith(LLM)}
    settings.out.mkdir(parents=True)
    write_apart(kept | _in_bytes(changes), settings.out)
    for path in settings.model.iterdir():
        if path.suffix != ".safetensors" and path.name not in ("config.json", SAFETENSORS_INDEX):
            shutil.copy(path, settings.out)
    width = int(config.llm["hidden_size"])
    taught = replace(config, emotion_positions=positions_told_in(changes, width))
    write_json(settings.out / "config.json", taught.to_mapping())
    size = sum(path.stat().st_size for path in settings.out.iterdir()) / 1e6
    print(f"{settings.out}: {size:.1f} MB")


def _in_bytes(changes: dict[str, Tensor]) -> dict[str, Tensor]:
    stored: dict[str, Tensor] = {}
    for name, values in changes.items():
        is_half = name.endswith((DOWN, UP))
        stored |= half_in_bytes(name, values) if is_half else {name: values.bfloat16()}
    return stored
