"""The command `audio-context`: a pretrained Whisper learns to do without its 30 s of padding.

Audio context fine-tuning (ACFT, as FUTO names it): the encoder as it was, on padded input, is the
teacher of itself on input that ends soon after the speech. Where it is known what was said, the
decoder, which stays as it is, tells besides which words it reads from the new states.
"""

import logging
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from models.checkpoints.whisper import END, load_decoder, load_encoder, save_adapted
from models.features import speech_features
from models.tokenizer import JsonTokenizer
from train.alignment.losses import IGNORED
from train.alignment.stages import only_training
from train.audio_context.pair import TRAINS, ContextBatch, ContextPair, WordsReader, context_step
from train.audio_context.spelling import as_written
from train.loop.batches import BucketedBatches
from train.loop.fit import fit
from train.loop.settings import LoopSettings
from train.loop.task import Task, TrainingOutcome
from train.settings import Frozen
from train.synthetic.speech_cuts import Cut, Disturbed, draw_cuts, find_recordings, heard_cut
from train.synthetic.spoken_sentences import (
    SPOKEN,
    domain_saying,
    speak_sentences,
    talked_saying,
)
from train.synthetic.surroundings import Surroundings

logger = logging.getLogger(__name__)

APART = {"states": 1.0, "layers": 0.2}
"""Weights of the distances from the teacher."""
VALID_SHARE = 0.01


class AudioContextSettings(Frozen):
    """A pretrained Whisper's encoder learns to hear speech without 30 s of padding behind it.

    The result is a Whisper that `--speech` takes; it costs a tenth of the time on short speech.
    """

    run: Path = Path("runs/audio-context")
    """Run folder: resumed where it exists. `best` and `last` in it are Whispers."""
    speech: str = ""
    """Whisper to adapt (folder, hub id, or a part such as whisper-tiny.en)."""
    start: str = ""
    """Whisper that was adapted already and is to be adapted further; empty: as `speech` hears."""
    recordings: tuple[Path, ...] = ()
    """Speech in the language that is wanted: folders of sound files, or manifests, of which the
    test split is left out."""
    shares: tuple[float, ...] = ()
    """Share of each in what is drawn, that of the synthetic voices last; empty: all as much."""
    spoken: int = Field(default=0, ge=0)
    """Sentences that synthetic voices say, as recordings more."""
    sayings: tuple[Path, ...] = ()
    """Written talks whose sayings these are; empty: the wordings of the domain."""
    voices: tuple[str, ...] = ("flite", "espeak")
    """Voices that speak them in turn: flite, espeak, and those of the catalogue, such as joe (of
    Piper) and af_heart (of Kokoro)."""
    noises: Path | None = None
    """Folder with `esc10`, `noise` (every fifth file is left out) and `rirs`."""
    teacher_hears: Literal["same", "clean"] = "same"
    """clean: the teacher hears the speech without its noise, which teaches to hear through it."""
    words: float = Field(default=0.0, ge=0)
    """Weight of the words that the decoder reads, where a manifest says which ones were said."""
    taught: float = Field(default=1.0, ge=0, le=1)
    """Share of the stretches with known words that the teacher hears too, which takes far longer
    than all else; without `words` he hears everything."""
    quantized: bool = False
    """The teacher computes in 8 bits: on a CPU he is nearly twice as fast."""
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
    found = load_decoder(settings.speech, teacher) if settings.words else None
    reader = found and WordsReader(found.decoder, found.transcription.prompt_ids)
    pair = ContextPair(teacher, round(100 * settings.trailing_s), reader)
    if settings.start:
        pair.student.load_state_dict(load_encoder(settings.start).state_dict())
    only_training(pair, TRAINS)
    if settings.quantized:
        pair.quantize()
    cuts = _cuts(settings)
    held = max(8, round(VALID_SHARE * len(cuts)))
    collate = _Collator(pair, settings, found and found.tokenizer)
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
        weights={"words": settings.words, **APART} if settings.words else APART,
        train=train,
        valid=valid,
        export=lambda model, folder: save_adapted(model.student, settings.speech, folder),
        identity={"settings": data},
    )


def _cuts(settings: AudioContextSettings) -> list[Cut]:
    sources = [find_recordings(source) for source in settings.recordings]
    if settings.spoken:
        folder = settings.run / "spoken"
        saying = talked_saying(settings.sayings) if settings.sayings else domain_saying()
        speak_sentences(saying, folder, count=settings.spoken, voices=settings.voices)
        sources.append(find_recordings(folder / SPOKEN))
    if not sources:
        raise ValueError("name recordings of speech: --recordings FOLDER …, or --spoken 400")
    lengths = (settings.shortest_s, settings.longest_s)
    return draw_cuts(
        sources,
        settings.cuts,
        lengths_s=lengths,
        shares=settings.shares,
        with_words=settings.words > 0,
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
    def __init__(
        self, pair: ContextPair, settings: AudioContextSettings, tokenizer: JsonTokenizer | None
    ) -> None:
        self._shape = pair.teacher.config
        self._tokenizer, self._settings = tokenizer, settings
        self._end = () if tokenizer is None else (tokenizer.special_id(END) or 0,)

    def __call__(self, items: list[Disturbed]) -> ContextBatch:
        mel_bins = self._shape.mel_bins
        told = [row for row, item in enumerate(items) if self._words(item)]
        taught = [row for row, item in enumerate(items) if self._is_taught(item)]
        as_was = self._settings.teacher_hears == "same"
        frames = self._shape.max_frames
        padded = torch.zeros(0, mel_bins, frames)
        if taught:
            sounds = [items[row].heard if as_was else items[row].clean for row in taught]
            padded = speech_features(sounds, mel_bins=mel_bins, pad_frames=frames).log_mel
        trailing = round(100 * self._settings.trailing_s)
        short = speech_features(
            [item.heard for item in items], mel_bins=mel_bins, trailing_frames=trailing
        )
        return ContextBatch(
            padded,
            short.log_mel,
            short.lengths,
            torch.tensor(taught, dtype=torch.long),
            torch.tensor(told, dtype=torch.long),
            _rows([self._words(items[row]) for row in told]),
        )

    def _words(self, item: Disturbed) -> list[int]:
        if self._tokenizer is None or not item.words:
            return []
        return [*self._tokenizer.encode(f" {as_written(item.words)}"), *self._end]

    def _is_taught(self, item: Disturbed) -> bool:
        return not self._words(item) or item.draw < self._settings.taught


def _rows(words: list[list[int]]) -> Tensor:
    """Returns (W, L) of rows of tokens, `IGNORED` behind shorter ones."""
    rows = [torch.tensor(ids, dtype=torch.long) for ids in words]
    if not rows:
        return torch.zeros(0, 0, dtype=torch.long)
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=IGNORED)
