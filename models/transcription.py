"""The person's words: from the decoder on the same encoder states, or asked of the LLM."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from models.blsp_emo import BlspEmo, Heard
from models.config import TranscriptionConfig, WordConfidenceConfig
from models.generation import CachedText, Sampling, generate
from models.prompts import TRANSCRIBE
from models.speech_decoder import SpeechDecoder
from models.speech_encoder import SpeechStates

LOOP_REPEATS, LOOP_TOKENS = 4, 12
"""A phrase that comes so often in a row, over so many tokens, is a decoder running in a circle."""


@dataclass(frozen=True, slots=True)
class WordScores:
    """How well words fit what was heard; log-probabilities."""

    decoder: float
    """Mean of the tokens and the end, by the decoder."""
    spelling: float = 0.0
    """Of all tokens together for each of them, by the adapter; 0 where it does not spell."""
    words: float = 0.0
    """Of all words and the end for each of them, by the word model; 0 where there is none."""

    def confidence(self, config: WordConfidenceConfig | None) -> float:
        """Returns the share of the words that is probably right, in [0, 1].

        Where this was never fitted (`python -m train turn-ends`) it is the geometric mean of the
        token probabilities, which is far too low for a decoder trained with label smoothing.
        """
        if config is None:
            return math.exp(self.decoder)
        odds = (
            config.decoder * self.decoder
            + config.spelling * self.spelling
            + config.words * self.words
            + config.offset
        )
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


def transcribe(
    model: BlspEmo, heard: Heard, *, cancelled: Callable[[], bool] = lambda: False
) -> Words:
    """Returns the words of `heard` without encoding it again.

    Takes the decoder where the checkpoint has one; else asks the LLM by instruction, which is
    slower and less exact, and marked as such.
    """
    if model.decoder is not None and model.config.transcription is not None:
        return _decoded(model, model.decoder, model.config.transcription, heard, cancelled)
    return _asked(model, heard, cancelled)


def is_understood(model: BlspEmo, heard: Heard) -> bool:
    """Returns whether enough of the words that the LLM is given is probably right.

    True where a checkpoint cannot tell: its words are not spelled, or were never judged.
    """
    config = model.config.word_confidence
    if config is None or not heard.spelled:
        return True
    return (transcribe(model, heard).confidence or 0.0) >= config.least


def _decoded(
    model: BlspEmo,
    decoder: SpeechDecoder,
    config: TranscriptionConfig,
    heard: Heard,
    cancelled: Callable[[], bool],
) -> Words:
    texts: list[str] = []
    tokens: list[float] = []
    spelling, spelled, likely = 0.0, 0, 0.0
    for number, states in enumerate(heard.speech_states):
        if heard.spelled:
            ids, log_probabilities, of_spelling, of_words = heard.spelled[number]
            spelling, spelled = spelling + of_spelling, spelled + len(ids)
            likely += of_words
        else:
            ids, log_probabilities = greedy_words(decoder, config, states, cancelled=cancelled)
        texts.append(model.decoder_tokenizer.decode(list(ids)).strip())
        tokens.extend(log_probabilities)
    text = " ".join(text for text in texts if text)
    if not tokens:
        return Words(text, 0.0, "decoder")
    scores = WordScores(
        sum(tokens) / len(tokens),
        spelling / max(1, spelled),
        likely / (len(text.split()) + len(heard.speech_states)),
    )
    return Words(text, scores.confidence(model.config.word_confidence), "decoder", scores)


@torch.inference_mode()
def greedy_words(
    decoder: SpeechDecoder,
    config: TranscriptionConfig,
    states: SpeechStates,
    *,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[list[int], list[float]]:
    """Returns the most probable tokens of one utterance and the log-probability of each.

    The end token's log-probability is the last one. Ends where the decoder repeats itself.
    """
    device = states.states.device
    cache = decoder.new_cache()
    given = torch.tensor([config.prompt_ids], device=device)
    ids: list[int] = []
    scores: list[float] = []
    limit = decoder.config.max_target_positions - len(config.prompt_ids)
    while len(ids) < limit and not cancelled():
        token, score = _best(decoder(given, states, cache)[0, -1], config)
        scores.append(score)
        if token in config.stop_ids:
            break
        ids.append(token)
        if repeats := _loop(ids):
            del ids[-repeats:], scores[-repeats:]
            break
        given = torch.tensor([[token]], device=device)
    return ids, scores


def _best(logits: Tensor, config: TranscriptionConfig) -> tuple[int, float]:
    """Returns the most probable allowed token and its log-probability."""
    logits = logits.float()
    if config.suppressed_ids:
        logits[torch.tensor(config.suppressed_ids, device=logits.device)] = -torch.inf
    log_probabilities = torch.log_softmax(logits, dim=-1)
    token = int(log_probabilities.argmax())
    return token, float(log_probabilities[token])


def _loop(ids: list[int]) -> int:
    """Returns how many tokens at the end repeat what stands before them; 0 for no loop."""
    for period in range(1, len(ids) // LOOP_REPEATS + 1):
        repeats = max(LOOP_REPEATS, -(-LOOP_TOKENS // period))
        tail = ids[-period * repeats :]
        if len(ids) >= period * repeats and tail == tail[:period] * repeats:
            return period * (repeats - 1)
    return 0


def _asked(model: BlspEmo, heard: Heard, cancelled: Callable[[], bool]) -> Words:
    """Returns what the LLM writes when it is asked for the words."""
    prompts = model.prompts
    text = CachedText(model.llm)
    text.append_ids(prompts.opening(model.config.persona))
    text.append_ids(prompts.content(TRANSCRIBE))
    text.append_speech(heard.speech_embeddings)
    text.append_ids(prompts.reply_header())
    longest = max(16, 3 * int(heard.speech_embeddings.shape[0]))
    ids = list(
        generate(
            text,
            Sampling(max_new_tokens=min(longest, 400), no_repeat_ngram=6),
            stop_ids=model.tokenizer.end_ids,
            cancelled=cancelled,
        )
    )
    return Words(model.tokenizer.decode(ids).strip(), None, "llm")
