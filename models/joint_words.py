"""Words on which the adapter's spelling and the decoder agree."""

from typing import NamedTuple

import torch
from torch import Tensor

from models.ctc_adapter import CtcAdapter
from models.ctc_search import Spelling, spellings
from models.masks import blank_outside
from models.speech_decoder import SpeechDecoder
from models.speech_encoder import SpeechStates

DECODER_SHARE = 0.5
"""Weight of the decoder's log-probability beside that of the spelling."""
TOKEN_BONUS = 0.5
"""For each token: without it both prefer short spellings."""


class SpelledWords(NamedTuple):
    """Words as tokens, and how sure each is."""

    ids: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    """Of each token and of the end, by the decoder."""
    spelling_log_probability: float
    """Of all tokens together, by the adapter."""


@torch.inference_mode()
def joint_words(
    adapter: CtcAdapter,
    decoder: SpeechDecoder,
    states: SpeechStates,
    *,
    prompt: tuple[int, ...],
    end: int,
) -> SpelledWords:
    """Returns the words of one utterance.

    A small decoder alone writes what it knows by heart; the spelling alone makes no sentences.
    Here the spelling proposes and both judge (hybrid CTC/attention, arXiv 1609.06773).

    Args:
        adapter: Spells in the decoder's tokens.
        decoder: Beside the same encoder.
        states: Of one utterance.
        prompt: Tokens that the decoder is begun with.
        end: Token that ends its words.
    """
    embedded = adapter(states)
    logits = adapter.token_logits(embedded)[0, : int(embedded.lengths[0])]
    longest = decoder.config.max_target_positions - len(prompt)
    found = [Spelling(s.ids[:longest], s.log_probability) for s in spellings(logits)]
    scores = _decoder_scores(decoder, states, [s.ids for s in found], prompt, end)
    totals = [
        s.log_probability + DECODER_SHARE * float(row.sum()) + TOKEN_BONUS * len(s.ids)
        for s, row in zip(found, scores, strict=True)
    ]
    best = max(range(len(found)), key=totals.__getitem__)
    ids, spelling = found[best]
    return SpelledWords(ids, tuple(scores[best][: len(ids) + 1].tolist()), spelling)


def _decoder_scores(
    decoder: SpeechDecoder,
    states: SpeechStates,
    rows: list[tuple[int, ...]],
    prompt: tuple[int, ...],
    end: int,
) -> Tensor:
    """Returns (N, L + 1) log-probabilities of the tokens of each row and its end, else 0."""
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
