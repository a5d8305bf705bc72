"""Settings of `python -m train nano`, and what its stages share."""

from pathlib import Path

from pydantic import Field

from train.settings import Frozen, duration_s
from train.task import Outcome

SHARES = {
    "llm": 0.32,
    "phones": 0.06,
    "words": 0.42,
    "emotion": 0.12,
    "semantic": 0.04,
    "empathy": 0.04,
}
"""Of the training budget."""


class NanoSettings(Frozen):
    """Makes nano: voices, tokenizer, language model, ears, and both stages of alignment."""

    run: Path = Path("runs/nano")
    """Folder of everything that is made; what is finished in it is not made again."""
    data: Path = Path("../shared/data")
    """Real recordings and texts."""
    budget: str = "150min"
    """Training time of all stages together; making the voices speak comes on top."""
    shards: int = Field(default=24, ge=1)
    """Of 500 synthetic sentences each, about 17 minutes of speech."""
    vocabulary: int = Field(default=3000, ge=300)
    """Tokens."""
    seeds: int = Field(default=3, ge=1)
    """Emotion heads trained from different beginnings, to say how far chance reaches; the first
    is the one that is kept."""
    seed: int = 1
    """Of everything that is drawn."""

    def stage_budget(self, stage: str) -> str:
        """Returns the training time of a stage."""
        return f"{max(1, round(duration_s(self.budget) * SHARES[stage]))}s"


def finish(stage: str, outcome: Outcome) -> None:
    """Goes on after a stage that came to its end.

    Raises:
        ValueError: It was stopped before.
    """
    if outcome.ending == "stopped":
        raise ValueError(f"{stage} was stopped: run the same command again to go on")
