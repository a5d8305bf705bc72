"""Nano's emotion head: trained on acted recordings, chosen by cross-validation over actors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from models.config import EmotionHeadConfig, SpeechEncoderConfig
from models.emotion_head import SpectralEmotionHead
from models.emotions import EMOTION_LABELS, Emotion, emotion_from_label
from models.features import SpeechFeatures, speech_features
from models.spoken_part import spoken_part
from train.nano_pitch import PITCH_VALUES, PitchTrack, collate_pitch, pitch_losses, pitch_track
from train.nano_recordings import Recording
from train.nano_speech import Line
from train.surroundings import Surroundings, faster, read_mono
from train.synthesis import SAMPLE_RATE_HZ

MIXED_SHARE = 0.15
"""Of the training batches: utterances mixed in pairs."""
VOICE_SHARE = 0.18
"""Synthetic voices for each acted recording in training."""
LONGEST_START = SAMPLE_RATE_HZ // 5
"""Samples of silence before a varied recording."""
QUIET_SHARE = 0.05
"""Of the loudest level: what is below it at both ends is cut off."""


class EmotionBatch(NamedTuple):
    """Utterances whose emotion is known."""

    log_mel: Tensor
    """(B, M, F)."""
    lengths: Tensor
    """(B,)."""
    emotions: Tensor
    """(B, E) shares of the emotions; one-hot unless mixed."""
    pitch: PitchTrack


class EmotionModel(nn.Module):
    """The head alone, with what only training needs.

    That is batch normalisation behind its convolutions, and the pitch that its states must hold.
    """

    def __init__(self, head: EmotionHeadConfig, encoder: SpeechEncoderConfig) -> None:
        super().__init__()
        self.emotion_head = SpectralEmotionHead(head, encoder)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in head.channels)
        self.emotion_head.norms = list(self.norms)
        self.pitch = nn.Linear(self.emotion_head.project.out_features, 2 * PITCH_VALUES)

    def forward(self, log_mel: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns logits (B, E), the guessed pitch (B, S, 8), and whether a state is speech."""
        states, inside = self.emotion_head.states_of(SpeechFeatures(log_mel, lengths))
        return self.emotion_head.classify(states, inside), self.pitch(states), inside


def folded(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns the weights of the head alone, its norms folded into the convolutions."""
    out = {name: value for name, value in weights.items() if name.startswith("emotion_head.")}
    count = sum(name.endswith("running_mean") for name in weights)
    for number in range(count):
        norm, conv = f"norms.{number}", f"emotion_head.convolutions.{number}"
        scale = weights[f"{norm}.weight"] / (weights[f"{norm}.running_var"] + 1e-5).sqrt()
        shift = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
        out[f"{conv}.weight"] = weights[f"{conv}.weight"] * scale[:, None, None, None]
        out[f"{conv}.bias"] = weights[f"{conv}.bias"] * scale + shift
    return out


def pitch_step(model: EmotionModel, batch: EmotionBatch) -> Mapping[str, Tensor]:
    """Returns the terms of `pitch_losses`, the emotions left aside."""
    log_mel = masked(batch.log_mel, batch.lengths) if model.training else batch.log_mel
    _, guess, inside = model(log_mel, batch.lengths)
    return pitch_losses(guess, batch.pitch, inside)


def emotion_step(model: EmotionModel, batch: EmotionBatch) -> Mapping[str, Tensor]:
    """Returns `input_er`, the terms of `pitch_losses`, and `right`, the share named rightly.

    In training some batches are mixed pairwise (mixup, arXiv 1710.09412), and have no pitch.
    """
    log_mel, lengths, emotions, pitch = batch
    mixed = model.training and float(torch.rand(())) < MIXED_SHARE
    if model.training:
        log_mel = masked(log_mel, lengths)
    if mixed:
        share = 0.5 + 0.5 * float(torch.rand(()))
        order = torch.randperm(len(lengths))
        log_mel = share * log_mel + (1 - share) * log_mel[order]
        lengths = torch.maximum(lengths, lengths[order])
        emotions = share * emotions + (1 - share) * emotions[order]
    logits, guess, inside = model(log_mel, lengths)
    smooth = 0.9 * emotions + 0.1 / len(EMOTION_LABELS) if model.training else emotions
    loss = -(smooth * F.log_softmax(logits.float(), dim=-1)).sum(dim=-1).mean()
    right = (logits.argmax(-1) == batch.emotions.argmax(-1)).float().mean()
    terms = dict(pitch_losses(guess, pitch, inside))
    if mixed:
        terms = {name: torch.zeros_like(term) for name, term in terms.items()}
    return {"input_er": loss, **terms, "right": right.detach()}


def masked(log_mel: Tensor, lengths: Tensor) -> Tensor:
    """Returns (B, M, F) with a band of time and one of frequency blanked."""
    out = log_mel.clone()
    for row, length in zip(out, lengths.tolist(), strict=True):
        fill = float(row[:, :length].min())
        width = int(torch.randint(0, 9, ()))
        start = int(torch.randint(0, row.shape[0] - width, ()))
        row[start : start + width, :length] = fill
        width = int(torch.randint(0, min(25, length // 6) + 1, ()))
        start = int(torch.randint(0, max(1, length - width), ()))
        row[:, start : start + width] = fill
    return out


class EmotionItem(NamedTuple):
    """An utterance as it is trained on."""

    waveform: NDArray[np.float32]
    emotion: int
    pitch: NDArray[np.float32]
    """(2, N), of `pitch_track`."""


@dataclass
class EmotionItems:
    """Recordings in memory, without the silence around them."""

    waveforms: list[NDArray[np.float32]]
    emotions: list[int]
    surroundings: Surroundings
    voices: int = 0
    """How many of the last ones are synthetic."""
    speeds: tuple[float, float] = (0.88, 1.14)
    """Least and most that a varied recording is played as fast."""

    @classmethod
    def read(cls, recordings: Sequence[Recording], surroundings: Surroundings) -> "EmotionItems":
        """Reads `recordings`."""
        return cls(
            [trimmed(read_mono(r.path)) for r in recordings],
            [int(emotion_from_label(r.emotion)) for r in recordings],
            surroundings,
        )

    def with_voices(self, lines: Sequence[Line], folder: Path) -> "EmotionItems":
        """Returns these and synthetic voices without any acting, which count as neutral.

        A head that knows actors only takes a machine's flat voice for anger.
        """
        voices = [trimmed(read_mono(folder / x.shard, x.start, x.samples)) for x in lines]
        neutral = [int(Emotion.NEUTRAL)] * len(voices)
        return replace(
            self,
            waveforms=self.waveforms + voices,
            emotions=self.emotions + neutral,
            voices=len(voices),
        )

    @property
    def lengths(self) -> list[int]:
        """Samples of each."""
        return [waveform.size for waveform in self.waveforms]

    def chances(self) -> list[float]:
        """Returns weights that make every acted emotion as frequent as the others."""
        acted = self.emotions[: len(self.emotions) - self.voices]
        counts = np.bincount(acted, minlength=len(EMOTION_LABELS))
        chances = [1.0 / counts[emotion] for emotion in acted]
        if self.voices:
            chances += [VOICE_SHARE * sum(chances) / self.voices] * self.voices
        return chances

    def load(self, index: int, generator: np.random.Generator) -> EmotionItem:
        """Returns a recording, varied in ways that keep its emotion, with the pitch it then has."""
        waveform = self.waveforms[index]
        waveform = faster(waveform, float(generator.uniform(*self.speeds)))
        waveform = np.pad(waveform, (int(generator.integers(0, LONGEST_START)), 0))
        track = pitch_track(waveform)
        if generator.random() < 0.25:
            waveform = self.surroundings.disturb(waveform, generator)
        waveform = waveform * np.float32(10 ** (generator.uniform(-6, 6) / 20))
        return EmotionItem(waveform, self.emotions[index], track)


def collate_emotions(items: Sequence[EmotionItem]) -> EmotionBatch:
    """Returns the batch of `items`."""
    features = speech_features([item.waveform for item in items])
    emotions = torch.tensor([item.emotion for item in items])
    return EmotionBatch(
        features.log_mel,
        features.lengths,
        F.one_hot(emotions, len(EMOTION_LABELS)).float(),
        collate_pitch([item.pitch for item in items], features.log_mel.shape[2]),
    )


def trimmed(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns `waveform` with a tenth of a second of quiet around what is loud."""
    start, end = loud_span(waveform)
    return waveform[start:end]


def loud_span(waveform: NDArray[np.float32]) -> tuple[int, int]:
    """Returns the first sample of what `trimmed` keeps, and the one after the last."""
    frames = waveform[: waveform.size // 160 * 160].reshape(-1, 160)
    level = np.sqrt(np.mean(np.square(frames), axis=1))
    loud = np.flatnonzero(level > QUIET_SHARE * level.max())
    if loud.size == 0:
        return 0, waveform.size
    return max(0, (int(loud[0]) - 10) * 160), min(waveform.size, (int(loud[-1]) + 11) * 160)


@torch.no_grad()
def emotion_logits(
    model: EmotionModel, waveforms: Sequence[NDArray[np.float32]], *, batch: int = 16
) -> Tensor:
    """Returns logits (N, E) of whole recordings, as a checkpoint with this head gives them."""
    model.eval()
    rows: list[Tensor] = []
    for start in range(0, len(waveforms), batch):
        features = spoken_part(speech_features(waveforms[start : start + batch]))
        rows.append(model(features.log_mel, features.lengths)[0])
    return torch.cat(rows)
