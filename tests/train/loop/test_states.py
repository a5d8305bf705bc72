"""Saved states: what cannot be gone on from exactly is refused."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tests.train.small import small_model, small_settings, small_task
from train.loop.fit import fit
from train.loop.states import StateKeeper

torch.set_num_threads(1)


def keeper(kind: str, folder: Path) -> StateKeeper:
    accelerator = SimpleNamespace(distributed_type=SimpleNamespace(value=kind))
    return StateKeeper(accelerator, small_model(), None, folder, 1)


def test_what_another_kind_of_training_saved_is_refused(tmp_path: Path) -> None:
    for kind in ("DEEPSPEED", "FSDP", "MULTI_CPU"):
        keeper(kind, tmp_path).check_resumable()
    fit(small_task(), small_settings(max_steps=2), tmp_path)
    keeper("MULTI_GPU", tmp_path).check_resumable()
    for kind in ("DEEPSPEED", "FSDP"):
        with pytest.raises(ValueError, match=f"by none, and this run spreads them by {kind}"):
            keeper(kind, tmp_path).check_resumable()
    (state,) = tmp_path.glob("state-*")
    (state / "sharded").mkdir()
    keeper("FSDP", tmp_path).check_resumable()
    with pytest.raises(ValueError, match="by FSDP, and this run spreads them by none"):
        keeper("MULTI_GPU", tmp_path).check_resumable()
    (state / "sharded" / "latest").touch()
    keeper("DEEPSPEED", tmp_path).check_resumable()
    with pytest.raises(ValueError, match="by DEEPSPEED, and this run spreads them by FSDP"):
        keeper("FSDP", tmp_path).check_resumable()
