"""The name by which a model of `transformers` takes its KV cache."""

import inspect
from typing import Any

NEW, OLD = "cache", "past_key_values"


def cache_keyword(module: Any) -> str:
    """Returns the argument of `module.forward` that takes the KV cache.

    `transformers` 5.24 renamed it, and not every model at once; the old name only warns for a
    while.
    """
    return NEW if NEW in inspect.signature(module.forward).parameters else OLD
