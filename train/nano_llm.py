"""Nano's language model: a small Qwen2 taught on conversations of its domain."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.llm import LanguageModel
from train.losses import IGNORED, response_ce
from train.nano_text_batches import TokenRows

SAID_WEIGHT = 0.1
"""Weight of the words of the person, whose prediction teaches the words themselves."""


def llm_shape(vocabulary: int, *, width: int, layers: int, heads: int, ffn: int) -> dict[str, Any]:
    """Returns the configuration of a small Qwen2."""
    return {
        "model_type": "qwen2",
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": ffn,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "max_position_embeddings": 2048,
        "rope_theta": 10000.0,
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
    }


class NanoLlm(nn.Module):
    """The LLM alone, with dropout on its embeddings, which small models need.

    A second head, which exists in training only, names what the person talks about where the
    reply begins: the replies alone say it too seldom for a small model to find it in time.

    Args:
        shape: Of the LLM.
        intents: Things to talk about.
        dropout: On the embeddings.
    """

    def __init__(self, shape: Mapping[str, Any], intents: int, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.llm = LanguageModel(shape, None)
        self.intent_head = nn.Linear(self.llm.width, intents)
        self.dropout = dropout

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Returns token logits (B, T, V) and intent logits (B, T, I)."""
        embedded = F.dropout(self.llm.embed(ids), self.dropout, self.training)
        logits, hidden = self.llm.with_hidden(embedded, mask=mask)
        return logits, self.intent_head(hidden)


def llm_step(model: NanoLlm, batch: TokenRows) -> Mapping[str, Tensor]:
    """Returns `reply`, the cross-entropy of the replies, `said`, of all the rest, and `intent`.

    Beside them `intent_right`, the share of intents named rightly.
    """
    logits, intents = model(batch.ids, batch.mask)
    rest = batch.ids.masked_fill(~batch.mask | (batch.labels != IGNORED), IGNORED)
    known = batch.intents != IGNORED
    right = (intents[known].argmax(-1) == batch.intents[known]).float()
    return {
        "reply": response_ce(logits, batch.labels),
        "said": response_ce(logits, rest),
        "intent": F.cross_entropy(intents[known].float(), batch.intents[known]),
        "intent_right": right.mean().detach(),
    }


LLM_WEIGHTS = {"reply": 1.0, "said": SAID_WEIGHT, "intent": 0.3}


@torch.no_grad()
def answer(model: NanoLlm, ids: list[int], end_id: int, *, longest: int = 60) -> list[int]:
    """Returns the most probable continuation of `ids`, up to its end."""
    given = list(ids)
    for _ in range(longest):
        row = torch.tensor([given])
        following = int(model(row, torch.ones_like(row, dtype=torch.bool))[0][0, -1].argmax())
        if following == end_id:
            break
        given.append(following)
    return given[len(ids) :]
