"""Calibration: the right temperature is found, and it ends up in the checkpoint."""

from pathlib import Path

import numpy as np
import pytest
import torch

from models.blsp_emo import BlspEmo
from models.checkpoints.checkpoint import save
from tests.train.tiny import tiny_model, utterances
from train.data.manifest import write_manifest
from train.evaluation.calibrate import calibrate, fitted_calibration
from train.evaluation.settings import CalibrateSettings

torch.set_num_threads(1)


def test_an_overconfident_head_is_softened_as_much_as_it_needs() -> None:
    generator = np.random.default_rng(0)
    honest = generator.normal(size=(2000, 5)) * 1.5
    chances = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
    truth = np.array([generator.choice(5, p=row) for row in chances])
    fitted = fitted_calibration(honest * 3.0, truth, answered=0.8)
    assert fitted.temperature == pytest.approx(3.0, rel=0.1)
    assert (chances.max(axis=1) >= fitted.threshold).mean() == pytest.approx(0.8, abs=0.02)
    assert fitted_calibration(honest, truth, answered=1.0).threshold == 0.0


def test_the_checkpoint_carries_it(tmp_path: Path) -> None:
    save(tiny_model(tmp_path / "tokenizer").checkpoint(), tmp_path / "model")
    write_manifest(tmp_path / "held.jsonl", utterances(tmp_path / "audio", 20))
    settings = CalibrateSettings(
        model=str(tmp_path / "model"), manifests=(tmp_path / "held.jsonl",), device="cpu"
    )
    fitted = calibrate(settings)
    assert BlspEmo.from_pretrained(tmp_path / "model", device="cpu").config.calibration == fitted
    write_manifest(tmp_path / "held.jsonl", utterances(tmp_path / "audio", 3))
    with pytest.raises(ValueError, match="3 utterances with an emotion are too few"):
        calibrate(settings)
    with pytest.raises(ValueError, match="no folder mini: give a checkpoint of your own"):
        calibrate(settings.model_copy(update={"model": "mini"}))


@pytest.mark.parametrize(("heard", "warned"), [(0, True), (3, False)])
def test_a_head_that_knows_nothing_is_said(
    heard: int,
    warned: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    save(tiny_model(tmp_path / "tokenizer").checkpoint(), tmp_path / "model")
    truth = np.arange(20) % 5
    logits = np.tile([1.0, 0.0, 0.0, 0.0, 0.0], (20, 1))
    logits[truth == heard] = np.eye(5)[heard] * 4
    monkeypatch.setattr("train.evaluation.calibrate._heard", lambda *_: (logits, truth))
    calibrate(CalibrateSettings(model=str(tmp_path / "model"), device="cpu"))
    assert ("no temperature helps" in caplog.text) == warned
