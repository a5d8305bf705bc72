"""The commands `align-semantic` and `align-emotion`: settings → data and model → the loop."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from models.blsp_emo import BlspEmo
from models.checkpoints.checkpoint import save
from models.checkpoints.hub import check_is_checkpoint, is_downloaded
from models.features import SPEECH_RATE_HZ
from models.masks import HOP_SAMPLES
from train.alignment.assemble import start_model
from train.alignment.examples import AlignmentExample, ViewSettings, build_examples, resolve
from train.alignment.settings import AlignSettings, EmotionSettings, SemanticSettings
from train.alignment.stages import EMOTION, SEMANTIC, TrainingStage, only_training, parts_of
from train.alignment.step import (
    TEXT_RUN,
    Alignment,
    alignment_batches,
    recompute_activations,
)
from train.alignment.terms import check_terms
from train.continuations.command import asked_of_writer
from train.data.manifest import Drops, Utterance, read_manifest, split_by_speaker
from train.loop.fit import fit
from train.loop.run_folder import file_sha256
from train.loop.task import Task, TrainingOutcome

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingData:
    """What is trained on and validated with."""

    train: list[Utterance]
    source: dict[str, int]
    """Index of the manifest of each training utterance, by its id."""
    valid: list[Utterance]
    hashes: dict[str, str]


def align_semantic(settings: SemanticSettings) -> TrainingOutcome | None:
    """Runs semantic alignment; returns how it ended, or None after a dry run."""
    return align(settings, SEMANTIC)


def align_emotion(settings: EmotionSettings) -> TrainingOutcome | None:
    """Runs emotion alignment; returns how it ended, or None after a dry run."""
    return align(settings, EMOTION)


def align(settings: AlignSettings, stage: TrainingStage) -> TrainingOutcome | None:
    """Runs one stage of alignment.

    Raises:
        ValueError: Settings, manifests and model do not fit together.
        CheckpointError: The model to start from cannot be used.
    """
    stage = replace(stage, weights=settings.weights or stage.weights)
    check_terms(frozenset(stage.weights))
    check_paths(settings)
    if TEXT_RUN & stage.weights.keys():
        for path in settings.train:
            _check_asked(path, settings)
    corpus = read_corpus(settings)
    model = start_model(settings.model, settings)
    task = alignment_task(settings, stage, model, corpus)
    if settings.dry_run:
        from train.loop.dry_run import dry_run

        dry_run(task, settings.loop, settings.run)
        return None
    return fit(task, settings.loop, settings.run)


def check_paths(settings: AlignSettings) -> None:
    """Looks for every file and model that the settings name, before any of them is read.

    A hub id is downloaded by a run; a dry run names it where it is not on this machine yet.

    Raises:
        ValueError: Some are missing; the message names all of them and how they are had.
        CheckpointError: A run folder is given in place of a checkpoint in it.
    """
    manifests = [str(p) for p in (*settings.train, *settings.valid) if not p.is_file()]
    folders: list[str] = []
    afar: list[str] = []
    for name in filter(None, (settings.model, settings.speech, settings.llm)):
        folder = Path(name).expanduser()
        if folder.is_dir():
            check_is_checkpoint(folder)
        if folder.is_dir() or len(Path(name).parts) > 2 or name.startswith((".", "/", "~")):
            folders += [] if (folder / "config.json").is_file() else [name]
        elif settings.dry_run and "/" in name and not is_downloaded(name):
            afar.append(name)
    lacking: list[str] = []
    if manifests:
        lacking.append(
            f"there is no manifest {', '.join(manifests)} (`python -m train prepare` writes "
            "manifests, `continue` those with continuations)"
        )
    if folders:
        lacking.append(
            f"there is no checkpoint {', '.join(folders)} (run the stage before first, or name "
            "a folder that holds a config.json)"
        )
    if afar:
        fetch = "; ".join(f"hf download {name}" for name in afar)
        lacking.append(f"{', '.join(afar)} would be downloaded (`{fetch}` does it beforehand)")
    if lacking:
        raise ValueError("; ".join(lacking))


def _check_asked(manifest: Path, settings: AlignSettings) -> None:
    """Warns where the text view asks for something else than the continuations answer."""
    asked = asked_of_writer(manifest)
    view = {
        "instruction": settings.text_instruction,
        "emotion_in_text": settings.emotion_in_text,
    }
    for name, value in view.items():
        if name in asked and asked[name] != value:
            option = "text_instruction" if name == "instruction" else name
            logger.warning(
                "%s was written with %s %r, but the LLM is taught by a text view with %r: "
                "set %s alike, or its target is no reply of its own",
                manifest,
                name,
                asked[name],
                value,
                option,
            )


def read_corpus(settings: AlignSettings) -> TrainingData:
    """Returns the utterances of all manifests, with a speaker-disjoint validation set.

    Raises:
        ValueError: There is no manifest, one is unusable, or a speaker is on both sides.
    """
    if not settings.train:
        raise ValueError("name the manifests to train on: --train FILE.jsonl …")
    found = [
        (index, utterance)
        for index, path in enumerate(settings.train)
        for utterance in _read(path, settings)
        if utterance.split in settings.splits
    ]
    if not found:
        raise ValueError(f"no utterance of the manifests is of the splits {settings.splits}")
    hashes = {str(path): file_sha256(path) for path in (*settings.train, *settings.valid)}
    source = {utterance.id: index for index, utterance in found}
    if settings.valid:
        valid = [utterance for path in settings.valid for utterance in _read(path, settings)]
        both = {u.speaker for _, u in found} & {u.speaker for u in valid} - {""}
        if both:
            raise ValueError(
                f"{len(both)} speakers stand in the training and the validation manifests "
                f"({', '.join(sorted(both)[:5])}): keep each speaker on one side"
            )
        return TrainingData([u for _, u in found], source, valid, hashes)
    training, valid = split_by_speaker([u for _, u in found], settings.valid_share)
    return TrainingData(training, source, valid, hashes)


def alignment_task(
    settings: AlignSettings, stage: TrainingStage, model: BlspEmo, corpus: TrainingData
) -> Task:
    """Returns what the loop trains, with everything else frozen.

    Raises:
        ValueError: No example is left, or the stage names parts that the model lacks.
    """
    views = ViewSettings(
        persona=settings.persona or model.config.persona,
        text_instruction=settings.text_instruction,
        speech_instruction=settings.speech_instruction,
        emotion_in_text=settings.emotion_in_text,
    )
    examples = _examples(corpus.train, model, views, settings)
    valid = _examples(corpus.valid, model, views, settings)
    wanted = settings.trains or parts_of(model, stage.trains)
    trained = only_training(model, wanted)
    _to_float32(model)
    if settings.loop.gradient_checkpointing:
        recompute_activations(model)
    logger.info(
        "%s: %d examples, %d for validation; %.2f M of %.1f M parameters train",
        stage.name,
        len(examples),
        len(valid),
        trained / 1e6,
        sum(p.numel() for p in model.parameters()) / 1e6,
    )
    if settings.emotion_told == "heard" and model.emotion_vectors is None:
        raise ValueError("emotion_told heard needs a model with emotion vectors, such as mini")
    step = Alignment(
        frozenset(stage.weights),
        temperature=settings.temperature,
        emotion_told=settings.emotion_told,
    )
    batches = partial(
        alignment_batches,
        batch_size=settings.batch_size,
        batch_s=settings.batch_s,
    )
    chances = _chances(examples, corpus.source, settings)
    return Task(
        name=stage.name,
        model=model,
        step=step,
        weights=stage.weights,
        train=batches(examples, model, seed=settings.loop.seed, weights=chances),
        valid=batches(valid, model, seed=0, shuffle=False),
        scope=step.scope,
        export=export,
        identity={
            "data": corpus.hashes,
            "start": settings.model or [settings.speech, settings.llm],
            "stage": {"trains": list(wanted), "weights": dict(stage.weights)},
            "settings": settings.model_dump(mode="json", exclude={"loop", "run", "dry_run"}),
        },
    )


def _read(path: Path, settings: AlignSettings) -> list[Utterance]:
    manifest = read_manifest(path, check_audio=settings.check_audio, longest_s=settings.longest_s)
    return [
        utterance.model_copy(
            update={
                "id": f"{path.stem}/{utterance.id}",
                "audio": resolve(utterance.audio, manifest.root),
                "history_audio": tuple(resolve(a, manifest.root) for a in utterance.history_audio),
            }
        )
        for utterance in manifest.utterances
    ]


def _examples(
    utterances: Sequence[Utterance], model: BlspEmo, views: ViewSettings, settings: AlignSettings
) -> list[AlignmentExample]:
    drops = Drops()
    examples = build_examples(
        utterances, model.prompts, views, max_tokens=settings.max_tokens, drops=drops
    )
    for line in drops.lines():
        logger.warning("%s", line)
    if not examples:
        raise ValueError(f"no example is left: {'; '.join(drops.lines())}")
    limit_s = model.config.speech_encoder.max_frames * HOP_SAMPLES / SPEECH_RATE_HZ
    if settings.longest_s > limit_s:
        raise ValueError(f"the encoder hears {limit_s:g} s at most: set longest_s to it")
    return examples


def _chances(
    examples: Sequence[AlignmentExample], source: dict[str, int], settings: AlignSettings
) -> list[float] | None:
    """Chance of each example from the manifests' shares and the balance of emotions."""
    if not settings.shares and not settings.balance_emotions:
        return None
    sources = [source[example.name] for example in examples]
    chances = [1.0] * len(examples)
    if settings.balance_emotions:
        emotions = [example.emotion for example in examples]
        counts = Counter(zip(sources, emotions, strict=True))
        chances = [1.0 / counts[key] for key in zip(sources, emotions, strict=True)]
    if settings.shares:
        totals = [0.0] * len(settings.train)
        for index, chance in zip(sources, chances, strict=True):
            totals[index] += chance
        chances = [
            settings.shares[index] * chance / totals[index]
            for index, chance in zip(sources, chances, strict=True)
        ]
    return chances


def _to_float32(model: nn.Module) -> None:
    """What trains is float32, so that small updates are not lost in bfloat16."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(torch.float32)


def export(model: Any, folder: Path) -> None:
    """Writes a checkpoint of `model`, a `BlspEmo` or one that the loop gathered for it."""
    # A model that is spread over processes comes with its whole parameters beside its own.
    save(model.checkpoint(parameters=model.named_parameters()), folder)
