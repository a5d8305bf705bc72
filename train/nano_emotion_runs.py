"""Nano's emotion heads: one for each fold of the actors, then one for each seed."""

import torch

from models.emotion_head import fit_temperature
from models.tokenizer import JsonTokenizer
from train.batches import BucketedBatches
from train.domain import read_domain
from train.loop import fit
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
from train.nano_speech import read_lines
from train.nano_tokenizer import spelling_size
from train.settings import LoopSettings, duration_s
from train.task import Task

FOLDS = 4
VOICES = 700
"""Synthetic lines that the head learns to take for neutral."""
FOLD_TIME = 0.5
"""Of the training time of the head that is kept."""


def train_emotion(settings: NanoSettings) -> float:
    """Trains the emotion head; returns the temperature that cross-validation over actors gives."""
    recordings = ravdess(settings.data, held_out=False)
    around = Surroundings.read(settings.data / "noise")
    actors = sorted({r.speaker for r in recordings})
    logits: list[torch.Tensor] = []
    emotions: list[int] = []
    for fold in range(FOLDS):
        held = set(actors[fold::FOLDS])
        kept = [r for r in recordings if r.speaker not in held]
        judged = [r for r in recordings if r.speaker in held]
        name = f"emotion-fold-{fold}"
        model = _fit_emotion(settings, kept, around, name, seed=settings.seed)
        items = EmotionItems.read(judged, None)
        logits.append(emotion_logits(model, items))
        emotions += items.emotions
    for seed in range(settings.seed, settings.seed + settings.seeds):
        name = "emotion" if seed == settings.seed else f"emotion-seed-{seed}"
        _fit_emotion(settings, recordings, around, name, seed=seed)
    return fit_temperature(torch.cat(logits), torch.tensor(emotions))


def _fit_emotion(
    settings: NanoSettings,
    recordings: list[Recording],
    around: Surroundings,
    name: str,
    *,
    seed: int,
) -> EmotionModel:
    torch.manual_seed(seed)
    folder = settings.run / "speech"
    voices = [x for x in read_lines(folder, "train") if not x.emotion][:VOICES]
    items = EmotionItems.read(recordings, around).with_voices(voices, folder)
    tokenizer = JsonTokenizer(settings.run / "tokenizer.json")
    config = nano_config(tokenizer, spelling_size(tokenizer, read_domain()))
    model = EmotionModel(config.emotion_head, config.speech_encoder)
    parts = FOLDS * FOLD_TIME + settings.seeds
    seconds = duration_s(settings.stage_budget("emotion")) / parts
    seconds *= FOLD_TIME if "fold" in name else 1.0
    loop = LoopSettings(
        epochs=1000,
        budget=f"{max(1, round(seconds))}s",
        optimizer="muon",
        learning_rate=3e-3,
        warmup_steps=30,
        device="cpu",
        seed=seed,
    )
    batches = BucketedBatches(
        items.lengths,
        items.load,
        collate_emotions,
        batch_size=24,
        weights=items.chances(),
        seed=seed,
    )
    task = Task(f"nano-{name}", model, emotion_step, {"input_er": 1.0}, batches)
    finish(name, fit(task, loop, settings.run / name))
    return model
