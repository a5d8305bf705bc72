import pytest
import torch

from models import precision
from models.weights import CheckpointError
from tests.models.small import tiny_model

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("can", "parameters", "expected"),
    [
        (True, 10**9, torch.bfloat16),
        (False, 10**9, torch.float32),
        (True, 10**6, torch.float32),
    ],
)
def test_the_cpu_gets_the_format_it_is_fast_in(monkeypatch, can, parameters, expected):
    monkeypatch.setattr(precision, "cpu_multiplies_bf16", lambda: can)
    assert precision.choose_dtype("auto", CPU, parameters=parameters) == expected


def test_a_named_format_is_taken(monkeypatch):
    monkeypatch.setattr(precision, "cpu_multiplies_bf16", lambda: False)
    assert precision.choose_dtype("bfloat16", CPU, parameters=1) == torch.bfloat16


def test_half_the_bytes_may_fit_where_the_whole_does_not(monkeypatch):
    model = tiny_model()
    size = sum(p.numel() for p in model.parameters()) * 4
    monkeypatch.setattr(precision, "free_bytes", lambda device: int(0.7 * size))
    precision.check_fits(model, torch.bfloat16, CPU)
    with pytest.raises(CheckpointError, match="smaller number format"):
        precision.check_fits(model, torch.float32, CPU)


def test_free_memory_is_known_here():
    free = precision.free_bytes(CPU)
    assert free is None or free > 0


def test_a_gpu_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert precision.choose_device("auto") == CPU
    with pytest.raises(CheckpointError, match="--device cpu"):
        precision.choose_device("cuda")
