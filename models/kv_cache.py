"""KV caches of `transformers`: the name that a model knows them by, and kinds of our own.

Classes are made when they are first asked for: `transformers` is heavy to import.
"""

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from torch import Tensor

from models.torchaudio_guard import guard_torchaudio

Write = Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]]
"""Takes the keys and values of new positions (B, heads, T, width) and the layer; returns those that
are attended to."""
NEW, OLD = "cache", "past_key_values"


def cache_keyword(module: Any) -> str:
    """Returns the argument of `module.forward` that takes the KV cache.

    `transformers` 5.24 renamed it, and not every model at once; the old name only warns for a
    while.
    """
    return NEW if NEW in inspect.signature(module.forward).parameters else OLD


class GaveWay(Exception):
    """A step ended early: its positions are not computed."""


@lru_cache(maxsize=1)
def yielding_cache() -> Any:
    """Returns the class of caches whose steps end early where somebody waits for another one."""
    guard_torchaudio()
    from transformers import DynamicCache

    class YieldingCache(DynamicCache):
        """Grows and can be cropped; asks before each layer whether to go on."""

        gives_way: Callable[[], bool] | None = None

        def update(
            self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **named: Any
        ) -> tuple[Tensor, Tensor]:
            if self.gives_way is not None and self.gives_way():
                raise GaveWay
            return super().update(key_states, value_states, layer_idx, *args, **named)

        def take_back(self, length: int) -> bool:
            """Takes out what a step that gave way left beyond `length`; False where it cannot."""
            layers: list[Any] = self.layers
            try:
                for layer in layers:
                    if (extra := layer.get_seq_length() - length) > 0:
                        layer.crop(-extra)
                # A layer that shares the keys of another has none.
                return all(layer.get_seq_length() in (0, length) for layer in layers)
            except (RuntimeError, AttributeError, NotImplementedError, ValueError):
                return False  # a window of attention that has slid on, or no attention at all

    return YieldingCache


@lru_cache(maxsize=1)
def elsewhere_cache() -> Any:
    """Returns the class of caches whose keys and values a function keeps."""
    guard_torchaudio()
    from transformers.cache_utils import Cache

    class Elsewhere(Cache):
        def __init__(self, write: Write) -> None:
            super().__init__(layers=[])
            self._write = write

        def update(
            self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_: Any, **__: Any
        ) -> tuple[Tensor, Tensor]:
            return self._write(key_states, value_states, layer_idx)

        def get_seq_length(self, layer_idx: int = 0) -> int:
            return 0

    return Elsewhere
