"""The command `calibrate`: temperature and threshold of the emotion head, from held-out voices."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from models.blsp_emo import BlspEmo
from models.checkpoints.checkpoint import read_config
from models.config import CalibrationConfig
from models.emotion.heads import fit_temperature
from models.emotions import emotion_from_label
from models.weights import write_json
from train.data.audio_files import read_audio
from train.data.manifest import read_manifest
from train.evaluation.settings import CalibrateSettings
from train.metrics import (
    Floats,
    Integers,
    expected_calibration_error,
    negative_log_likelihood,
    risk_coverage,
)

logger = logging.getLogger(__name__)

FEWEST = 20
"""Utterances below which a temperature would be a guess."""


def calibrate(settings: CalibrateSettings) -> CalibrationConfig:
    """Fits temperature and threshold and writes them into the checkpoint's config.json.

    Temperature scaling of Guo et al. 2017 (arXiv 1706.04599), section 4.2.

    Raises:
        ValueError: Too few utterances have an emotion, or the checkpoint is not in our layout.
        CheckpointError: The checkpoint cannot be used.
    """
    folder = Path(settings.model)
    if not settings.model or not folder.is_dir():
        raise ValueError(
            f"there is no folder {settings.model or '(--model)'}: give a checkpoint of your own, "
            "which the calibration is written into"
        )
    config, published = read_config(folder)
    if published:
        raise ValueError(f"{folder} is of the published layout: save it in ours first")
    model = BlspEmo.from_pretrained(folder, device=settings.device)
    logits, truth = _heard(model, settings)
    fitted = fitted_calibration(logits, truth, answered=settings.answered)
    fitted = replace(fitted, told_from=config.calibration.told_from)
    changed = replace(config, calibration=fitted)
    write_json(folder / "config.json", changed.to_mapping())
    before, after = _softmax(logits, 1.0), _softmax(logits, fitted.temperature)
    for name, values in (("before", before), ("after", after)):
        loss = negative_log_likelihood(values, truth)
        error = expected_calibration_error(values, truth)
        print(f"{name}: negative log-likelihood {loss:.4f}, calibration error {error:.4f}")
    print(
        f"{folder}: temperature {fitted.temperature:.2f} and threshold {fitted.threshold:.2f} "
        f"from {len(truth)} utterances"
    )
    chance = np.bincount(truth).max() / len(truth)
    right = float((logits.argmax(axis=1) == truth).mean())
    if right <= chance:
        logger.warning(
            "the head is right on %.0f %% of these utterances, and always saying the most common "
            "emotion on %.0f %%: no temperature helps that; align it on voices like these first",
            100 * right,
            100 * chance,
        )
    return fitted


def fitted_calibration(logits: Floats, truth: Integers, *, answered: float) -> CalibrationConfig:
    """Returns the temperature of the least cross-entropy, and the threshold for `answered`.

    Args:
        logits: (N, E).
        truth: (N,) indices of `Emotion`.
        answered: Share of utterances whose confidence reaches the threshold.
    """
    temperature = fit_temperature(
        torch.as_tensor(logits, dtype=torch.float32), torch.as_tensor(truth)
    )
    coverage, _, thresholds = risk_coverage(_softmax(logits, temperature), truth)
    place = int(np.searchsorted(coverage, answered - 1e-9))
    threshold = float(thresholds[place]) if answered < 1 else 0.0
    return CalibrationConfig(temperature=temperature, threshold=threshold)


def _heard(model: BlspEmo, settings: CalibrateSettings) -> tuple[Floats, Integers]:
    logits: list[list[float]] = []
    truth: list[int] = []
    for path in settings.manifests:
        manifest = read_manifest(path)
        for utterance in manifest.utterances:
            if utterance.emotion is None or settings.split not in ("all", utterance.split):
                continue
            heard = model.hear(read_audio(utterance.audio, manifest.root))
            logits.append(heard.emotion_logits.tolist())
            truth.append(int(emotion_from_label(utterance.emotion)))
    if len(truth) < FEWEST:
        raise ValueError(
            f"{len(truth)} utterances with an emotion are too few to calibrate on: "
            f"give --manifests with at least {FEWEST}"
        )
    return np.array(logits), np.array(truth)


def _softmax(logits: Floats, temperature: float) -> Floats:
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
