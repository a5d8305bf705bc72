"""How well phrases fit something brief, by the decoder: "stop" against "okay".

What was said in half a second is often written down as nothing, or as something near it. Which of
a few phrases it can have been is told far more surely, since each is scored whether or not it is
the most probable text.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from models.config import TranscriptionConfig
from models.speech_decoder import SpeechDecoder
from models.speech_encoder import SpeechStates
from models.tokenizer import Tokenizer

MARKS = (".", "!", "?", ",", "...")
"""What may stand behind a phrase: the decoder writes marks as it likes."""
WITHIN = 9.0
"""A phrase whose first token is that much less probable (natural logarithm) than the best one of
all phrases has no part in their sum, and is not read on."""


@dataclass(frozen=True, slots=True)
class _Spelling:
    """One way to write a phrase."""

    phrase: int
    ids: tuple[int, ...]


@torch.inference_mode()
def phrase_scores(
    decoder: SpeechDecoder,
    config: TranscriptionConfig,
    states: SpeechStates,
    phrases: Sequence[str],
    tokenizer: Tokenizer,
) -> list[float]:
    """Returns the log-probability of each of `phrases` being all that was said.

    Written small or large, with any mark behind it. -inf where it surely was not.

    Args:
        decoder: Whisper's.
        config: How it is prompted and stopped.
        states: Of one utterance.
        phrases: In small letters, not empty.
        tokenizer: Of the decoder.
    """
    spellings = _spellings(phrases, tokenizer)
    prompt = torch.tensor([config.prompt_ids], device=states.states.device)
    first = torch.log_softmax(decoder(prompt, states)[0, -1].float(), dim=-1)
    begun = first[torch.tensor([spelling.ids[0] for spelling in spellings], device=first.device)]
    # One step tells most phrases apart; only those that begin alike are read to their end.
    likely = [spellings[int(row)] for row in torch.nonzero(begun >= begun.max() - WITHIN)]
    scores = torch.full((len(phrases),), -torch.inf)
    read = _scores(decoder, config, states, likely, tokenizer)
    for spelling, score in zip(likely, read, strict=True):
        # Small and large letters are one phrase: their probabilities add up.
        scores[spelling.phrase] = torch.logaddexp(scores[spelling.phrase], score)
    return scores.tolist()


def _spellings(phrases: Sequence[str], tokenizer: Tokenizer) -> list[_Spelling]:
    return [
        _Spelling(number, tuple(tokenizer.encode(f" {text}")))
        for number, phrase in enumerate(phrases)
        for text in (phrase, phrase[0].upper() + phrase[1:])
    ]


def _scores(
    decoder: SpeechDecoder,
    config: TranscriptionConfig,
    states: SpeechStates,
    spellings: Sequence[_Spelling],
    tokenizer: Tokenizer,
) -> Tensor:
    """Returns (N,) of `spellings`, whatever mark follows them, read beside each other."""
    longest, end = max(len(spelling.ids) for spelling in spellings), config.stop_ids[0]
    # What pads a shorter row lies behind its end, and a causal decoder never looks there.
    rows = [(*spelling.ids, *[end] * (longest - len(spelling.ids))) for spelling in spellings]
    ids = torch.tensor(rows, device=states.states.device)
    given = torch.tensor([config.prompt_ids], device=ids.device).expand(len(rows), -1)
    read = decoder.states(torch.cat([given, ids], dim=1), _repeated(states, len(rows)))
    chances = torch.log_softmax(
        decoder.logits(read[:, len(config.prompt_ids) - 1 :]).float(), dim=-1
    )
    endings = sorted({end, *(tokenizer.encode(mark)[0] for mark in MARKS)})
    written = chances[:, :-1].gather(2, ids[..., None])[..., 0]
    return torch.stack(
        [
            # With the end: "stop" is also how "stop it" begins.
            written[row, : len(spelling.ids)].sum()
            + chances[row, len(spelling.ids), endings].logsumexp(0)
            for row, spelling in enumerate(spellings)
        ]
    ).cpu()


def _repeated(states: SpeechStates, count: int) -> SpeechStates:
    """Returns the states of one utterance for `count` texts."""

    def many(tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else tensor.expand(count, *tensor.shape[1:])

    return replace(
        states,
        states=states.states.expand(count, -1, -1),
        lengths=many(states.lengths),
        padded=many(states.padded),
        padded_lengths=many(states.padded_lengths),
    )
