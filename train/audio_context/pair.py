"""The encoder as it was and the one that learns, and how far apart they are."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.features import SpeechFeatures
from models.int8 import quantize_layers
from models.masks import lengths_to_mask
from models.speech_decoder import SpeechDecoder
from models.speech_encoder import SpeechEncoder, SpeechStates
from train.alignment.losses import IGNORED

TRAINS = ("student.whisper.layers", "student.whisper.layer_norm")
"""The convolutions see 50 ms and hear no difference; positions are a fixed table."""


@dataclass(frozen=True, slots=True)
class WordsReader:
    """Whisper's decoder, which stays as it is, and how it is begun."""

    decoder: SpeechDecoder
    prompt_ids: tuple[int, ...]


class ContextPair(nn.Module):
    """The encoder as it was, the one that learns to need less, and who reads its states."""

    def __init__(
        self, teacher: SpeechEncoder, trailing_frames: int, reader: WordsReader | None = None
    ) -> None:
        super().__init__()
        self.teacher = teacher
        self.student = copy.deepcopy(teacher)
        self.student.config = replace(
            teacher.config, trained_on_short_inputs=True, trailing_frames=trailing_frames
        )
        self.decoder = reader and reader.decoder
        self.prompt_ids = reader.prompt_ids if reader else ()

    def quantize(self) -> None:
        """Lets what is not trained and needs no gradients compute in 8 bits, on a CPU."""
        quantize_layers(self.teacher)


@dataclass(frozen=True, slots=True)
class ContextBatch:
    """Stretches of speech as both hear them, and the words of those whose words are known."""

    padded: Tensor
    """(K, M, 3000) of the teacher, who hears K of them."""
    log_mel: Tensor
    """(B, M, F) of the student."""
    lengths: Tensor
    """(B,) frames of speech."""
    taught: Tensor
    """(K,) rows that the teacher hears."""
    told: Tensor
    """(W,) rows whose words are known."""
    words: Tensor
    """(W, L) tokens of these with the end, `IGNORED` behind it."""


def context_step(model: ContextPair, batch: ContextBatch) -> Mapping[str, Tensor]:
    """Returns how far the student's states are from the teacher's, and from the words said.

    `states` are the last ones, `layers` those below, `words` the mean cross-entropy of a token.
    All states count that the decoder reads, those of the silence behind the speech included. The
    layers below, which emotion is read from, count relative to their own size, the topmost not:
    a few of its dimensions are fifty times the rest before they are normalised.
    """
    heard = model.student(SpeechFeatures(batch.log_mel, batch.lengths), all_layers=True)
    assert heard.padded is not None
    nothing = heard.padded.sum() * 0.0
    terms = {"states": nothing, "layers": nothing}
    if len(batch.taught):
        terms = _apart(model, batch, heard)
    if model.decoder is not None:
        terms["words"] = _surprise(model, batch, heard) if len(batch.told) else nothing
    return terms


def _apart(model: ContextPair, batch: ContextBatch, heard: SpeechStates) -> dict[str, Tensor]:
    taught = batch.taught
    with torch.no_grad():
        features = SpeechFeatures(batch.padded, batch.lengths[taught])
        wanted = model.teacher(features, all_layers=True)
    assert heard.padded is not None and wanted.padded is not None
    assert heard.padded_lengths is not None
    size = heard.padded.shape[1]
    mask = lengths_to_mask(heard.padded_lengths[taught], size)
    states = (heard.padded[taught] - wanted.padded[:, :size])[mask].square().mean()
    inside = wanted.mask
    longest = inside.shape[1]
    apart = [
        (ours[taught][:, :longest] - theirs)[inside].square().mean()
        / theirs[inside].square().mean()
        for ours, theirs in zip(heard.layers[1:-1], wanted.layers[1:-1], strict=True)
    ]
    return {"states": states, "layers": torch.stack(apart).mean()}


def _surprise(model: ContextPair, batch: ContextBatch, heard: SpeechStates) -> Tensor:
    """Returns how surprised the decoder is at the words, a token."""
    assert model.decoder is not None and heard.padded is not None
    assert heard.padded_lengths is not None
    told = batch.told
    speech = SpeechStates(
        states=heard.states[told],
        lengths=heard.lengths[told],
        padded=heard.padded[told],
        padded_lengths=heard.padded_lengths[told],
    )
    given = batch.words.clamp(min=0)  # what is ignored must be some token
    states = model.decoder.written(given, speech, prompt=model.prompt_ids)
    logits = model.decoder.logits(states).float()
    return F.cross_entropy(logits.flatten(0, 1), batch.words.flatten(), ignore_index=IGNORED)
