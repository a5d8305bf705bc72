"""Nano's language model: a small Qwen2 taught on conversations of its domain."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from models.llm import LanguageModel
from train.losses import IGNORED, response_ce
from train.nano_text_batches import TokenRows

LLM_WEIGHTS = {"reply": 1.0, "topic": 1.0, "said": 0.1}
"""The topic is one token in twenty of a reply, and decides all of it; the words of the person,
whose prediction teaches the words themselves, weigh least."""


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

    Args:
        shape: Of the LLM.
        dropout: On the embeddings.
    """

    def __init__(self, shape: Mapping[str, Any], *, dropout: float = 0.1) -> None:
        super().__init__()
        self.llm = LanguageModel(shape, None)
        self.dropout = dropout

    def forward(self, ids: Tensor, attended: Tensor, positions: Tensor) -> Tensor:
        """Returns token logits (B, T, V); arguments as in `TokenRows`."""
        embedded = F.dropout(self.llm.embed(ids), self.dropout, self.training)
        return self.llm(embedded, mask=attended, positions=positions)


@dataclass(frozen=True, slots=True)
class LlmStep:
    """The loss terms of a batch of conversations.

    A reply begins with its topic, a token of its own: greedy search over the first words of
    replies, which many topics share, would settle on the topic by chance.
    """

    spelling: int
    """Token ids that spell text; those from here on are topics."""

    def __call__(self, model: NanoLlm, batch: TokenRows) -> Mapping[str, Tensor]:
        """Returns the cross-entropies of `reply`, of `topic` and of all the rest, `said`.

        Beside them `topic_right`, the share of topics named rightly.
        """
        logits = model(batch.ids, batch.attended, batch.positions)
        topics = batch.labels >= self.spelling
        rest = batch.said.masked_fill(batch.said >= self.spelling, IGNORED)
        guessed = logits[:, :-1].detach().argmax(dim=-1)[topics[:, 1:]]
        return {
            "reply": response_ce(logits, batch.labels.masked_fill(topics, IGNORED)),
            "topic": response_ce(logits, batch.labels.masked_fill(~topics, IGNORED)),
            "said": response_ce(logits, rest),
            "topic_right": (guessed == batch.labels[topics]).float().mean(),
        }
