"""The loss terms of both stages as pure functions of logits, labels and masks.

Every term is a mean over its own positions, so that a batch of one gives what the reference
implementation of BLSP-Emo computes for that example. Logits of ignored positions never count.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORED = -100
"""Label of a position that no loss term looks at."""


def response_kl(
    speech_logits: Tensor,
    text_logits: Tensor,
    speech_response: Tensor,
    text_response: Tensor,
    *,
    temperature: float = 2.0,
) -> Tensor:
    """Divergence of the speech run from the text run over the positions of the continuation.

    BLSP-Emo (arXiv 2406.03872), semantic alignment: KL(text || speech) of the distributions
    softened by `temperature`, averaged over positions. The text run is the teacher: detach it.

    Args:
        speech_logits: (B, T1, V) of the run that heard the utterance.
        text_logits: (B, T2, V) of the run that read it.
        speech_response: (B, T1) bool, the continuation in the speech run.
        text_response: (B, T2) bool, the same tokens in the text run, in the same order.
        temperature: Both distributions are softened by it.

    Raises:
        ValueError: The two views do not hold the same number of continuation tokens.
    """
    student = speech_logits[speech_response.bool()]
    teacher = text_logits[text_response.bool()]
    if student.shape != teacher.shape:
        raise ValueError(
            f"the speech view has {student.shape[0]} positions to compare and the text view "
            f"{teacher.shape[0]}: both must hold the same tokens"
        )
    # Zero, but on the graph: in training over processes all must run the same backward pass.
    if student.shape[0] == 0:
        return speech_logits.sum() * 0.0
    # In 32 bits: the small probabilities of a large vocabulary are lost in 16.
    # `batchmean` divides by the positions, and no factor of temperature² is put before it, as the
    # reference has none: the weight of the term stands for both.
    return F.kl_div(
        F.log_softmax(student.float() / temperature, dim=-1),
        F.softmax(teacher.float() / temperature, dim=-1),
        reduction="batchmean",
    )


def input_kl(
    speech_logits: Tensor,
    text_logits: Tensor,
    speech_input: Tensor,
    text_input: Tensor,
    *,
    temperature: float = 2.0,
) -> Tensor:
    """`response_kl` over the utterance itself: its speech embeddings against its words.

    Only for adapters that give one embedding a token (`cformer` with given token counts).

    Args:
        speech_logits: (B, T1, V).
        text_logits: (B, T2, V).
        speech_input: (B, T1) bool, the speech embeddings.
        text_input: (B, T2) bool, the words of the utterance.
        temperature: Both distributions are softened by it.

    Raises:
        ValueError: The numbers of embeddings and tokens differ.
    """
    return response_kl(
        speech_logits, text_logits, speech_input, text_input, temperature=temperature
    )


def response_ce(logits: Tensor, labels: Tensor) -> Tensor:
    """Next-token cross-entropy, averaged over the labelled positions.

    BLSP-Emo (arXiv 2406.03872), emotion alignment.

    Args:
        logits: (B, T, V).
        labels: (B, T) token ids, `IGNORED` where nothing is to be learnt; not shifted.
    """
    targets = labels[:, 1:]
    counted = targets != IGNORED
    if not bool(counted.any()):
        return logits.sum() * 0.0
    # Chosen before they are widened: logits of all positions in 32 bits are the largest tensor.
    return F.cross_entropy(logits[:, :-1][counted].float(), targets[counted])


def input_er(emotion_logits: Tensor, emotions: Tensor) -> Tensor:
    """Cross-entropy of the emotion head, averaged over the labelled utterances.

    Args:
        emotion_logits: (B, E).
        emotions: (B,) indices of `models.emotions.Emotion`, `IGNORED` where unknown.
    """
    if not bool((emotions != IGNORED).any()):
        return emotion_logits.sum() * 0.0
    return F.cross_entropy(emotion_logits.float(), emotions, ignore_index=IGNORED)


def cif(predicted_counts: Tensor, token_counts: Tensor) -> Tensor:
    """Relative error of the number of tokens that the `cformer` adapter predicts.

    Args:
        predicted_counts: (B,) sums of the integrate-and-fire weights before scaling.
        token_counts: (B,) tokens of the words that were spoken, at least 1.
    """
    # Relative: one token too many matters more among three than among thirty.
    ratio = predicted_counts.float() / token_counts.clamp(min=1).float()
    return torch.abs(ratio - 1.0).mean()
