"""The loss terms by name: what each looks at, computed only where one asks for it.

To add one: its function in `losses` (or a module of its own) and its line in `TERMS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from models.adapters.embeddings import SpeechEmbeddings
from models.blsp_emo import BlspEmo
from models.speech_encoder import SpeechStates
from train.alignment import losses
from train.alignment.collate import Batch


@dataclass(frozen=True)
class Forward:
    """One batch on its way through the model; a run that no term looks at is never made."""

    model: BlspEmo
    batch: Batch
    states: SpeechStates
    embedded: SpeechEmbeddings
    temperature: float
    """Softens the distributions that are compared."""

    @cached_property
    def speech_logits(self) -> Tensor:
        """Of the run that heard the utterances: (B, T1, V)."""
        speech = self.batch.speech
        inputs = self.model.llm.embed(speech.ids, speech.spoken, self.embedded.flat)
        return self.model.llm(inputs, mask=speech.mask)

    @cached_property
    def text_logits(self) -> Tensor:
        """Of the run that read them, which teaches and learns nothing: (B, T2, V)."""
        text = self.batch.text
        # The teacher is the LLM as it was: no update acts on a text run, and no gradient teaches it
        # to be followed more easily.
        with torch.no_grad(), self.model.speech_positions(torch.zeros_like(text.mask)):
            return self.model.llm(self.model.llm.embed(text.ids), mask=text.mask)

    @cached_property
    def emotion_logits(self) -> Tensor:
        """Of the emotion head: (U, E)."""
        return self.model.emotion_logits(self.states, self.embedded)


LossTerm = Callable[[Forward], Tensor]
"""Returns one number, with its gradient."""


def _response_ce(forward: Forward) -> Tensor:
    return losses.response_ce(forward.speech_logits, forward.batch.speech.labels)


def _response_kl(forward: Forward) -> Tensor:
    speech, text = forward.batch.speech.response, forward.batch.text.response
    return losses.response_kl(
        forward.speech_logits, forward.text_logits, speech, text, temperature=forward.temperature
    )


def _input_kl(forward: Forward) -> Tensor:
    speech, text = forward.batch.speech.spoken, forward.batch.text.spoken
    return losses.input_kl(
        forward.speech_logits, forward.text_logits, speech, text, temperature=forward.temperature
    )


def _input_er(forward: Forward) -> Tensor:
    return losses.input_er(forward.emotion_logits, forward.batch.emotions)


def _cif(forward: Forward) -> Tensor:
    predicted = forward.embedded.predicted_counts
    if predicted is None:
        raise ValueError("the loss term cif needs the cformer adapter")
    return losses.cif(predicted, forward.batch.word_tokens)


# They are computed in this order, whatever the settings name first: dropout draws in it, and a run
# that is resumed must draw alike.
TERMS: dict[str, LossTerm] = {
    "response_ce": _response_ce,
    "response_kl": _response_kl,
    "input_kl": _input_kl,
    "input_er": _input_er,
    "cif": _cif,
}


def check_terms(names: frozenset[str]) -> None:
    """Makes sure that there are such loss terms.

    Raises:
        ValueError: One is unknown; the message names those there are.
    """
    for name in sorted(names - TERMS.keys()):
        raise ValueError(f"there is no loss term {name!r}: use one of {', '.join(TERMS)}")
