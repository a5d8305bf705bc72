"""Words on which the adapter's spelling and the decoder agree."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from models.ctc_adapter import CtcAdapter
from models.ctc_search import spellings
from models.masks import blank_outside
from models.speech_decoder import SpeechDecoder
from models.speech_encoder import SpeechStates
from models.word_model import WordGuide

JUDGED = 16
"""Best spellings that the decoder judges."""


class _Shares(NamedTuple):
    """Weights beside the log-probability of the spelling."""

    decoder: float
    words: float
    token: float
    """For each token: without it all of them prefer short spellings."""


GUIDED = _Shares(0.75, 0.4, 2.5)
UNGUIDED = _Shares(0.5, 0.0, 0.5)


class Speller(NamedTuple):
    """Who agrees on words."""

    adapter: CtcAdapter
    """Spells in the decoder's tokens."""
    decoder: SpeechDecoder
    """Beside the same encoder."""
    prompt: tuple[int, ...]
    """Tokens that the decoder is begun with."""
    end: int
    """Token that ends its words."""


class SpelledWords(NamedTuple):
    """Words as tokens, and how sure each is."""

    ids: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    """Of each token and of the end, by the decoder."""
    spelling_log_probability: float = 0.0
    """Of all tokens together, by the adapter; 0 where it spells none."""
    words_log_probability: float = 0.0
    """Of all words together, by the word model; 0 without one."""
    no_speech: float = 0.0
    """Probability that nobody speaks, by the decoder; 0 where it was not taught to tell."""
    states: Tensor | None = None
    """(N, H) of the decoder when it chose each token; None where the adapter spelled them."""


@torch.inference_mode()
def joint_words(
    speller: Speller, states: SpeechStates, *, guide: WordGuide | None = None
) -> SpelledWords:
    """Returns the words of one utterance.

    A small decoder alone writes what it knows by heart; the spelling alone makes no sentences.
    Here the spelling, guided by a model of the words where there is one, proposes, and all judge
    (hybrid CTC/attention, arXiv 1609.06773).

    Args:
        speller: Adapter and decoder.
        states: Of one utterance.
        guide: Says which words are likely.
    """
    logits = _logits(speller, states)
    longest = speller.decoder.config.max_target_positions - len(speller.prompt)
    found = [s._replace(ids=s.ids[:longest]) for s in spellings(logits, guide=guide)[:JUDGED]]
    scores = _decoder_scores(speller, states, [s.ids for s in found])
    shares = UNGUIDED if guide is None else GUIDED
    totals = [
        s.log_probability
        + shares.decoder * float(row.sum())
        + shares.words * s.words_log_probability
        + shares.token * len(s.ids)
        for s, row in zip(found, scores, strict=True)
    ]
    best = max(range(len(found)), key=totals.__getitem__)
    ids, spelling, words = found[best]
    return SpelledWords(ids, tuple(scores[best][: len(ids) + 1].tolist()), spelling, words)


@torch.inference_mode()
def scores_of(
    speller: Speller, states: SpeechStates, rows: Sequence[tuple[int, ...]]
) -> list[float]:
    """Returns how well each of `rows` fits one utterance, by what `joint_words` goes by.

    Log-probabilities but for a common constant; -inf for more tokens than fit into the utterance.

    Args:
        speller: Adapter and decoder.
        states: Of one utterance.
        rows: Tokens, at least one in each row.
    """
    log_probabilities = torch.log_softmax(_logits(speller, states).float(), dim=-1)
    count, frames = len(rows), len(log_probabilities)
    lengths = torch.tensor([len(row) for row in rows])
    spelling = -functional.ctc_loss(
        log_probabilities[:, None].expand(-1, count, -1),
        torch.tensor([token for row in rows for token in row], device=log_probabilities.device),
        torch.full((count,), frames),
        lengths,
        blank=log_probabilities.shape[-1] - 1,
        reduction="none",
    )
    judged = _decoder_scores(speller, states, rows).sum(dim=-1)
    total = spelling + GUIDED.decoder * judged + GUIDED.token * lengths.to(spelling)
    return total.tolist()


def _logits(speller: Speller, states: SpeechStates) -> Tensor:
    """Returns (S, V + 1), the spelling of one utterance frame by frame."""
    embedded = speller.adapter(states)
    return speller.adapter.token_logits(embedded)[0, : int(embedded.lengths[0])]


def _decoder_scores(
    speller: Speller, states: SpeechStates, rows: Sequence[tuple[int, ...]]
) -> Tensor:
    """Returns (N, L + 1) log-probabilities of the tokens of each row and its end, else 0."""
    _, decoder, prompt, end = speller
    device = states.states.device
    given = torch.full((len(rows), len(prompt) + max(map(len, rows))), end, device=device)
    given[:, : len(prompt)] = torch.tensor(prompt, device=device)
    wanted = torch.full((len(rows), given.shape[1] - len(prompt) + 1), end, device=device)
    inside = torch.zeros_like(wanted, dtype=torch.bool)
    for row, ids in enumerate(rows):
        given[row, len(prompt) : len(prompt) + len(ids)] = torch.tensor(ids, device=device)
        wanted[row, : len(ids)] = torch.tensor(ids, device=device)
        inside[row, : len(ids) + 1] = True
    logits = decoder(given, states.repeated(len(rows)))[:, len(prompt) - 1 :]
    scores = torch.log_softmax(logits.float(), dim=-1).gather(-1, wanted[..., None])
    return blank_outside(scores, inside)[..., 0]
