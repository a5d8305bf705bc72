"""What conversations share on each device, and what a GPU that is full is said to be."""

import logging
from types import SimpleNamespace
from typing import NamedTuple

import pytest
import torch

from models import precision
from models.decoding import begin
from models.decoding.begin import TOGETHER_ON_CPU, begin_sharing, recorded
from models.decoding.budget import WORKSPACE, check_together, rows_that_fit
from models.decoding.sampling import Sampling
from models.decoding.shared import Sharing
from models.generation import CachedText, generate
from models.llm import LanguageModel
from models.weights import CheckpointError
from tests.models.small import tiny_model
from tests.models.test_partial_lora import LLMS

GIB = 2**30
QWEN_7B = 32 * 2 * 4096 * 2
"""Bytes of a position."""


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(1)
    return tiny_model(seed=3)


def test_on_a_cpu_the_first_two_to_meet_share(model):
    steps = begin_sharing(model.llm, positions=500)
    assert steps is not None
    assert steps.sharing == Sharing(TOGETHER_ON_CPU, 500)
    assert begin_sharing(model.llm, positions=500, together=1) is None


def test_an_llm_whose_attention_slides_is_left_alone():
    llm = LanguageModel({"model_type": "gemma3_text", **LLMS["gemma3_text"]}, None).eval()
    assert begin_sharing(llm, positions=500) is None


def test_as_many_talks_share_as_the_memory_holds():
    free = 64 * GIB
    fit = rows_that_fit(free, QWEN_7B, 2047)
    assert fit * 1 * GIB < free - WORKSPACE < 2 * fit * GIB  # a GiB each; a quarter stays for rest
    check_together(free, QWEN_7B, 2047, fit)
    with pytest.raises(CheckpointError, match=rf"^{fit + 1} talks .* room for {fit}: .*{fit}\)"):
        check_together(free, QWEN_7B, 2047, fit + 1)


@pytest.mark.parametrize("free", [0, -GIB, int(WORKSPACE)])
def test_a_gpu_without_room_for_any_talk_says_what_helps(free):
    with pytest.raises(CheckpointError, match=r"room for 0: close .*--dtype int8 or int4.*cpu"):
        check_together(free, QWEN_7B, 2047, 1)


class Like(NamedTuple):
    device: torch.device
    dtype: torch.dtype


class OnGpu:
    """The LLM as one that lies on a GPU: its tensors are where they are."""

    def __init__(self, llm) -> None:
        self._llm = llm
        self.causal = llm.causal

    @property
    def like(self):
        return Like(torch.device("cuda"), torch.float32)


@pytest.fixture
def gpu(monkeypatch, model):
    """A GPU of 2 GiB, whose steps cannot be recorded."""
    monkeypatch.setattr(begin, "free_bytes", lambda device: 2 * GIB)
    monkeypatch.setattr(begin, "recorded", lambda llm, sharing: SimpleNamespace(sharing=sharing))
    return OnGpu(model.llm)


def sharing_on(gpu, **options) -> Sharing:
    steps = begin_sharing(gpu, positions=500, **options)
    assert steps is not None
    return steps.sharing


def test_a_gpu_records_steps_and_takes_its_memory_at_once(gpu):
    sharing = sharing_on(gpu)
    assert sharing.how == "graph" and sharing.when_alone and sharing.is_fixed
    assert sharing.rows == 32 and (sharing.positions + 1) % 64 == 0 and sharing.positions >= 500
    assert sharing.budget is not None and sharing.budget.positions > 32 * 500
    assert sharing_on(gpu, is_narrow=True).how == "compiled"
    assert sharing_on(gpu, steps="plain", together=3).rows == 3


def test_a_full_gpu_answers_one_after_another_and_says_so(gpu, monkeypatch, caplog):
    monkeypatch.setattr(begin, "free_bytes", lambda device: 0)
    with caplog.at_level(logging.WARNING):
        assert begin_sharing(gpu, positions=500) is None
    assert "too full" in caplog.text
    with pytest.raises(CheckpointError, match="2 talks at once"):
        begin_sharing(gpu, positions=500, together=2)


def test_steps_that_cannot_be_recorded_are_taken_plainly(model, monkeypatch, caplog):
    def refuse(compute):
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    monkeypatch.setattr("models.decoding.step.record_graph", refuse)
    with caplog.at_level(logging.WARNING):
        steps = recorded(model.llm, Sharing(2, 500, "graph", when_alone=True, is_fixed=True))
    assert steps.sharing.how == "plain"
    assert "cannot be taken as graph (operation not permitted" in caplog.text
    text, single = CachedText(model.llm, steps), CachedText(model.llm)
    for each in (text, single):
        each.append_ids([1, 2, 3])
    sampling = Sampling(max_new_tokens=6)
    assert list(generate(text, sampling, stop_ids=())) == list(
        generate(single, sampling, stop_ids=())
    )
    assert steps.taken == 5


def test_free_memory_of_a_gpu_is_what_the_driver_says(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (5 * GIB, 80 * GIB))
    assert precision.free_bytes(torch.device("cuda")) == 5 * GIB
