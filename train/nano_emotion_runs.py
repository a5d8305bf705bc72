"""Nano's emotion heads: one for each fold of the actors, then one for each seed."""

import json
import logging
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from models.emotion_head import fit_temperature
from models.emotions import EMOTION_LABELS
from models.tokenizer import JsonTokenizer
from train.batches import BucketedBatches
from train.domain import Domain
from train.loop import fit
from train.metrics import confusion, unweighted_accuracy
from train.nano_assemble import nano_config
from train.nano_audio import Surroundings
from train.nano_emotion import (
    EmotionItems,
    EmotionModel,
    collate_emotions,
    emotion_logits,
    emotion_step,
)
from train.nano_recordings import Recording, ravdess
from train.nano_settings import NanoSettings, finish
from train.nano_speech import Line, read_lines
from train.nano_tokenizer import spelling_size
from train.run_folder import write_json
from train.settings import LoopSettings, duration_s
from train.synthesis import SAMPLE_RATE_HZ
from train.task import Task

logger = logging.getLogger(__name__)

FOLDS = 4
VOICES = 700
"""Synthetic lines that the head learns to take for neutral."""
LONGEST_VOICE_S = 6.0
FOLD_TIME = 0.5
"""Of the training time of the head that is kept."""
REPORT = "emotion.json"
"""In the run folder: what cross-validation over the actors found."""


def train_emotion(settings: NanoSettings, domain: Domain) -> float:
    """Trains the emotion heads; returns the temperature that cross-validation over actors gives."""
    report = settings.run / REPORT
    if not report.exists():
        heads = _EmotionHeads(settings, domain)
        figures = heads.cross_validate()
        heads.train_seeds()
        write_json(report, figures)
    figures = json.loads(report.read_text(encoding="utf-8"))
    accuracies = ", ".join(f"{value:.3f}" for value in figures["unweighted_accuracy"])
    logger.info("emotion, unweighted accuracy of each fold of actors: %s", accuracies)
    return float(figures["temperature"])


class _EmotionHeads:
    """Trains heads on the actors that are not kept for judging."""

    def __init__(self, settings: NanoSettings, domain: Domain) -> None:
        self.settings = settings
        self.recordings = ravdess(settings.data, held_out=False)
        self.around = Surroundings.read(settings.data / "noise")
        tokenizer = JsonTokenizer(settings.run / "tokenizer.json")
        self.config = nano_config(tokenizer, spelling_size(tokenizer, domain))

    def cross_validate(self) -> dict[str, object]:
        """Returns the accuracy of each fold, and the temperature over all of them."""
        actors = sorted({r.speaker for r in self.recordings})
        logits: list[Tensor] = []
        emotions: list[int] = []
        accuracies: list[float] = []
        for fold in range(FOLDS):
            held = set(actors[fold::FOLDS])
            kept = [r for r in self.recordings if r.speaker not in held]
            items = EmotionItems.read([r for r in self.recordings if r.speaker in held], None)
            model = self._fit(kept, f"emotion-fold-{fold}", self.settings.seed, FOLD_TIME)
            found = emotion_logits(model, items)
            table = confusion(items.emotions, found.argmax(-1).tolist(), len(EMOTION_LABELS))
            accuracies.append(unweighted_accuracy(table))
            logits.append(found)
            emotions += items.emotions
        return {
            "unweighted_accuracy": accuracies,
            "mean": float(np.mean(accuracies)),
            "recordings": len(emotions),
            "temperature": fit_temperature(torch.cat(logits), torch.tensor(emotions)),
        }

    def train_seeds(self) -> None:
        """Trains the head that is kept, and those that say how far chance reaches."""
        first = self.settings.seed
        for seed in range(first, first + self.settings.seeds):
            name = "emotion" if seed == first else f"emotion-seed-{seed}"
            self._fit(self.recordings, name, seed, 1.0)

    def _fit(
        self, recordings: Sequence[Recording], name: str, seed: int, share: float
    ) -> EmotionModel:
        torch.manual_seed(seed)
        items = EmotionItems.read(recordings, self.around)
        items = items.with_voices(self._voices, self.settings.run / "speech")
        model = EmotionModel(self.config.emotion_head, self.config.speech_encoder)
        parts = FOLDS * FOLD_TIME + self.settings.seeds
        seconds = duration_s(self.settings.stage_budget("emotion")) * share / parts
        batches = BucketedBatches(
            items.lengths,
            items.load,
            collate_emotions,
            batch_size=24,
            weights=items.chances(),
            seed=seed,
        )
        loop = LoopSettings(
            epochs=1000,
            budget=f"{max(1, round(seconds))}s",
            optimizer="muon",
            learning_rate=3e-3,
            warmup_steps=30,
            decay="linear",
            device="cpu",
            seed=seed,
        )
        task = Task(f"nano-{name}", model, emotion_step, {"input_er": 1.0}, batches)
        finish(name, fit(task, loop, self.settings.run / name))
        return model

    @cached_property
    def _voices(self) -> list[Line]:
        """Short synthetic lines without any acting, evenly from all shards."""
        longest = LONGEST_VOICE_S * SAMPLE_RATE_HZ
        lines = [
            line
            for line in read_lines(self.settings.run / "speech", "train")
            if not line.emotion and line.samples < longest
        ]
        return lines[:: max(1, len(lines) // VOICES)][:VOICES]
