"""Nano's two stages of alignment through their own commands, and the variants of them."""

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import torch

from models.blsp_emo import BlspEmo
from models.checkpoint import save
from models.config import CalibrationConfig
from models.emotion_head import build_emotion_head
from train.align import align_emotion, align_semantic
from train.nano_settings import NanoSettings, finish, is_done
from train.run_folder import replacing
from train.settings import AlignSettings, EmotionSettings, LoopSettings, SemanticSettings

SettingsT = TypeVar("SettingsT", bound=AlignSettings)

LONGEST_S = 8.0
TOLD = ("lora_a", "lora_b", "emotion_vectors")
"""What emotion alignment trains where the emotion head is taught apart from it."""
HEARD = (*TOLD, "emotion_head")


def align_nano(settings: NanoSettings) -> Path:
    """Runs what is left of both stages; returns the aligned checkpoint.

    Without a variant the emotion head is a finished part, and emotion alignment tells the LLM the
    labels. The variants `joint` and `without-input-er` give the model a new head that hears for
    itself: BLSP-Emo (arXiv 2406.03872) trains it with the replies, by L_er at the input.
    """
    run, variant = settings.run, settings.variant
    if variant == "without-semantic":
        return _empathy(settings, run / "parts", run / variant / "empathy")
    _semantic(settings)
    start = run / "semantic" / "last"
    if not settings.has_new_head:
        return _empathy(settings, start, run / "empathy")
    deaf = run / variant / "start"
    if not (deaf / "config.json").exists():
        _with_new_head(start, deaf, settings.seed)
    return _empathy(settings, deaf, run / variant / "empathy")


def _semantic(settings: NanoSettings) -> None:
    run = settings.run
    if is_done(run / "semantic"):
        return
    stage = SemanticSettings(
        model=str(run / "parts"),
        train=(run / "speech" / "semantic.jsonl",),
        run=run / "semantic",
        emotion_in_text=False,
        emotion_told="none",
        text_instruction="",
        speech_instruction="",
        weights={"response_kl": 1.0, "ctc": 1.0},
        loop=_loop(settings, "semantic", 1e-4),
    )
    outcome = align_semantic(_shared(stage))
    assert outcome is not None
    finish("semantic", outcome)


def _empathy(settings: NanoSettings, start: Path, folder: Path) -> Path:
    if not is_done(folder):
        heard = settings.has_new_head
        weights = {"response_ce": 1.0} if heard else {"response_kl": 1.0}
        if settings.variant == "joint":
            weights["input_er"] = 1.0
        stage = EmotionSettings(
            model=str(start),
            train=(settings.run / "speech" / "emotion.jsonl",),
            run=folder,
            trains=HEARD if heard else TOLD,
            weights=weights,
            temperature=1.0,
            speech_given="words",
            emotion_told="heard" if heard else "label",
            balance_emotions=True,
            loop=_loop(settings, "empathy", 2e-3),
        )
        outcome = align_emotion(_shared(stage))
        assert outcome is not None
        finish("empathy", outcome)
    return folder / "last"


def _shared(settings: SettingsT) -> SettingsT:
    return settings.model_copy(
        update={
            "batch_size": 16,
            "batch_s": 50.0,
            "longest_s": LONGEST_S,
            "max_tokens": 160,
            "valid_share": 0.004,
            "check_audio": False,
        }
    )


def _loop(settings: NanoSettings, stage: str, learning_rate: float) -> LoopSettings:
    return LoopSettings(
        epochs=1000,
        budget=settings.stage_budget(stage),
        learning_rate=learning_rate,
        warmup_steps=10,
        device="cpu",
        evaluate_every=200,
        seed=settings.seed,
    )


def _with_new_head(source: Path, target: Path, seed: int) -> None:
    """Copies a checkpoint; the convolutions of the copy's emotion head know nothing."""
    model = BlspEmo.from_pretrained(source, dtype="float32", device="cpu")
    torch.manual_seed(seed)
    head = replace(model.config.emotion_head, statistics_layer=0)
    model.emotion_head = build_emotion_head(head, model.config.speech_encoder, model.llm.width)
    model.config = replace(model.config, emotion_head=head, calibration=CalibrationConfig())
    with replacing(target) as part:
        save(model, part)
