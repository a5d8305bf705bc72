"""Nano's recogniser: encoder, decoder and adapter learn words from phones, CTC and a decoder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from models.config import AdapterConfig, SpeechEncoderConfig
from models.ctc_adapter import CtcAdapter
from models.features import SpeechFeatures, speech_features
from models.masks import embeddings_of_states, lengths_to_mask
from models.speech_decoder import SpeechDecoder
from models.speech_encoder import SpeechEncoder, SpeechStates
from models.tokenizer import TURN_END, TURN_START, JsonTokenizer
from train.losses import IGNORED, ctc
from train.nano_recordings import Recording
from train.nano_speech import Line
from train.nano_text import spoken_form
from train.nano_word_times import word_spans
from train.surroundings import Surroundings, faster, read_mono
from train.synthesis import PHONES, SAMPLE_RATE_HZ

PHONE_LAYER = 3
"""Encoder layer that names the phones; the layers above it are free for words."""
WEIGHTS = {"decoder": 1.0, "tokens": 0.8, "phones": 0.4}
FRAME_S = 0.01
CLEAN_SHARE = 0.4
"""Of the synthetic lines: not disturbed at all, which a short training needs."""


class Item(NamedTuple):
    """One utterance, ready for a batch."""

    waveform: NDArray[np.float32]
    ids: list[int]
    """Words as tokens; empty where they are not known."""
    phones: list[int]
    ends_s: NDArray[np.float64]
    """End of each phone; empty where it is not known."""
    id_ends_s: NDArray[np.float64]
    """End of each token; empty where it is not known."""


class SpeechBatch(NamedTuple):
    """Utterances with everything that is known of each."""

    log_mel: Tensor
    """(B, M, F)."""
    lengths: Tensor
    """(B,) mel frames."""
    ids: Tensor
    """(B, L) word tokens, padded."""
    id_counts: Tensor
    """(B,)."""
    phones: Tensor
    """(B, P) phones, padded."""
    phone_counts: Tensor
    """(B,)."""
    frame_phones: Tensor
    """(B, S) phone at each encoder state, `IGNORED` where its time is not known."""
    frame_ids: Tensor
    """(B, S') token at each speech embedding, V for none, `IGNORED` where its time is not known."""


class Recogniser(nn.Module):
    """Whisper-shaped recogniser and the adapter, with two heads that exist in training only.

    A small encoder does not find words in little data by itself. The phones of the synthetic
    voices, with their times, teach a middle layer what to listen for (CTC where times are not
    known). CTC over word tokens makes the upper layers spell in the order of speech, as in hybrid
    CTC/attention (arXiv 1609.06773); it stands on the adapter, which spells for the LLM.

    Args:
        encoder: Shape of encoder and decoder.
        adapter: Shape of the adapter.
        llm_width: Of the LLM's embeddings.
    """

    def __init__(
        self, encoder: SpeechEncoderConfig, adapter: AdapterConfig, llm_width: int
    ) -> None:
        super().__init__()
        self.config = encoder
        self.encoder = SpeechEncoder(encoder)
        self.decoder = SpeechDecoder(encoder)
        self.adapter = CtcAdapter(adapter, encoder, llm_width)
        self.phone_head = nn.Linear(encoder.width, len(PHONES) + 1)

    def hear(self, log_mel: Tensor, lengths: Tensor) -> SpeechStates:
        """Returns all encoder layers for log-mel (B, M, F) with `lengths` (B,) frames."""
        return self.encoder(SpeechFeatures(log_mel, lengths), all_layers=True)


@dataclass(frozen=True, slots=True)
class RecogniserStep:
    """The loss terms of a batch; masks parts of the spectrogram in training."""

    start_id: int
    end_id: int
    phones_only: bool = False
    """Teaches the lower layers alone, before words are put on them."""

    def __call__(self, model: Recogniser, batch: SpeechBatch) -> Mapping[str, Tensor]:
        """Returns the terms named in `WEIGHTS`."""
        log_mel = spec_augment(batch.log_mel, batch.lengths) if model.training else batch.log_mel
        speech = model.hear(log_mel, batch.lengths)
        phones = phone_loss(model.phone_head(speech.layers[PHONE_LAYER]), speech, batch)
        if self.phones_only:
            return {"phones": phones}
        embedded = model.adapter(speech)
        logits = model.adapter.token_logits(embedded)
        return {
            "decoder": self._decoder(model, speech, batch),
            "tokens": token_loss(logits, embedded.lengths, batch),
            "phones": phones,
        }

    def _decoder(self, model: Recogniser, speech: SpeechStates, batch: SpeechBatch) -> Tensor:
        """Cross-entropy of the words and their end."""
        count, longest = batch.ids.shape
        inside = lengths_to_mask(batch.id_counts, longest)
        start = torch.full((count, 1), self.start_id)
        given = torch.cat([start, batch.ids.masked_fill(~inside, self.end_id)], dim=1)
        targets = torch.full((count, longest + 1), IGNORED)
        targets[:, :longest][inside] = batch.ids[inside]
        known = batch.id_counts > 0
        targets[torch.arange(count)[known], batch.id_counts[known]] = self.end_id
        logits = model.decoder(given, speech)
        return F.cross_entropy(
            logits.flatten(0, 1).float(),
            targets.flatten(),
            ignore_index=IGNORED,
            label_smoothing=0.1 if model.training else 0.0,
        )


def spec_augment(log_mel: Tensor, lengths: Tensor) -> Tensor:
    """Returns (B, M, F) with bands blanked (SpecAugment, arXiv 1904.08779)."""
    out = log_mel.clone()
    bins = out.shape[1]
    for row, length in zip(out, lengths.tolist(), strict=True):
        fill = float(row[:, :length].mean())
        width = int(torch.randint(0, 11, ()))
        start = int(torch.randint(0, bins - width, ()))
        row[start : start + width, :length] = fill
        for _ in range(1 + length // 300):
            width = int(torch.randint(0, min(14, max(1, length // 8)) + 1, ()))
            start = int(torch.randint(0, max(1, length - width), ()))
            row[:, start : start + width] = fill
    return out


def phone_loss(logits: Tensor, speech: SpeechStates, batch: SpeechBatch) -> Tensor:
    """Cross-entropy where the times of the phones are known, CTC elsewhere."""
    timed = (batch.frame_phones != IGNORED).any(dim=1)
    loss = logits.sum() * 0.0
    if bool(timed.any()):
        loss = loss + F.cross_entropy(
            logits[timed].flatten(0, 1).float(),
            batch.frame_phones[timed].flatten(),
            ignore_index=IGNORED,
        )
    counts = batch.phone_counts.masked_fill(timed, 0)
    return loss + 0.5 * ctc(logits, speech.lengths, batch.phones, counts)


def token_loss(logits: Tensor, lengths: Tensor, batch: SpeechBatch) -> Tensor:
    """CTC of the words, and where their times are known which one stands at each embedding."""
    loss = ctc(logits, lengths, batch.ids, batch.id_counts)
    if bool((batch.frame_ids != IGNORED).any()):
        wanted = batch.frame_ids[:, : logits.shape[1]]
        blank = logits.shape[-1] - 1
        classes = logits.new_ones(blank + 1)
        classes[blank] = 0.3
        loss = loss + F.cross_entropy(
            logits.flatten(0, 1).float(), wanted.flatten(), weight=classes, ignore_index=IGNORED
        )
    return loss


class SpeechItems:
    """Synthetic lines and real recordings as one list of items.

    Args:
        lines: Synthetic utterances.
        folder: Where their shards lie.
        recordings: Real ones.
        tokenizer: Of the words.
        surroundings: Rooms and noises; None leaves the speech as it is (validation).
    """

    def __init__(
        self,
        lines: list[Line],
        folder: Path,
        recordings: list[tuple[Recording, int]],
        tokenizer: JsonTokenizer,
        surroundings: Surroundings | None,
        phones: Mapping[str, tuple[str, ...]],
        lexicon: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.lines, self.folder, self.recordings = lines, folder, recordings
        self.tokenizer, self.surroundings, self.phones = tokenizer, surroundings, phones
        self.lexicon = lexicon
        self.lengths = [line.samples for line in lines] + [s for _, s in recordings]
        self._numbers = {phone: number for number, phone in enumerate(PHONES)}

    def load(self, index: int, generator: np.random.Generator) -> Item:
        """Returns an item, disturbed and sped up or slowed down at random.

        Raises:
            OSError: Its recording cannot be read.
        """
        if index < len(self.lines):
            item = self._line(self.lines[index])
        else:
            item = self._recording(self.recordings[index - len(self.lines)][0])
        if self.surroundings is None:
            return item
        waveform, ends, id_ends = item.waveform, item.ends_s, item.id_ends_s
        if index < len(self.lines) and generator.random() < CLEAN_SHARE:
            return item
        if generator.random() < (0.8 if index >= len(self.lines) else 0.3):
            factor = float(generator.uniform(0.9, 1.12))
            waveform = faster(waveform, factor)
            ends, id_ends = ends / factor, id_ends / factor
        waveform = self.surroundings.disturb(waveform, generator)
        waveform = waveform * np.float32(10 ** (generator.uniform(-6, 6) / 20))
        return item._replace(waveform=waveform, ends_s=ends, id_ends_s=id_ends)

    def _line(self, line: Line) -> Item:
        waveform = read_mono(self.folder / line.shard, line.start, line.samples)
        return Item(
            waveform,
            self.tokenizer.encode(spoken_form(line.text)),
            self._phones(line.phones),
            np.asarray(line.ends_s),
            self._token_ends(line),
        )

    def _token_ends(self, line: Line) -> NDArray[np.float64]:
        """Returns the end of each token: the time of a word is shared out evenly."""
        words = spoken_form(line.text).split()
        spans = word_spans(words, line.phones, line.ends_s, self.lexicon) if line.ends_s else []
        ends: list[float] = []
        for number, (start, end) in enumerate(spans):
            count = len(self.tokenizer.encode((" " if number else "") + words[number]))
            ends += [start + (end - start) * (i + 1) / count for i in range(count)]
        return np.asarray(ends)

    def _recording(self, recording: Recording) -> Item:
        waveform = read_mono(recording.path)
        words = spoken_form(recording.text)
        phones = self._phones(self.phones.get(words, ()))
        return Item(waveform, self.tokenizer.encode(words), phones, np.empty(0), np.empty(0))

    def _phones(self, phones: tuple[str, ...]) -> list[int]:
        return [self._numbers[phone] for phone in phones]


@dataclass(frozen=True, slots=True)
class SpeechCollate:
    """Items to a batch for an encoder of this shape."""

    mel_bins: int
    frames_per_state: int
    kernel_sizes: tuple[int, ...]
    vocabulary: int

    def __call__(self, items: list[Item]) -> SpeechBatch:
        """Returns the batch of `items`."""
        features = speech_features([i.waveform for i in items], mel_bins=self.mel_bins)
        states = (int(features.lengths.max()) - 1) // self.frames_per_state + 1
        frame_phones = torch.full((len(items), states), IGNORED)
        for row, item in zip(frame_phones, items, strict=True):
            if item.ends_s.size:
                row[:] = torch.from_numpy(self._timed(item, states))
        embeddings = embeddings_of_states(states, self.kernel_sizes)
        frame_ids = torch.full((len(items), embeddings), IGNORED)
        for row, item in zip(frame_ids, items, strict=True):
            if item.id_ends_s.size == len(item.ids) > 0:
                row[:] = torch.from_numpy(self._placed(item, embeddings))
        ids, id_counts = _padded([item.ids for item in items])
        phones, phone_counts = _padded([item.phones for item in items])
        return SpeechBatch(
            features.log_mel,
            features.lengths,
            ids,
            id_counts,
            phones,
            phone_counts,
            frame_phones,
            frame_ids,
        )

    def _placed(self, item: Item, embeddings: int) -> NDArray[np.int64]:
        """Returns each token at the embedding in which it ends, and nothing in between."""
        step = self.frames_per_state * 2 ** len(self.kernel_sizes) * FRAME_S
        row = np.full(embeddings, self.vocabulary, dtype=np.int64)
        row[int(item.waveform.size / SAMPLE_RATE_HZ / step) + 1 :] = IGNORED
        taken = -1
        for token, end in zip(item.ids, item.id_ends_s, strict=True):
            taken = max(taken + 1, round(float(end) / step - 0.5))
            if taken < embeddings:
                row[taken] = token
        return row

    def _timed(self, item: Item, states: int) -> NDArray[np.int64]:
        """Returns the phone in the middle of each encoder state."""
        middle = (np.arange(states) + 0.5) * self.frames_per_state * FRAME_S
        place = np.searchsorted(item.ends_s, middle)
        phones = np.asarray([*item.phones, IGNORED], dtype=np.int64)
        inside = middle < item.waveform.size / SAMPLE_RATE_HZ
        return np.where(inside, phones[np.minimum(place, len(item.phones))], IGNORED)


def _padded(rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    counts = torch.tensor([len(row) for row in rows])
    table = torch.zeros(len(rows), max(1, int(counts.max())), dtype=torch.long)
    for line, row in zip(table, rows, strict=True):
        line[: len(row)] = torch.tensor(row, dtype=torch.long)
    return table, counts


def marker_ids(tokenizer: JsonTokenizer) -> tuple[int, int]:
    """Returns the tokens that begin and end a transcript.

    Raises:
        ValueError: The tokenizer has no chat markers.
    """
    start, end = tokenizer.special_id(TURN_START), tokenizer.special_id(TURN_END)
    if start is None or end is None:
        raise ValueError(f"the tokenizer lacks {TURN_START} or {TURN_END}")
    return start, end


@torch.no_grad()
def transcribe(
    model: Recogniser, speech: SpeechStates, *, start_id: int, end_id: int, longest: int = 48
) -> list[list[int]]:
    """Returns the most probable tokens, one by one, of each utterance."""
    count = speech.states.shape[0]
    ids = torch.full((count, 1), start_id)
    done = torch.zeros(count, dtype=torch.bool)
    for _ in range(longest):
        following = model.decoder(ids, speech)[:, -1].argmax(dim=-1)
        following = following.masked_fill(done, end_id)
        ids = torch.cat([ids, following[:, None]], dim=1)
        done |= following == end_id
        if bool(done.all()):
            break
    return [
        row[1:][: (row[1:] == end_id).int().argmax()].tolist()
        if end_id in row[1:]
        else row[1:].tolist()
        for row in ids
    ]
