"""Examples → `Batch`: padded token ids of both views, features of the speech, labels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import torch
from torch import Tensor

from models.adapters.words import SharedText
from models.config import BlspEmoConfig
from models.features import SpeechFeatures, Waveform
from models.masks import embeddings_of_states, frames_of_samples, states_of_frames
from train.alignment.examples import AlignmentExample, SpeechPlace
from train.alignment.losses import IGNORED


@dataclass(frozen=True)
class TokenBatch:
    """One view of B examples, padded on the right to T positions."""

    ids: Tensor
    """(B, T) token ids; 0 at speech embeddings and padding."""
    mask: Tensor
    """(B, T) bool, false at padding."""
    labels: Tensor
    """(B, T) the reply's ids at their own positions, `IGNORED` elsewhere."""
    spoken: Tensor
    """(B, T) bool, what stands for the speech: embeddings in one view, words in the other."""

    @property
    def response(self) -> Tensor:
        """(B, T) bool, the positions that predict a token of the reply (one before each)."""
        ahead = torch.zeros_like(self.mask)
        ahead[:, :-1] = self.labels[:, 1:] != IGNORED
        return ahead

    def to(self, device: torch.device | str) -> Self:
        """Returns the batch on a device."""
        return type(self)(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


@dataclass(frozen=True)
class Batch:
    """B examples with U utterances (U = B unless the history is spoken, too)."""

    speech: TokenBatch
    text: TokenBatch
    log_mel: Tensor
    """(U, M, F)."""
    frames: Tensor
    """(U,) frames that hold signal."""
    emotions: Tensor
    """(U,) indices of `Emotion`, `IGNORED` where unknown."""
    word_tokens: Tensor
    """(U,) tokens of the words that were spoken."""
    given: "GivenWords | None" = None
    """What the adapter `words` gives the LLM for them; None with other adapters."""

    def features(self) -> SpeechFeatures:
        """The utterances as the encoder takes them."""
        return SpeechFeatures(self.log_mel, self.frames)

    def to(self, device: torch.device | str, **options: Any) -> Self:
        """Returns the batch on a device."""
        del options  # accelerate passes non_blocking
        values: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        moved: dict[str, Any] = {
            name: value if value is None else value.to(device) for name, value in values.items()
        }
        return type(self)(**moved)


@dataclass(frozen=True)
class GivenWords:
    """Words of U utterances in the tokens of the LLM and of the decoder, padded on the right."""

    ids: Tensor
    """(U, L) the LLM's."""
    counts: Tensor
    """(U,) of them that are no padding."""
    decoder_ids: Tensor
    """(U, W) the decoder's."""
    decoder_counts: Tensor
    """(U,) likewise; 0 where nothing was understood."""
    overlaps: Tensor
    """(U, L, W) as in `models.adapters.words.WordStates`."""

    def to(self, device: torch.device | str) -> Self:
        """Returns the words on a device."""
        return type(self)(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


@dataclass(frozen=True, slots=True)
class HeardExample:
    """An example with the samples of its utterances."""

    example: AlignmentExample
    waveforms: tuple[Waveform, ...]
    """One for each `SpeechPlace` of the speech view, in its order."""


@dataclass(frozen=True, slots=True)
class Collator:
    """Makes batches for a model of `config`."""

    config: BlspEmoConfig
    featurise: Callable[[Sequence[Waveform]], SpeechFeatures]
    """`BlspEmo.features` of the model."""
    share: Callable[[str], SharedText] | None = None
    """Words in the tokens of LLM and decoder, for the adapter `words`."""

    def __call__(self, items: Sequence[HeardExample]) -> Batch:
        """Returns the batch of `items`."""
        spoken = [p for i in items for p in i.example.speech_view if isinstance(p, SpeechPlace)]
        given = None
        if self.share is not None:
            given = _given_words([self.share(piece.heard) for piece in spoken])
        waveforms = [waveform for item in items for waveform in item.waveforms]
        features = self.featurise(waveforms)
        return Batch(
            speech=_padded(self._speech_rows(items, given)),
            text=_padded([_text_row(item.example) for item in items]),
            log_mel=features.log_mel,
            frames=features.lengths,
            emotions=torch.tensor([piece.emotion for piece in spoken]),
            word_tokens=torch.tensor([len(piece.words) for piece in spoken]),
            given=given,
        )

    def embeddings(self, samples: int, word_tokens: int) -> int:
        """Returns the speech embeddings that an utterance gives in training."""
        adapter = self.config.adapter
        if adapter.kind == "cformer":
            return word_tokens
        states = states_of_frames(frames_of_samples(samples))
        return embeddings_of_states(states, adapter.kernel_sizes)

    def _given_counts(self, given: GivenWords) -> list[int]:
        """Returns the positions of each utterance in words, with those that tell its emotion."""
        # As in a talk: none behind three dots, which stand for what was not understood.
        told = self.config.emotion_positions * (given.decoder_counts > 0)
        return (given.counts + told).tolist()

    def _speech_rows(self, items: Sequence[HeardExample], given: GivenWords | None) -> list["_Row"]:
        rows: list[_Row] = []
        counts = None if given is None else iter(self._given_counts(given))
        for item in items:
            row, waveforms = _Row(), iter(item.waveforms)
            for piece in item.example.speech_view:
                if isinstance(piece, SpeechPlace):
                    waveform = next(waveforms)
                    count = (
                        next(counts)
                        if counts is not None
                        else self.embeddings(len(waveform), len(piece.words))
                    )
                    row.add([0] * count, spoken=True)
                else:
                    row.add(piece)
            row.add(item.example.reply, learnt=True)
            rows.append(row)
        return rows


class _Row:
    def __init__(self) -> None:
        self.ids: list[int] = []
        self.labels: list[int] = []
        self.spoken: list[bool] = []

    def add(self, ids: Sequence[int], *, learnt: bool = False, spoken: bool = False) -> None:
        self.ids += ids
        self.labels += ids if learnt else [IGNORED] * len(ids)
        self.spoken += [spoken] * len(ids)


def _given_words(texts: Sequence[SharedText]) -> GivenWords:
    counts = [len(text.ids) for text in texts]
    decoder_counts = [len(text.decoder_ids) for text in texts]
    size, decoder_size = max(counts), max(1, *decoder_counts)
    ids = torch.zeros(len(texts), size, dtype=torch.long)
    decoder_ids = torch.zeros(len(texts), decoder_size, dtype=torch.long)
    overlaps = torch.zeros(len(texts), size, decoder_size)
    for row, text in enumerate(texts):
        ids[row, : counts[row]] = torch.tensor(text.ids, dtype=torch.long)
        decoder_ids[row, : decoder_counts[row]] = torch.tensor(text.decoder_ids, dtype=torch.long)
        overlaps[row, : counts[row], : decoder_counts[row]] = text.overlaps
    return GivenWords(
        ids, torch.tensor(counts), decoder_ids, torch.tensor(decoder_counts), overlaps
    )


def _text_row(example: AlignmentExample) -> _Row:
    row = _Row()
    for piece in example.text_view:
        if isinstance(piece, SpeechPlace):
            row.add(piece.words, spoken=True)
        else:
            row.add(piece)
    row.add(example.reply, learnt=True)
    return row


def _padded(rows: Sequence[_Row]) -> TokenBatch:
    size = max(len(row.ids) for row in rows)
    ids = torch.zeros(len(rows), size, dtype=torch.long)
    labels = torch.full((len(rows), size), IGNORED)
    mask = torch.zeros(len(rows), size, dtype=torch.bool)
    spoken = torch.zeros(len(rows), size, dtype=torch.bool)
    for place, row in enumerate(rows):
        end = len(row.ids)
        ids[place, :end] = torch.tensor(row.ids)
        labels[place, :end] = torch.tensor(row.labels)
        spoken[place, :end] = torch.tensor(row.spoken)
        mask[place, :end] = True
    return TokenBatch(ids, mask, labels, spoken)
