"""The turn ear: windows of any sound, and what is written is what is read."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.turn_ear.network import (
    AFTER_SAMPLES,
    BEFORE_SAMPLES,
    INPUTS,
    TurnEar,
    features,
    load_turn_ear,
    save_turn_ear,
)
from models.weights import CheckpointError


def noise(samples: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(samples).astype(np.float32)


def test_features_are_of_the_end_and_do_not_depend_on_loudness() -> None:
    window = noise(BEFORE_SAMPLES + AFTER_SAMPLES)
    longer = np.concatenate([noise(20_000), window])
    assert features(window).shape[0] == INPUTS
    assert features(longer) == pytest.approx(features(window), abs=1e-5)
    assert features(np.float32(0.1) * window) == pytest.approx(features(window), abs=1e-2)
    assert features(noise(10)).shape == features(window).shape
    assert np.isfinite(features(np.zeros(100, dtype=np.float32))).all()


def test_what_is_written_judges_as_before(tmp_path: Path) -> None:
    torch.manual_seed(0)
    ear = TurnEar().eval()
    save_turn_ear(ear, tmp_path / "new" / "ear.safetensors")
    loaded = load_turn_ear(tmp_path / "new" / "ear.safetensors")
    assert loaded.probability(noise(9_000)) == pytest.approx(ear.probability(noise(9_000)))


@pytest.mark.parametrize("content", [None, b"", b"<html>"])
def test_another_file_is_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ear.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"ear\.safetensors"):
        load_turn_ear(path)
