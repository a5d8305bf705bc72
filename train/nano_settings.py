"""Settings of `python -m train nano`, and what its stages share."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from train.settings import Frozen, duration_s
from train.task import Outcome

SHARES = {
    "llm": 0.1,
    "phones": 0.03,
    "words": 0.6,
    "emotion": 0.15,
    "listening": 0.02,
    "llm-heard": 0.05,
    "semantic": 0.02,
    "empathy": 0.03,
}
"""Of the training budget; about those of the shipped weights."""
LINES_A_SECOND = 11.0
"""Sentences that one core speaks, with the phones of each."""
DONE = "done"
"""Empty file in the run folder of a stage that came to its end."""

Variant = Literal["none", "without-semantic", "joint", "without-input-er"]


class NanoSettings(Frozen):
    """Makes nano: voices, tokenizer, language model, ears, both stages of alignment, turn ends."""

    run: Path = Path("runs/nano")
    """Folder of everything that is made; what is finished in it is not made again."""
    data: Path = Path("../shared/data")
    """Real recordings and texts."""
    budget: str = "6h"
    """Training time of all stages together, on one core; making the voices speak comes on top."""
    shards: int = Field(default=28, ge=1)
    """Of 500 synthetic sentences each, about 19 minutes of speech."""
    vocabulary: int = Field(default=3000, ge=300)
    """Tokens."""
    seeds: int = Field(default=3, ge=1)
    """Emotion heads trained from different beginnings, to say how far chance reaches; the first
    is the one that is kept."""
    seed: int = 1
    """Of everything that is drawn."""
    variant: Variant = "none"
    """Beside the model itself, from its finished parts. without-semantic: emotion alignment without
    semantic alignment before it. joint: a new emotion head learns in emotion alignment, by input_er
    together with response_ce. without-input-er: the same head by response_ce alone."""
    dry_run: bool = False
    """Check programs, data and disk, print what will be done and for how long, and stop."""

    def stage_budget(self, stage: str) -> str:
        """Returns the training time of a stage."""
        return f"{max(1, round(duration_s(self.budget) * SHARES[stage]))}s"

    @property
    def has_new_head(self) -> bool:
        """Whether the emotion head is taught in emotion alignment, not apart from it."""
        return self.variant in ("joint", "without-input-er")

    @property
    def made(self) -> Path:
        """The folder of the finished checkpoint."""
        return (self.run if self.variant == "none" else self.run / self.variant) / "final"


def finish(stage: str, outcome: Outcome) -> None:
    """Marks a stage that came to its end as done.

    Raises:
        ValueError: It was stopped before.
    """
    if outcome.ending == "stopped":
        raise ValueError(f"{stage} was stopped: run the same command again to go on")
    (outcome.folder / DONE).touch()


def is_done(folder: Path) -> bool:
    """Whether the stage in `folder` came to its end."""
    return (folder / DONE).exists()
