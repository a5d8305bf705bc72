"""Nano's emotion heads: first they learn pitch, then emotion; by folds of the actors, then all."""

import json
import logging
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from models.emotion_head import fit_temperature, mean_logits
from models.emotions import EMOTION_LABELS, emotion_from_label
from models.speech_encoder import SpeechEncoder
from models.tokenizer import JsonTokenizer
from train.batches import BucketedBatches
from train.domain import Domain
from train.loop import fit
from train.metrics import confusion, unweighted_accuracy
from train.nano_assemble import nano_config, recogniser_weights, trained_weights
from train.nano_emotion import (
    EmotionItems,
    EmotionModel,
    collate_emotions,
    emotion_logits,
    emotion_step,
    pitch_step,
    trimmed,
)
from train.nano_emotion_statistics import HeardVoices, fitted_head, heard_voices, statistics_logits
from train.nano_recordings import Recording, librispeech, ravdess, speechocean, strangers
from train.nano_settings import NanoSettings, finish, is_done
from train.nano_speech import Line, read_lines
from train.nano_tokenizer import spelling_size
from train.run_folder import write_json
from train.settings import LoopSettings, duration_s
from train.surroundings import Surroundings, read_mono
from train.synthesis import SAMPLE_RATE_HZ
from train.task import Step, Task

logger = logging.getLogger(__name__)

FOLDS = 4
VOICES = 700
"""Synthetic lines that the head learns to take for neutral."""
LONGEST_VOICE_S = 6.0
LONGEST_PITCH = 5 * SAMPLE_RATE_HZ
FOLD_TIME, PITCH_TIME = 0.5, 1.0
"""Of the training time of a head that is kept."""
PITCH = "emotion-pitch"
"""The part in which a head learns pitch from speech of any emotion; all heads begin with it."""
PITCH_SPEEDS = (0.75, 1.3)
"""Wider than for emotion, which a voice loses when it is played so much slower or faster."""
TERMS = {"input_er": 1.0, "pitch": 0.9, "voiced": 0.3}
STATISTICS = "emotion-statistics.safetensors"
"""In the run folder: the linear head."""
REPORT = "emotion.json"
"""In the run folder: what cross-validation over the actors found."""


def train_emotion(settings: NanoSettings, domain: Domain) -> float:
    """Trains the emotion heads; returns the temperature that cross-validation over actors gives."""
    report = settings.run / REPORT
    if not report.exists():
        heads = _EmotionHeads(settings, domain)
        heads.learn_pitch()
        figures = heads.cross_validate()
        heads.train_members()
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
        self.seeds = range(settings.seed, settings.seed + settings.seeds)

    def cross_validate(self) -> dict[str, object]:
        """Returns the accuracies of each fold, and the temperature over all of them.

        In each fold heads are trained from all seeds, as they are for the checkpoint. A single seed
        has the linear head beside it, which is fitted without chance.
        """
        actors = sorted({r.speaker for r in self.recordings})
        logits: list[Tensor] = []
        emotions: list[int] = []
        together: list[float] = []
        alone: list[float] = []
        for fold in range(FOLDS):
            held = set(actors[fold::FOLDS])
            kept = [r for r in self.recordings if r.speaker not in held]
            judged = [r for r in self.recordings if r.speaker in held]
            waveforms = [read_mono(r.path) for r in judged]
            truth = [int(emotion_from_label(r.emotion)) for r in judged]
            names = [(f"emotion-fold-{fold}-seed-{seed}", seed) for seed in self.seeds]
            heads = [emotion_logits(self._fit(kept, *name, FOLD_TIME), waveforms) for name in names]
            linear = self._linear_logits(held)
            alone += [_accuracy(truth, mean_logits(torch.stack([one, linear]))) for one in heads]
            logits.append(mean_logits(torch.stack([*heads, linear])))
            together.append(_accuracy(truth, logits[-1]))
            emotions += truth
        return {
            "unweighted_accuracy": together,
            "mean": float(np.mean(together)),
            "mean_of_single_seeds": float(np.mean(alone)),
            "recordings": len(emotions),
            "temperature": fit_temperature(torch.cat(logits), torch.tensor(emotions)),
        }

    def train_members(self) -> None:
        """Trains the heads of the checkpoint, one from each seed, and the linear one."""
        for number, seed in enumerate(self.seeds, start=1):
            self._fit(self.recordings, f"emotion-{number}", seed, 1.0)
        every = np.ones(len(self._heard.emotions), dtype=bool)
        head = fitted_head(self._heard, every, self.config.emotion_head, self._encoder)
        part = self.settings.run / f"{STATISTICS}.part"
        save_file(head.state_dict(), part)
        part.replace(self.settings.run / STATISTICS)

    def _linear_logits(self, held: set[str]) -> Tensor:
        """Returns logits of the recordings of the actors `held`, by what the others teach."""
        is_held = np.array(
            [r.speaker in held for r in self.recordings] + [False] * len(self._voices)
        )
        rows = is_held[self._heard.recordings]
        head = fitted_head(self._heard, ~rows, self.config.emotion_head, self._encoder)
        return statistics_logits(head, self._heard, rows & ~self._heard.is_varied)

    def learn_pitch(self) -> None:
        """Trains what all heads begin with, on real speech of any kind and on synthetic voices."""
        settings = self.settings
        if is_done(settings.run / PITCH):
            return
        words = speechocean(settings.data, held_out=False) + librispeech(
            settings.data, held_out=False
        )
        paths = [r.path for r in words] + strangers(settings.data)
        real = [trimmed(read_mono(path))[:LONGEST_PITCH] for path in paths]
        heard = EmotionItems(real, [0] * len(real), self.around, speeds=PITCH_SPEEDS)
        heard = heard.with_voices(self._voices, settings.run / "speech")
        model = self._new(settings.seed)
        terms = {name: TERMS[name] for name in ("pitch", "voiced")}
        self._train(PITCH, model, pitch_step, terms, heard, [1.0] * len(heard.lengths), PITCH_TIME)

    def _fit(
        self, recordings: Sequence[Recording], name: str, seed: int, share: float
    ) -> EmotionModel:
        items = EmotionItems.read(recordings, self.around)
        items = items.with_voices(self._voices, self.settings.run / "speech")
        model = self._new(seed)
        begun = trained_weights(self.settings.run / PITCH)
        model.load_state_dict(
            {k: v for k, v in begun.items() if not k.startswith("emotion_head.classifier")},
            strict=False,
        )
        self._train(name, model, emotion_step, TERMS, items, items.chances(), share, seed)
        return model

    def _new(self, seed: int) -> EmotionModel:
        torch.manual_seed(seed)
        return EmotionModel(self.config.emotion_head, self.config.speech_encoder)

    def _train(
        self,
        name: str,
        model: EmotionModel,
        step: Step,
        terms: Mapping[str, float],
        items: EmotionItems,
        chances: Sequence[float],
        share: float,
        seed: int = 0,
    ) -> None:
        settings = self.settings
        parts = settings.seeds * (FOLDS * FOLD_TIME + 1.0) + PITCH_TIME
        seconds = duration_s(settings.stage_budget("emotion")) * share / parts
        batches = BucketedBatches(
            items.lengths, items.load, collate_emotions, batch_size=24, weights=chances, seed=seed
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
        task = Task(f"nano-{name}", model, step, terms, batches)
        finish(name, fit(task, loop, settings.run / name))

    @cached_property
    def _encoder(self) -> SpeechEncoder:
        """The finished encoder of the recogniser."""
        encoder = SpeechEncoder(self.config.speech_encoder)
        weights = recogniser_weights(trained_weights(self.settings.run / "words"))
        own = {
            name.removeprefix("speech_encoder."): value
            for name, value in weights.items()
            if name.startswith("speech_encoder.")
        }
        encoder.load_state_dict(own, strict=False)
        return encoder

    @cached_property
    def _heard(self) -> HeardVoices:
        """Statistics of all recordings and voices, for the linear head."""
        items = EmotionItems.read(self.recordings, self.around)
        items = items.with_voices(self._voices, self.settings.run / "speech")
        layer = self.config.emotion_head.statistics_layer
        return heard_voices(self.recordings, items, self._encoder, layer, seed=self.settings.seed)

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


def _accuracy(truth: list[int], logits: Tensor) -> float:
    """Returns the unweighted accuracy of `logits` (N, E)."""
    table = confusion(truth, logits.argmax(-1).tolist(), len(EMOTION_LABELS))
    return unweighted_accuracy(table)
