"""The `words` adapter: the LLM is given the words that the decoder wrote, and how it heard them."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.config import SpeechEncoderConfig
from models.tokenizer import Tokenizer

NOTHING_UNDERSTOOD = "..."
"""What stands for speech of which nothing was understood; a typed turn of it is answered alike."""


class WordStates(NamedTuple):
    """How the decoder wrote the words of a batch of utterances."""

    states: Tensor
    """(B, W, H) its last hidden state when it chose each of its tokens."""
    overlaps: Tensor
    """(B, L, W) share of each of its tokens in each token of the LLM; rows sum to one, or to zero
    where a token stands for nothing that was heard."""


class WordsAdapter(nn.Module):
    """Adds to the embedding of each word what the decoder's states tell beyond it.

    The map begins at zero: a new model is a cascade, exactly, and training can only add what a
    transcript loses, such as what else a word may have been.
    """

    def __init__(self, encoder: SpeechEncoderConfig, out_width: int) -> None:
        super().__init__()
        self.residual = nn.Linear(encoder.width, out_width, bias=False)
        nn.init.zeros_(self.residual.weight)

    def forward(self, embeddings: Tensor, written: WordStates) -> Tensor:
        """Returns `embeddings` (B, L, D) of the LLM's tokens with the residual on them."""
        # Shares of characters carry states from tokens to tokens whose borders lie elsewhere.
        states = written.overlaps.to(written.states) @ written.states
        return embeddings + self.residual(states.to(self.residual.weight)).to(embeddings)


class SharedText(NamedTuple):
    """One text in the tokens of the LLM and of the decoder."""

    ids: tuple[int, ...]
    """The LLM's."""
    decoder_ids: tuple[int, ...]
    overlaps: Tensor
    """(L, W) as in `WordStates`."""


def shared_text(
    text: str,
    tokenizer: Tokenizer,
    decoder_tokenizer: Tokenizer,
    decoder_ids: Sequence[int] | None = None,
    *,
    longest: int | None = None,
) -> SharedText:
    """Returns `text` in the tokens of both.

    Args:
        text: As the LLM is given it.
        tokenizer: Of the LLM.
        decoder_tokenizer: Of the decoder.
        decoder_ids: The decoder's tokens, whose text may have other white space around it. If not
            given, those that it would write: words begin with a space for it, and what stands for
            nothing understood it never wrote.
        longest: Tokens that the decoder can write; words behind them take no states.
    """
    if decoder_ids is None:
        is_heard = text.strip() and text != NOTHING_UNDERSTOOD
        decoder_ids = decoder_tokenizer.encode(f" {text.strip()}") if is_heard else ()
    # In training words may be longer than the decoder ever writes; in a talk they cannot be.
    decoder_ids = decoder_ids[:longest]
    ids = tokenizer.encode(text)
    theirs = decoder_tokenizer.decode(decoder_ids)
    # The decoder begins with a space and the LLM does not: without the shift each word would take
    # its states from one character too far left, and short words from their neighbours.
    shift = _indent(text) - _indent(theirs)
    ours, given = token_spans(tokenizer, ids), token_spans(decoder_tokenizer, decoder_ids)
    moved = [(start + shift, end + shift) for start, end in given]
    return SharedText(tuple(ids), tuple(decoder_ids), span_overlaps(ours, moved))


def token_spans(tokenizer: Tokenizer, ids: Sequence[int]) -> list[tuple[int, int]]:
    """Returns from which to which character of their text each of `ids` reaches.

    Tokens within one character all reach over it.
    """
    # Growing prefixes, not single tokens: a byte of a character has no text by itself.
    ends = [_whole(tokenizer.decode(ids[:count])) for count in range(1, len(ids) + 1)]
    spans: list[tuple[int, int]] = []
    start = 0
    for place, end in enumerate(ends):
        later = (e for e in ends[place:] if e > start)
        spans.append((start, end if end > start else next(later, start)))
        start = max(start, end)
    return spans


def span_overlaps(ours: Sequence[tuple[int, int]], theirs: Sequence[tuple[int, int]]) -> Tensor:
    """Returns (L, W): how many characters of each of `ours` are in each of `theirs`, as shares."""
    if not ours or not theirs:
        return torch.zeros(len(ours), len(theirs))
    a, b = torch.tensor(ours), torch.tensor(theirs)
    common = torch.minimum(a[:, None, 1], b[None, :, 1]) - torch.maximum(a[:, None, 0], b[:, 0])
    counts = common.clamp(min=0).float()
    # A token that overlaps nothing stays a row of zeros, and takes no state at all.
    return counts / counts.sum(dim=1, keepdim=True).clamp(min=1.0)


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def _whole(text: str) -> int:
    """Returns the length of `text` without a character that is not whole yet."""
    return len(text.rstrip("\ufffd"))
