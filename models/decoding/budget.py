"""Memory of the conversations: what a position takes, how many fit, and who forgets first."""

from collections import OrderedDict
from typing import Any, Protocol
from weakref import ref

import torch

from models.weights import CheckpointError

MOST_TOGETHER = 32
"""Conversations in one step of a GPU, where nobody says how many: so many of the 7B take twice the
time of one on an H100, as far as memory is what takes it (15 GB of weights, 0.25 GB of cache each
at 500 positions)."""
WORKSPACE = 1.5 * 2**30
"""Bytes of a GPU that encoding, prefill and recorded steps work in."""
RESTING = 0.25
"""Of what is free beside weights and rows: for the caches of conversations between their turns, at
least. What rests and finds no place is computed anew with its next turn."""


class Forgetful(Protocol):
    """A conversation whose cache can be given up."""

    def forget(self) -> bool:
        """Drops its cache, which the next step computes anew; False where it is needed now."""
        ...


class CacheBudget:
    """Positions that the caches of all conversations of a model may hold together.

    Args:
        positions: So many.
    """

    def __init__(self, positions: int) -> None:
        self.positions = positions
        self.forgotten = 0
        """Caches dropped so far."""
        self._held: OrderedDict[int, tuple[ref[Forgetful], int]] = OrderedDict()

    def admit(self, conversation: Forgetful, length: int) -> None:
        """Makes room for `length` positions of one conversation, at the cost of the most silent.

        Raises:
            ValueError: It does not fit alone, or beside those that are being answered.
        """
        self._held.pop(id(conversation), None)
        self._held = OrderedDict(
            (key, (held, size)) for key, (held, size) in self._held.items() if held() is not None
        )
        for key, (held, size) in list(self._held.items()):
            if length + self._total() <= self.positions:
                break
            other = held()
            if other is None or other.forget():
                del self._held[key]
                self.forgotten += size > 0
        if length + self._total() > self.positions:
            raise ValueError(
                f"this talk has {length} positions, and of the {self.positions} that the GPU has "
                f"memory for {self._total()} are taken by talks that are being answered: answer "
                "fewer at once (--together), or take weights of 8 or 4 bits (--dtype int8)"
            )
        self._held[id(conversation)] = (ref(conversation), length)

    def _total(self) -> int:
        return sum(size for _, size in self._held.values())


def position_bytes(config: Any, dtype: torch.dtype) -> int:
    """Returns the bytes of the KV cache that a position takes, by the configuration of an LLM."""
    text = config.get_text_config()
    attention = int(text.num_attention_heads)
    heads = int(getattr(text, "num_key_value_heads", None) or attention)
    width = int(getattr(text, "head_dim", None) or text.hidden_size // attention)
    return 2 * int(text.num_hidden_layers) * heads * width * dtype.itemsize


def rows_that_fit(free: int, position: int, positions: int) -> int:
    """Returns how many conversations can share steps in `free` bytes beside the weights.

    Args:
        free: Of the GPU.
        position: Bytes of one.
        positions: Of the longest conversation.
    """
    usable = (free - WORKSPACE) * (1 - RESTING)
    return max(0, int(usable // (position * (positions + 1))))


def check_together(free: int, position: int, positions: int, together: int) -> None:
    """Makes sure that `together` conversations fit beside the weights, before any is there.

    Raises:
        CheckpointError: They do not; the message says how many do.
    """
    fit = rows_that_fit(free, position, positions)
    if together <= fit:
        return
    each = position * (positions + 1) / 2**30
    remedy = f"ask for {fit} (--together {fit})" if fit else "close what else runs on the GPU"
    raise CheckpointError(
        f"{together} talks at once of up to {positions} positions take {together * each:.1f} GiB "
        f"beside the model, and the GPU has {max(0, free) / 2**30:.1f} GiB free there, room for "
        f"{fit}: {remedy}, take weights of 8 or 4 bits (--dtype int8 or int4), or use --device cpu"
    )
