"""Weights of 8 and 4 bits on a GPU, as far as a CPU can tell."""

import sys
from types import SimpleNamespace

import pytest
import torch

from models.checkpoints import filling, weight_only
from models.checkpoints.filling import check_quantize
from models.checkpoints.published import PublishedWeights
from models.checkpoints.weight_only import narrow, weight_only_bytes
from models.llm import LanguageModel
from models.weights import CheckpointError
from tests.models.small import tiny_model
from tests.models.test_partial_lora import LLMS

CUDA, CPU = torch.device("cuda"), torch.device("cpu")


@pytest.fixture
def llm():
    torch.manual_seed(0)
    shape = {**LLMS["qwen2"], "hidden_size": 128, "intermediate_size": 256}
    return LanguageModel({"model_type": "qwen2", **shape}, None).eval()


def installed(monkeypatch, quantization) -> None:
    monkeypatch.setitem(sys.modules, "torchao", SimpleNamespace(quantization=quantization))
    monkeypatch.setitem(sys.modules, "torchao.quantization", quantization)


@pytest.mark.parametrize(("bits", "narrowed"), [("int8", 15), ("int4", 14)])
def test_linear_layers_become_narrow_and_the_output_layer_in_8_bits_alone(
    llm, monkeypatch, bits, narrowed
):
    asked = {}

    def quantize(model, config, filter_fn, device):
        names = [name for name, module in model.named_modules() if filter_fn(module, name)]
        asked.update(config=config, names=names, device=device)

    def config(**options):
        return options

    quantization = SimpleNamespace(
        quantize_=quantize, Int8WeightOnlyConfig=config, Int4WeightOnlyConfig=config
    )
    installed(monkeypatch, quantization)
    narrow(llm, bits, CUDA)
    assert asked["device"] == CUDA
    assert len(asked["names"]) == narrowed
    assert any("lm_head" in name for name in asked["names"]) == (bits == "int8")
    assert asked["config"].get("group_size") == (128 if bits == "int4" else None)


def test_the_bytes_are_known_before_anything_is_read(llm):
    sixteen = sum(p.numel() for p in llm.parameters()) * 2
    eight, four = (weight_only_bytes(llm, bits, 2) for bits in ("int8", "int4"))
    assert 0.5 * sixteen < eight < 0.6 * sixteen
    assert 0.25 * sixteen < four < 0.4 * sixteen


def test_without_torchao_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchao", None)
    monkeypatch.setitem(sys.modules, "torchao.quantization", None)
    for bits in ("int8", "int4"):
        with pytest.raises(CheckpointError, match=r"need torchao: `pip install -e '\.\[gpu\]'`"):
            check_quantize(bits, CUDA)
    with pytest.raises(CheckpointError, match="GPU only: use --dtype int8"):
        check_quantize("int4", CPU)


def test_real_weights_of_8_bits_say_nearly_the_same():
    pytest.importorskip("torchao", reason="torchao (extra gpu) is not installed")
    model = tiny_model(seed=3)
    ids = torch.randint(0, 300, (1, 12), generator=torch.Generator().manual_seed(0))
    before = model.llm(model.llm.embed(ids)).detach()
    narrow(model.llm, "int8", CPU)
    after = model.llm(model.llm.embed(ids)).detach()
    assert not torch.equal(before, after)
    assert torch.allclose(before, after, atol=0.05 * float(before.abs().max()))
    # Updates lie beside the weights, as they were.
    speech = torch.ones(1, 12, dtype=torch.bool)
    for name, parameter in model.llm.named_parameters():
        if name.endswith("lora_b"):
            torch.nn.init.normal_(parameter, std=0.1)
    with model.speech_positions(speech):
        assert not torch.allclose(model.llm(model.llm.embed(ids)), after, atol=1e-3)


def test_weights_too_large_for_the_gpu_are_refused_before_they_are_read(monkeypatch):
    model = tiny_model(seed=3)
    monkeypatch.setattr(filling, "choose_dtype", lambda *_, **__: torch.bfloat16)
    monkeypatch.setattr(filling, "free_bytes", lambda device: 2 * 2**30)
    monkeypatch.setattr("models.precision.free_bytes", lambda device: 2 * 2**30)

    class Unread(PublishedWeights):
        def __init__(self):
            """There are no files."""

        def read(self, name, shape):
            raise AssertionError("weights were read")

    talks = filling.ReservedTalks(model.llm, together=10_000, positions=4096)
    with pytest.raises(CheckpointError, match=r"10000 talks at once of up to 4096 positions"):
        filling.fill(model, Unread(), dtype="auto", device=CUDA, quantize="none", talks=talks)
    assert weight_only.GROUP == 128
