"""How well a nano hears emotion: actors and speakers it never heard, calibration, single seeds."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.blsp_emo import BlspEmo
from models.emotion_head import EmotionHeadEnsemble, StatisticsEmotionHead, mean_logits
from models.emotions import EMOTION_LABELS, emotion_from_label
from train.metrics import (
    bootstrap,
    confusion,
    expected_calibration_error,
    negative_log_likelihood,
    of_answers,
    perfect_calibration_error,
    risk_coverage,
    unweighted_accuracy,
)
from train.nano_bench import Bench
from train.nano_recordings import Recording, ravdess, tess
from train.surroundings import read_mono


def emotion_figures(bench: Bench, data: Path) -> None:
    """Emotion of actors that were never trained on, its calibration, and TESS by speaker."""
    recordings = ravdess(data, held_out=True)
    logits, truth = _emotions(bench.model, recordings)
    _emotion_figure(bench, "emotion UA, RAVDESS actors 17-20", logits, truth)
    _single_heads_figure(bench, recordings, truth)
    temperature = bench.model.config.calibration.temperature
    for name, scale in (("before", 1.0), ("after", temperature)):
        shares = torch.softmax(logits / scale, dim=-1).double().numpy()
        bench.figures.notes[f"negative log-likelihood {name} calibration"] = float(
            negative_log_likelihood(shares, truth)
        )
        bench.figures.add(
            f"expected calibration error {name} calibration",
            bootstrap(
                lambda chosen, p=shares: expected_calibration_error(p[chosen], truth[chosen]),
                len(truth),
                draws=300,
            ),
        )
        perfect = perfect_calibration_error(shares, draws=200)
        bench.figures.add(f"error of a perfectly calibrated model, {name} calibration", perfect)
    shares = torch.softmax(logits / temperature, dim=-1).double().numpy()
    coverage, risk, _ = risk_coverage(shares, truth)
    for kept in (1.0, 0.8, 0.6, 0.4):
        place = min(int(np.searchsorted(coverage, kept)), len(risk) - 1)
        bench.figures.notes[f"emotion, share wrong at {kept:.0%} coverage"] = float(risk[place])
    for speaker in ("OAF", "YAF"):
        clips = [r for r in tess(data) if r.speaker == speaker][::3]
        if clips:
            _emotion_figure(bench, f"emotion UA, TESS {speaker}", *_emotions(bench.model, clips))


def _single_heads_figure(
    bench: Bench, recordings: list[Recording], truth: NDArray[np.int64]
) -> None:
    """Adds the mean over the seeds of what each would hear without the others.

    The linear head, which is fitted without chance, belongs to each of them.
    """
    head = bench.model.emotion_head
    if not isinstance(head, EmotionHeadEnsemble):
        return
    waveforms = [read_mono(r.path) for r in recordings]
    with torch.inference_mode():
        states = [bench.model.encode(bench.model.features([w])) for w in waveforms]
        found = [torch.cat([member(one) for one in states]) for member in head.members]
    is_linear = [isinstance(member, StatisticsEmotionHead) for member in head.members]
    linear = [logits for logits, without in zip(found, is_linear, strict=True) if without]
    guesses = [
        mean_logits(torch.stack([logits, *linear])).argmax(dim=-1).numpy()
        for logits, without in zip(found, is_linear, strict=True)
        if not without
    ]

    def mean(chosen: NDArray[np.int64]) -> float:
        tables = [
            confusion(truth[chosen].tolist(), guess[chosen].tolist(), len(EMOTION_LABELS))
            for guess in guesses
        ]
        return float(np.mean([unweighted_accuracy(table) for table in tables]))

    name = f"emotion UA, RAVDESS actors 17-20, mean of {len(guesses)} single seeds"
    bench.figures.add(name, bootstrap(mean, len(truth)))


def _emotions(model: BlspEmo, recordings: Sequence[Recording]) -> tuple[Tensor, NDArray[np.int64]]:
    logits = torch.stack([model.hear(read_mono(r.path)).emotion_logits for r in recordings])
    return logits, np.array([int(emotion_from_label(r.emotion)) for r in recordings])


def _emotion_figure(
    bench: Bench, name: str, logits: torch.Tensor, truth: NDArray[np.int64]
) -> None:
    guess = logits.argmax(dim=-1).tolist()
    bench.figures.add(
        name, of_answers(unweighted_accuracy, truth.tolist(), guess, len(EMOTION_LABELS))
    )
