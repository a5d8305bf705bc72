"""The command `audio-context`: a pretrained Whisper learns to do without its 30 s of padding.

Audio context fine-tuning (ACFT, as FUTO names it): the encoder as it was, on padded input, is the
teacher of itself on input that ends soon after the speech. No words are needed.
"""

import copy
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from models.checkpoints.whisper import load_encoder, save_adapted
from models.features import SpeechFeatures, speech_features
from models.masks import lengths_to_mask
from models.speech_encoder import SpeechEncoder
from train.alignment.stages import only_training
from train.language.domain import read_domain
from train.loop.batches import BucketedBatches
from train.loop.fit import fit
from train.loop.task import Task, TrainingOutcome
from train.settings import Frozen, LoopSettings
from train.synthetic.speech_cuts import Cut, Disturbed, draw_cuts, find_recordings, heard_cut
from train.synthetic.spoken_sentences import speak_sentences
from train.synthetic.surroundings import Surroundings

logger = logging.getLogger(__name__)

TRAINS = ("student.whisper.layers", "student.whisper.layer_norm")
"""The convolutions see 50 ms and hear no difference; positions are a fixed table."""
WEIGHTS = {"states": 1.0, "layers": 0.2}
VALID_SHARE = 0.01


class AudioContextSettings(Frozen):
    """A pretrained Whisper's encoder learns to hear speech without 30 s of padding behind it.

    The result is a Whisper that `--speech` takes; it costs a tenth of the time on short speech.
    """

    run: Path = Path("runs/audio-context")
    """Run folder: resumed where it exists. `best` and `last` in it are Whispers."""
    speech: str = ""
    """Whisper to adapt (folder, hub id, or a part such as whisper-tiny.en)."""
    recordings: tuple[Path, ...] = ()
    """Speech in the language that is wanted: folders of sound files, or manifests, of which the
    test split is left out."""
    shares: tuple[float, ...] = ()
    """Share of each in what is drawn, that of the synthetic voices last; empty: all as much."""
    spoken: int = Field(default=0, ge=0)
    """Sentences of the domain that synthetic voices say, as recordings more."""
    voices: tuple[str, ...] = ("flite", "espeak")
    """Engines of these voices: flite, espeak, and voices of Piper in the catalogue, such as joe."""
    noises: Path | None = None
    """Folder with `esc10`, `noise` (every fifth file is left out) and `rirs`."""
    teacher_hears: Literal["same", "clean"] = "same"
    """clean: the teacher hears the speech without its noise, which teaches to hear through it."""
    trailing_s: float = Field(default=1.28, ge=0, le=10)
    """Silence that is put behind every input, in training and in use."""
    shortest_s: float = Field(default=0.5, gt=0)
    """Shortest stretch of speech."""
    longest_s: float = Field(default=16.0, gt=0, le=25)
    """Longest stretch of speech."""
    cuts: int = Field(default=4000, ge=50)
    """Stretches in an epoch."""
    batch_size: int = Field(default=4, ge=1)
    """Most stretches in a batch."""
    loop: LoopSettings = LoopSettings(
        learning_rate=1e-4, warmup_steps=20, weight_decay=0.0, budget="25min", evaluate_every=200
    )
    """The training loop."""


class ContextPair(nn.Module):
    """The encoder as it was, and the one that learns to need less."""

    def __init__(self, teacher: SpeechEncoder, trailing_frames: int) -> None:
        super().__init__()
        self.teacher = teacher
        self.student = copy.deepcopy(teacher)
        self.student.config = replace(
            teacher.config, trained_on_short_inputs=True, trailing_frames=trailing_frames
        )


class ContextBatch(NamedTuple):
    """Stretches of speech as both hear them."""

    padded: Tensor
    """(B, M, 3000) of the teacher."""
    log_mel: Tensor
    """(B, M, F) of the student."""
    lengths: Tensor
    """(B,) frames of speech."""


def audio_context(settings: AudioContextSettings) -> TrainingOutcome:
    """Adapts the encoder; returns how the run ended.

    Raises:
        ValueError: The settings name no Whisper or no recordings.
        CheckpointError: The Whisper cannot be used.
    """
    if not settings.speech:
        raise ValueError("name the Whisper to adapt: --speech whisper-tiny.en")
    return fit(context_task(settings), settings.loop, settings.run)


def context_task(settings: AudioContextSettings) -> Task:
    """Returns what the loop trains.

    Raises:
        ValueError: There are no recordings, or the Whisper needs no padding already.
        CheckpointError: The Whisper cannot be used.
    """
    teacher = load_encoder(settings.speech)
    if teacher.config.trained_on_short_inputs:
        raise ValueError(f"{settings.speech} needs no padding already: adapt the one it came from")
    pair = ContextPair(teacher, round(100 * settings.trailing_s))
    only_training(pair, TRAINS)
    cuts = _cuts(settings)
    held = max(8, round(VALID_SHARE * len(cuts)))
    collate = _Collator(teacher.config.mel_bins, teacher.config.max_frames, settings)
    train, valid = (
        BucketedBatches(
            lengths=[round(1000 * cut.duration_s) for cut in part],
            load_item=_Loader(part, settings.noises),
            collate=collate,
            batch_size=settings.batch_size,
            seed=settings.loop.seed,
            shuffle=is_training,
            names=[cut.recording.reference for cut in part],
        )
        for part, is_training in ((cuts[held:], True), (cuts[:held], False))
    )
    data = settings.model_dump(mode="json", exclude={"loop", "run"})
    return Task(
        name="audio context",
        model=pair,
        step=context_step,
        weights=WEIGHTS,
        train=train,
        valid=valid,
        export=lambda model, folder: save_adapted(model.student, settings.speech, folder),
        identity={"settings": data},
    )


def context_step(model: ContextPair, batch: ContextBatch) -> Mapping[str, Tensor]:
    """Returns how far the student's states are from the teacher's: the last, and those below.

    All states count that the decoder reads, those of the silence behind the speech included. The
    layers below, which emotion is read from, count relative to their own size, the topmost not:
    a few of its dimensions are fifty times the rest before they are normalised.
    """
    with torch.no_grad():
        wanted = model.teacher(SpeechFeatures(batch.padded, batch.lengths), all_layers=True)
    heard = model.student(SpeechFeatures(batch.log_mel, batch.lengths), all_layers=True)
    assert heard.padded is not None and wanted.padded is not None
    assert heard.padded_lengths is not None
    size = heard.padded.shape[1]
    mask = lengths_to_mask(heard.padded_lengths, size)
    states = (heard.padded - wanted.padded[:, :size])[mask].square().mean()
    inside = heard.mask
    apart = [
        (ours - theirs)[inside].square().mean() / theirs[inside].square().mean()
        for ours, theirs in zip(heard.layers[1:-1], wanted.layers[1:-1], strict=True)
    ]
    return {"states": states, "layers": torch.stack(apart).mean()}


def _cuts(settings: AudioContextSettings) -> list[Cut]:
    sources = [find_recordings(source) for source in settings.recordings]
    if settings.spoken:
        folder = settings.run / "spoken"
        speak_sentences(read_domain(), folder, count=settings.spoken, voices=settings.voices)
        sources.append(find_recordings(folder))
    if not sources:
        raise ValueError("name recordings of speech: --recordings FOLDER …, or --spoken 400")
    lengths = (settings.shortest_s, settings.longest_s)
    return draw_cuts(
        sources,
        settings.cuts,
        lengths_s=lengths,
        shares=settings.shares,
        seed=settings.loop.seed,
    )


class _Loader:
    """Reads one stretch; the noises once for each process."""

    def __init__(self, cuts: list[Cut], noises: Path | None) -> None:
        self._cuts = cuts
        self._surroundings = Surroundings.read(noises) if noises else Surroundings([], [])

    def __call__(self, index: int, generator: np.random.Generator) -> Disturbed:
        return heard_cut(self._cuts[index], self._surroundings, generator)


class _Collator:
    def __init__(self, mel_bins: int, frames: int, settings: AudioContextSettings) -> None:
        self._mel_bins, self._frames = mel_bins, frames
        self._trailing = round(100 * settings.trailing_s)
        self._same = settings.teacher_hears == "same"

    def __call__(self, items: list[Disturbed]) -> ContextBatch:
        told = [item.heard if self._same else item.clean for item in items]
        padded = speech_features(told, mel_bins=self._mel_bins, pad_frames=self._frames)
        short = speech_features(
            [item.heard for item in items],
            mel_bins=self._mel_bins,
            trailing_frames=self._trailing,
        )
        return ContextBatch(padded.log_mel, short.log_mel, short.lengths)
