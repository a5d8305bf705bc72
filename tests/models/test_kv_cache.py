import warnings
from typing import Any

import pytest
import torch

from models.kv_cache import cache_keyword
from tests.models.small import tiny_model, tone


class Renamed:
    def forward(self, hidden: Any, cache: Any = None, **rest: Any) -> None: ...


class Before:
    def forward(self, hidden: Any, past_key_values: Any = None, **rest: Any) -> None: ...


class Swallowing:
    def forward(self, hidden: Any, **rest: Any) -> None: ...


@pytest.mark.parametrize(
    ("module", "keyword"),
    [(Renamed(), "cache"), (Before(), "past_key_values"), (Swallowing(), "past_key_values")],
)
def test_a_module_is_given_its_cache_by_the_name_that_it_knows(module: Any, keyword: str) -> None:
    assert cache_keyword(module) == keyword


@torch.inference_mode()
def test_both_caches_are_filled_without_a_warning() -> None:
    model = tiny_model(seed=1, decoder=True, start_ids=(1,), stop_ids=(2,))
    assert model.decoder is not None
    ids = torch.tensor([[1, 2, 3]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache = model.llm.new_cache()
        model.llm(model.llm.embed(ids), cache=cache)
        words = model.decoder.new_cache()
        model.decoder(ids, model.encode(model.features([tone(0.5)])), words)
    assert cache.get_seq_length() == words.get_seq_length() == 3
