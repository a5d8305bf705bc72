"""A KV cache whose steps end early where somebody waits for another one."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from torch import Tensor

from models.torchaudio_guard import guard_torchaudio


class GaveWay(Exception):
    """A step ended early: its positions are not computed."""


@lru_cache(maxsize=1)
def yielding_cache() -> Any:
    """Returns the class of such caches; made here, as `transformers` is heavy to import."""
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
