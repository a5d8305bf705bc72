"""Settings of the language stage."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from models.config import DEFAULT_PERSONA
from train.loop.settings import LoopSettings
from train.settings import Frozen


class TaughtLlmSettings(Frozen):
    """An LLM, the updates that it learns, and how it is spoken to."""

    llm: str = "smollm2-135m"
    """The LLM to begin with: a part of the catalogue, a folder or a hub id."""
    updates: Path | None = None
    """Folder `best` of an earlier run, or a checkpoint that holds what one changed of its LLM, from
    which this run goes on; empty: from nothing."""
    persona: str = DEFAULT_PERSONA
    """System line of all talks."""
    lora_rank: int = Field(default=32, ge=1)
    """Rank of the updates; with frozen float32 they are merged into the weights at the end."""
    frozen: Literal["float32", "bfloat16", "int8"] = "float32"
    """Number format of the weights below the updates. With int8 a large LLM learns several times
    faster on a CPU, and as it will answer there; with bfloat16 about as fast where the processor
    has AMX, and gradients are not rounded to 8 bits on their way."""


class LanguageSettings(TaughtLlmSettings):
    """An instruction LLM learns from written talks to answer as a companion does."""

    run: Path = Path("runs/language")
    """Run folder: resumed where it exists. `best` in it is for `assemble`: as `--llm`, or with
    frozen int8 as `--updates`."""
    material: tuple[Path, ...] = (Path("train/recipes/mini/talks"),)
    """Folders or files of written talks."""
    domain_exchanges: int = Field(default=1500, ge=0)
    """Exchanges drawn from the domain of everyday intents beside them."""
    longest_tokens: int = Field(default=1024, ge=64)
    """Positions of the longest conversation."""
    row_tokens: int = Field(default=256, ge=64)
    """Positions of most rows; short talks stand side by side in one."""
    batch_tokens: int = Field(default=1024, ge=64)
    """Most positions in a batch, padding included."""
    valid_share: float = Field(default=0.02, ge=0, lt=0.5)
    """Share of the talks that validate."""
    loop: LoopSettings = LoopSettings(
        learning_rate=1.5e-3, warmup_steps=20, weight_decay=0.01, evaluate_every=100
    )
    """The training loop."""
