"""The command `slim`: a checkpoint without what the package index has: only what was trained."""

import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from pydantic import Field
from torch import Tensor

from models.checkpoints.checkpoint import read_config, write_apart
from models.checkpoints.composed import DOWN, UP, PartWeights, low_rank, part_folders
from models.config import PartsConfig
from models.weights import SAFETENSORS_INDEX, WeightFiles, write_json
from train.settings import Frozen

logger = logging.getLogger(__name__)

NOT_COPIED = (
    *("tokenizer.json", "tokenizer_config.json", "whisper_tokenizer.json"),
    *("config.json", SAFETENSORS_INDEX),
)
"""Files that the parts bring, and those that are written anew."""


class SlimSettings(Frozen):
    """Writes a checkpoint that holds only what differs from the pretrained parts it came from.

    Parameters that are those of a part are left out. A matrix of the LLM that changed is kept as a
    change of low rank, which is exact for what LoRA trained; anything else that changed is kept
    whole, in the number format of the part.
    """

    model: Path = Path()
    """Checkpoint folder that training wrote."""
    out: Path = Path()
    """Folder of the small checkpoint; must not exist."""
    speech: str = ""
    """Part that its encoder and decoder came from, such as whisper-tiny.en."""
    llm: str = ""
    """Part that its LLM came from, such as qwen2.5-coder-1.5b."""
    rank: int = Field(default=32, ge=1)
    """Rank that a change of the LLM is kept with."""
    speech_rank: int = Field(default=0, ge=0)
    """Rank that a change of encoder or decoder is kept with; 0 keeps their matrices whole."""


def slim(settings: SlimSettings) -> None:
    """Writes the small checkpoint and says how much of the changes it keeps.

    Raises:
        ValueError: The settings name no parts, or the place is taken.
        CheckpointError: The checkpoint or a part cannot be used.
    """
    if not (settings.speech or settings.llm):
        raise ValueError("name what the checkpoint was made of: --speech, --llm or both")
    if settings.out.exists():
        raise ValueError(f"{settings.out} exists: choose another --out")
    config, _ = read_config(settings.model)
    before = config.parts or PartsConfig()
    if before.llm and settings.llm and before.llm != settings.llm:
        raise ValueError(f"the LLM of {settings.model} came from {before.llm}: --llm {before.llm}")
    parts = replace(before, speech=settings.speech or before.speech, llm=settings.llm or before.llm)
    known = PartWeights(part_folders(parts))
    ranks = {"llm": settings.rank}
    kept, lost, changed = _what_differs(
        WeightFiles(settings.model), known, lambda part: ranks.get(part, settings.speech_rank)
    )
    settings.out.mkdir(parents=True)
    write_apart(kept, settings.out)
    for path in settings.model.iterdir():
        if path.suffix in (".json", ".jinja") and path.name not in NOT_COPIED:
            shutil.copy(path, settings.out)
    write_json(settings.out / "config.json", replace(config, parts=parts).to_mapping())
    size = sum(path.stat().st_size for path in settings.out.iterdir()) / 1e6
    share = 1.0 - lost / changed if changed else 1.0
    print(f"{settings.out}: {size:.1f} MB, {100 * share:.2f} % of what changed in the parts")


def _what_differs(
    files: WeightFiles, parts: PartWeights, rank_of: Callable[[str], int]
) -> tuple[dict[str, Tensor], float, float]:
    """Returns the tensors to keep, and the squares of the changes: what is lost, and in all."""
    kept: dict[str, Tensor] = {}
    lost = changed = 0.0
    for name in files.names():
        ours, theirs = files.read(name), parts.find(name)
        if theirs is None or theirs.shape != ours.shape:
            kept[name] = ours
            continue
        change = ours.float() - theirs.to(ours.dtype).float()
        if not change.any():
            continue
        changed += float(change.square().sum())
        rank = rank_of(name.partition(".")[0])
        if not rank or change.ndim != 2 or 2 * rank >= min(change.shape):
            kept[name] = ours.to(theirs.dtype)
            lost += float((ours.float() - kept[name].float()).square().sum())
            continue
        down, up = (half.to(torch.bfloat16) for half in low_rank(change, rank))
        kept |= {f"{name}{DOWN}": down, f"{name}{UP}": up}
        lost += float((change - up.float() @ down.float()).square().sum())
    return kept, lost, changed
