"""A small regression that the loop's tests train: quick, and with dropout and augmentation."""

import numpy as np
import torch
from torch import Tensor, nn

from train.loop.batches import BucketedBatches
from train.loop.settings import LoopSettings
from train.loop.task import Task

ITEMS = 48


def small_model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Dropout(0.2), nn.Linear(16, 1))


def small_step(model: nn.Module, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    guess = model(batch["x"])[:, 0]
    return {
        "square": (guess - batch["y"]).square().mean(),
        "size": guess.abs().mean(),
    }


def small_batches(*, seed: int = 3, broken: int | None = None, nan: int | None = None):
    def load(index: int, generator: np.random.Generator) -> dict[str, Tensor]:
        if index == broken:
            raise ValueError("the file is not audio")
        x = np.random.default_rng(index).normal(size=4) + 0.05 * generator.normal(size=4)
        y = float(x.sum()) if index != nan else float("nan")
        return {"x": torch.tensor(x, dtype=torch.float32), "y": torch.tensor(y)}

    def collate(items: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        return {
            "x": torch.stack([item["x"] for item in items]),
            "y": torch.stack([item["y"] for item in items]).float(),
        }

    return BucketedBatches(
        lengths=[1 + index % 7 for index in range(ITEMS)],
        load_item=load,
        collate=collate,
        batch_size=4,
        seed=seed,
        names=[f"clip-{index}" for index in range(ITEMS)],
    )


def small_task(**changes: object) -> Task:
    values: dict[str, object] = {
        "name": "small",
        "model": small_model(),
        "step": small_step,
        "weights": {"square": 1.0},
        "train": small_batches(),
        "valid": small_batches(seed=9),
        **changes,
    }
    return Task(**values)  # type: ignore[arg-type]


def small_settings(**changes: object) -> LoopSettings:
    values: dict[str, object] = {
        "epochs": 4,
        "accumulate": 2,
        "learning_rate": 0.01,
        "warmup_steps": 2,
        "log_every": 1,
        "evaluate_every": 6,
        "device": "cpu",
        **changes,
    }
    return LoopSettings.model_validate(values)
