"""What is said where there is no GPU, or one that cannot be used."""

import logging

import pytest
import torch

from models import precision
from models.precision import choose_device, choose_dtype
from models.weights import CheckpointError

CUDA, CPU = torch.device("cuda"), torch.device("cpu")
TOO_OLD = (
    "The NVIDIA driver on your system is too old (found version 11040). Please update your GPU "
    "driver by downloading and installing a new version from the URL: ..."
)


def broken(message: str):
    def init() -> None:
        raise RuntimeError(message)

    return init


@pytest.fixture
def card(monkeypatch):
    """A machine with a card and a torch for CUDA 12.8, which can use it."""
    monkeypatch.setattr(precision, "has_nvidia_card", lambda: True)
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a card")
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_75", "sm_90", "compute_90"])
    return monkeypatch


def test_a_card_that_works_is_taken(card):
    assert choose_device("auto") == CUDA == choose_device("cuda")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (TOO_OLD, r"made for CUDA 11\.4 and torch for CUDA 12\.8: update the driver"),
        ("CUDA unknown error - this may be due to\nmore.", r"\(CUDA unknown error.*nvidia-smi"),
    ],
)
def test_a_card_that_does_not_work_is_told_why(card, caplog, message, said):
    card.setattr(torch.cuda, "is_available", lambda: False)
    card.setattr(torch.cuda, "init", broken(message))
    with pytest.raises(CheckpointError, match=f"{said}.*--device cpu"):
        choose_device("cuda")
    with caplog.at_level(logging.WARNING):
        assert choose_device("auto") == CPU
    assert "the CPU answers, which is slower" in caplog.text


def test_a_torch_without_cuda_beside_a_card_is_told(card):
    card.setattr(torch.version, "cuda", None)
    with pytest.raises(CheckpointError, match=r"build without CUDA.*pytorch\.org"):
        choose_device("cuda")


def test_a_card_older_than_torch_is_told(card):
    card.setattr(torch.cuda, "get_device_capability", lambda: (6, 1))
    with pytest.raises(CheckpointError, match=r"a card has compute capability 6\.1.*7\.5"):
        choose_device("cuda")


def test_no_card_is_no_news(card, caplog):
    card.setattr(precision, "has_nvidia_card", lambda: False)
    card.setattr(torch.cuda, "is_available", lambda: False)
    card.setattr(torch.cuda, "init", broken("Found no NVIDIA driver on your system."))
    with caplog.at_level(logging.WARNING):
        assert choose_device("auto") == CPU
    assert not caplog.text
    with pytest.raises(CheckpointError, match="no usable CUDA GPU here: use --device cpu"):
        choose_device("cuda")


@pytest.mark.parametrize(("can", "expected"), [(True, torch.bfloat16), (False, torch.float16)])
def test_a_gpu_without_bfloat16_of_its_own_gets_float16(card, can, expected):
    card.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: can)
    assert choose_dtype("auto", CUDA, parameters=10**9) == expected
    if not can:
        with pytest.raises(CheckpointError, match="--dtype float16"):
            choose_dtype("bfloat16", CUDA, parameters=10**9)


def test_a_full_gpu_is_told_with_numbers(card):
    card.setattr(precision, "free_bytes", lambda device: 3 * 2**30)
    with pytest.raises(CheckpointError, match=r"8\.0 GiB and the GPU has 3\.0 GiB free.*int4"):
        precision.check_fits(torch.nn.Linear(1, 1), torch.bfloat16, CUDA, int(8 * 2**30 / 1.15) + 1)
