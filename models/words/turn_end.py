"""How surely a person who pauses is done, by an LLM's expectation of what comes next.

After "I'd like to" a word is expected, after "I'd like a coffee" the mark that closes a sentence:
people are done where a sentence may close. The token that ends a turn alone tells less: an LLM that
knows how sentences are written expects it behind a mark, and never amid them.
"""

import math

import torch
from torch import Tensor

from models.prompts import ChatPrompts

END_MARKS = " .!?…"
"""What is not looked at where it stands last: a recogniser puts a full stop after anything."""
CLOSED = (".", "!", "?", "…", "...", "!!", "?!", ".\n", "!\n", "?\n", ".\n\n", "!\n\n", "?\n\n")
"""How sentences close in what LLMs have read; each begins with a token of its own."""


def log_odds_of_end(logits: Tensor, prompts: ChatPrompts) -> float:
    """Returns the log-odds that a sentence, or the turn, ends here; not calibrated.

    Args:
        logits: (V,) float64 of what comes next.
        prompts: Of the LLM that gave them.
    """
    # What a template puts behind the person's words begins with the token that closes a turn.
    ids = {prompts.reply_header()[0]}
    ids |= {encoded[0] for mark in CLOSED if (encoded := prompts.content(mark))}
    ends = torch.zeros(len(logits), dtype=torch.bool)
    ends[sorted(ids)] = True
    # Not log(p / (1 - p)): where the end is nearly sure, 1 - p is zero in floating point.
    return float(logits[ends].logsumexp(dim=-1) - logits[~ends].logsumexp(dim=-1))


def probability(log_odds: float) -> float:
    """Returns the probability of `log_odds`, however large."""
    return 0.5 + 0.5 * math.tanh(0.5 * log_odds)
