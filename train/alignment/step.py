"""Semantic and emotion alignment of BLSP-Emo (arXiv 2406.03872): the step and its batches."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from models.adapters.embeddings import SpeechEmbeddings
from models.adapters.words import SharedText, WordStates, shared_text
from models.blsp_emo import BlspEmo
from models.emotion.heads import calibrated
from models.emotions import EMOTION_LABELS
from models.features import SPEECH_RATE_HZ
from models.speech_encoder import SpeechStates
from train.alignment.collate import Batch, Collator, GivenWords, HeardExample
from train.alignment.examples import AlignmentExample, audio_of
from train.alignment.losses import IGNORED
from train.alignment.terms import TERMS, Forward, check_terms
from train.data.audio_files import read_audio
from train.loop.batches import BucketedBatches

TEXT_RUN = {"response_kl", "input_kl"}


@dataclass(frozen=True)
class Alignment:
    """The step of both stages; computes only what the terms need."""

    terms: frozenset[str]
    temperature: float = 2.0
    """Of `response_kl` and `input_kl`."""
    emotion_told: Literal["label", "heard", "none"] = "label"
    """What emotion vectors follow: the label; the head's estimate, so that the replies teach the
    head, too; or nothing, every emotion being as probable."""

    def __post_init__(self) -> None:
        """Refuses unknown terms, which would else be left out in silence."""
        check_terms(self.terms)

    def __call__(self, model: BlspEmo, batch: Batch) -> Mapping[str, Tensor]:
        """Returns the loss terms of a batch; with `input_er` also the share of right emotions.

        Runs inside `Alignment.scope`.
        """
        # Labels are told in place of the estimate, so that replies do not learn to answer what an
        # untrained head guesses.
        told = None if self.emotion_told == "heard" else self._known_emotions(model, batch)
        states = model.encode(batch.features())
        embedded = self._embedded(model, batch, states, told)
        forward = Forward(model, batch, states, embedded, self.temperature)
        found = {name: term(forward) for name, term in TERMS.items() if name in self.terms}
        if "input_er" in found:
            found["emotion_right"] = _share_right(forward.emotion_logits, batch.emotions)
        return found

    def _embedded(
        self, model: BlspEmo, batch: Batch, states: SpeechStates, told: Tensor | None
    ) -> SpeechEmbeddings:
        if batch.given is not None:
            words = _given_words(model, batch.given, states)
            if told is None:
                told = calibrated(model.emotion_logits(states, words), model.config.calibration)
            # As in a talk: three dots, for what was not understood, carry no emotion.
            understood = (batch.given.decoder_counts > 0)[:, None]
            return model.with_emotion(words, told * understood)
        # Told how many embeddings to fire, a cformer that counts badly still meets the positions
        # that are reserved for it; `cif` teaches it the count meanwhile.
        counts = batch.word_tokens if model.config.adapter.kind == "cformer" else None
        return model.adapt(states, counts, told)

    def _known_emotions(self, model: BlspEmo, batch: Batch) -> Tensor | None:
        """Returns what the model is told in training; all emotions where one is not known."""
        if model.emotion_vectors is None or self.emotion_told == "none":
            return None if model.emotion_vectors is None else _evenly(batch.emotions)
        known = batch.emotions != IGNORED
        # What is not known is marked by a negative number, which has no place; `where` leaves it
        # out.
        one_hot = torch.nn.functional.one_hot(batch.emotions.clamp(min=0), len(EMOTION_LABELS))
        return torch.where(known[:, None], one_hot.float(), _evenly(batch.emotions))

    def scope(self, model: BlspEmo, batch: Batch) -> AbstractContextManager[None]:
        """LoRA acts on the speech view's speech; spans the backward pass for checkpointing."""
        return model.speech_positions(batch.speech.spoken)


def alignment_batches(
    examples: Sequence[AlignmentExample],
    model: BlspEmo,
    *,
    batch_size: int,
    batch_s: float = 0.0,
    seed: int,
    shuffle: bool = True,
    weights: Sequence[float] | None = None,
) -> BucketedBatches:
    """Returns batches of examples of similar duration.

    Args:
        examples: With references that do not depend on a folder.
        model: Gives lengths and features.
        batch_size: Most examples in a batch.
        batch_s: Most seconds of padded audio in a batch; 0: no limit.
        seed: Of the order.
        shuffle: In an order drawn from the seed.
        weights: Chance of each example, drawn with replacement.
    """
    return BucketedBatches(
        # By duration: what pads an utterance to the longest of its batch is computed in vain.
        lengths=[max(1, round(100 * example.duration_s)) for example in examples],
        load_item=partial(_heard, examples),
        collate=Collator(model.config, model.features, _sharing(model)),
        batch_size=batch_size,
        max_total=round(100 * batch_s),
        seed=seed,
        shuffle=shuffle,
        weights=weights,
        names=[example.name for example in examples],
    )


def _sharing(model: BlspEmo) -> Callable[[str], SharedText] | None:
    """Returns how words become tokens of LLM and decoder, where the adapter needs both."""
    transcription = model.config.transcription
    if model.config.adapter.kind != "words" or transcription is None:
        return None
    longest = model.config.speech_encoder.max_target_positions - len(transcription.prompt_ids)
    theirs = model.decoder_tokenizer
    return partial(
        shared_text, tokenizer=model.tokenizer, decoder_tokenizer=theirs, longest=longest
    )


def recompute_activations(model: BlspEmo) -> None:
    """Lets the LLM keep one activation a layer and recompute the rest in the backward pass.

    Non-reentrant: the recomputation runs inside the same `speech_positions`.
    """
    llm = model.llm.causal
    newer = getattr(llm, "activation_checkpointing_enable", None)
    (newer or llm.gradient_checkpointing_enable)({"use_reentrant": False})


def _heard(
    examples: Sequence[AlignmentExample], index: int, generator: np.random.Generator
) -> HeardExample:
    del generator  # nothing is drawn: what was recorded is what is heard
    example = examples[index]
    waveforms = [read_audio(reference, Path()) for reference in audio_of(example)]
    short = min(len(waveform) for waveform in waveforms)
    if short < SPEECH_RATE_HZ // 10:
        raise ValueError(f"{short} samples are too few: 0.1 s at least")
    return HeardExample(example, tuple(waveforms))


def _given_words(model: BlspEmo, given: GivenWords, states: SpeechStates) -> SpeechEmbeddings:
    """Returns what the adapter `words` gives the LLM, the decoder led along the words."""
    decoder, transcription = model.decoder, model.config.transcription
    if decoder is None or transcription is None:
        raise ValueError("the adapter words needs a decoder that writes them")
    # Led along known words in one pass: the decoder writing freely would be a pass for each token,
    # and would give other tokens than the batch reserved positions for.
    written = decoder.written(given.decoder_ids, states, prompt=transcription.prompt_ids)
    return model.embed_words(given.ids, given.counts, WordStates(written, given.overlaps))


def _evenly(emotions: Tensor) -> Tensor:
    """Returns (U, E): every emotion as probable as the others."""
    count = len(EMOTION_LABELS)
    return torch.full((emotions.shape[0], count), 1.0 / count, device=emotions.device)


def _share_right(logits: Tensor, emotions: Tensor) -> Tensor:
    known = emotions != IGNORED
    if not bool(known.any()):
        return torch.zeros((), device=logits.device)
    return (logits.detach().argmax(dim=-1)[known] == emotions[known]).float().mean()
