"""The person's words, written down by Whisper's decoder: each token's, and how sure they are."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from models.config import TranscriptionConfig, WordConfidenceConfig
from models.speech_decoder import SpeechDecoder
from models.speech_encoder import SpeechStates
from models.tokenizer import Tokenizer
from models.words.hallucination import (
    STATES_A_SECOND,
    is_invented,
    longest_words,
    loop_length,
    read_again,
    read_at,
    second_time,
)


class WrittenWords(NamedTuple):
    """Words as tokens of the decoder, and how sure each is."""

    ids: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    """Of each token and of the end."""
    no_speech: float = 0.0
    """Probability that nobody speaks; 0 where the decoder was not taught to tell."""
    states: Tensor | None = None
    """(N, H) of the decoder when it chose each token; None where there are none."""


FEWEST_TO_READ_AGAIN = 3
"""Tokens from which on some can have been read a second time."""


@dataclass(frozen=True, slots=True)
class WordScores:
    """How well words fit what was heard; log-probabilities."""

    decoder: float
    """Mean of the tokens and the end, by the decoder."""

    def confidence(self, config: WordConfidenceConfig | None) -> float:
        """Returns the share of the words that is probably right, in [0, 1].

        Where this was never fitted (`python -m train turn-ends`) it is the geometric mean of the
        token probabilities, which is far too low for a decoder trained with label smoothing.
        """
        if config is None:
            return math.exp(self.decoder)
        odds = config.decoder * self.decoder + config.offset
        return 0.5 + 0.5 * math.tanh(0.5 * odds)


@dataclass(frozen=True, slots=True)
class Words:
    """What was said, as far as the model could tell."""

    text: str
    confidence: float | None
    """Share of the words that is probably right, in [0, 1]; None from the LLM."""
    source: Literal["decoder", "llm"]
    scores: WordScores | None = None
    """What the confidence is made of; None where nothing was heard or the LLM was asked."""


def are_understood(words: Words, config: WordConfidenceConfig | None) -> bool:
    """Returns whether there are words, of which enough are probably right as far as it is known."""
    return bool(words.text) and (config is None or (words.confidence or 0.0) >= config.least)


def words_of(
    pieces: Sequence[WrittenWords], tokenizer: Tokenizer, config: WordConfidenceConfig | None
) -> Words:
    """Returns the words of one utterance that was heard in `pieces`.

    Pieces in which nobody speaks, and those that only repeat themselves, have no words.

    Args:
        pieces: In tokens of the decoder.
        tokenizer: Of the decoder.
        config: What their confidence is made with.
    """
    texts = tuple(text_of(piece, tokenizer) for piece in pieces)
    text = " ".join(text for text in texts if text)
    tokens = [score for piece in pieces for score in piece.log_probabilities]
    if not tokens or not text:
        return Words(text, 0.0, "decoder")
    scores = WordScores(sum(tokens) / len(tokens))
    return Words(text, scores.confidence(config), "decoder", scores)


def text_of(piece: WrittenWords, tokenizer: Tokenizer) -> str:
    """Returns what was said in one piece; empty where nobody speaks or it only repeats itself."""
    text = tokenizer.decode(piece.ids).strip()
    return "" if is_invented(text, piece.log_probabilities, piece.no_speech) else text


def written_words(
    decoder: SpeechDecoder,
    config: TranscriptionConfig,
    states: SpeechStates,
    tokenizer: Tokenizer,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> WrittenWords:
    """Returns the words of one utterance: the most probable tokens, each sound read once."""
    written = greedy_words(decoder, config, states, cancelled=cancelled)
    return read_once(written, decoder, config, states, tokenizer)


@torch.inference_mode()
def greedy_words(
    decoder: SpeechDecoder,
    config: TranscriptionConfig,
    states: SpeechStates,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> WrittenWords:
    """Returns the most probable tokens of one utterance.

    The end token's log-probability is the last one, where the decoder came to an end. It is stopped
    where it repeats itself or has written more than anybody can say in that time, and what it wrote
    a second time then is left out.
    """
    device = states.states.device
    cache = decoder.new_cache()
    given = torch.tensor([config.prompt_ids], device=device)
    ids: list[int] = []
    scores: list[float] = []
    choosing: list[Tensor] = []
    no_speech = 0.0
    seconds = int(states.lengths[0]) / STATES_A_SECOND
    limit = min(
        decoder.config.max_target_positions - len(config.prompt_ids), longest_words(seconds)
    )
    while len(ids) < limit and not cancelled():
        of_all = decoder.states(given, states, cache)[0]
        # Whisper was taught to say that nobody speaks at the first position of the prompt alone,
        # which is among the states of the first step only.
        if not scores and config.no_speech_id is not None:
            chances = torch.softmax(decoder.logits(of_all[0]).float(), dim=-1)
            no_speech = float(chances[config.no_speech_id])
        state = of_all[-1]
        token, score = _best(decoder.logits(state), config)
        scores.append(score)  # the end's too: unsure of it, words may be missing
        if token in config.stop_ids:
            break
        ids.append(token)
        choosing.append(state)
        if len(ids) == limit or loop_length(ids):
            # A circle is cut to its first round. One that was stopped by the limit may be in the
            # middle of its second, which no circle of whole rounds shows.
            if repeats := loop_length(ids) or second_time(ids):
                del ids[-repeats:], scores[-repeats:]
            break
        given = torch.tensor([[token]], device=device)
    chosen = torch.stack(choosing[: len(ids)]) if ids else None
    return WrittenWords(tuple(ids), tuple(scores), no_speech=no_speech, states=chosen)


@torch.inference_mode()
def read_once(
    written: WrittenWords,
    decoder: SpeechDecoder,
    config: TranscriptionConfig,
    states: SpeechStates,
    tokenizer: Tokenizer,
) -> WrittenWords:
    """Returns `written` without what the decoder read a second time from the same sound."""
    # Spares the second pass over the decoder where there is too little to have been read twice.
    tokens = [tokenizer.decode([token]) for token in written.ids]
    if len(tokens) < FEWEST_TO_READ_AGAIN:
        return written
    heads = config.alignment_heads
    read = decoder.attention(written.ids, states, prompt=config.prompt_ids, heads=heads)
    seconds = int(states.lengths[0]) / STATES_A_SECOND
    repeats = read_again(read_at(read), tokens, seconds)
    if not repeats:
        return written
    # The end's log-probability goes with the repeated part: that end was never reached from here.
    kept = len(tokens) - repeats
    return written._replace(
        ids=written.ids[:kept],
        log_probabilities=written.log_probabilities[:kept],
        states=None if written.states is None else written.states[:kept],
    )


@lru_cache(maxsize=4)
def _indices(ids: tuple[int, ...], device: torch.device) -> Tensor:
    """Returns `ids` as a tensor; there are thousands, and each step of the decoder needs them."""
    return torch.tensor(ids, device=device)


def _best(logits: Tensor, config: TranscriptionConfig) -> tuple[int, float]:
    """Returns the most probable allowed token and its log-probability."""
    logits = logits.float()
    if config.suppressed_ids:
        logits[_indices(config.suppressed_ids, logits.device)] = -torch.inf
    log_probabilities = torch.log_softmax(logits, dim=-1)
    # One copy back from a GPU and not two: each waits until all that was asked of it is done.
    score, token = torch.stack([each.double() for each in log_probabilities.max(dim=-1)]).tolist()
    return int(token), score
