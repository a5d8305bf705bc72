"""The script for a card runs on a CPU, and says so where there is no card."""

import subprocess
import sys

import pytest
import torch

from benchmarks.gpu import __main__ as gpu
from benchmarks.gpu.measure import MeasurePlan, busy_first_token_ms
from benchmarks.gpu.random_model import TINY, random_model
from models import precision
from models.decoding.begin import begin_sharing

CPU = torch.device("cpu")


def test_the_tiny_run_goes_all_the_way(capsys, monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setattr(sys, "argv", ["gpu", "--tiny"])
    gpu.main()
    printed = capsys.readouterr().out
    assert "| reference: generate, 2 padded |" in printed
    assert "| each its own, growing cache |" in printed
    assert printed.count("| shared, plain |") >= 2
    assert "Encoding 4 s" in printed
    assert "Left out" not in printed


def test_what_a_card_has_no_time_for_is_left_out_and_named(capsys, monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setattr(sys, "argv", ["gpu", "--tiny", "--minutes", "0"])
    gpu.main()
    printed = capsys.readouterr().out
    assert "| each its own, growing cache |" in printed
    assert "Left out for time: shared, plain." in printed
    assert "| shared, plain |" not in printed


def test_no_card_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gpu"])
    monkeypatch.setattr(precision, "has_nvidia_card", lambda: False)
    if torch.cuda.is_available():
        pytest.skip("there is a card")
    with pytest.raises(SystemExit, match=r"^nothing is measured: there is no usable CUDA GPU here"):
        gpu.main()
    assert not capsys.readouterr().out


def test_random_weights_of_the_published_shape_are_made_for_a_card_alone():
    model = random_model(TINY, CPU, torch.float32)
    assert all(p.isfinite().all() for p in model.parameters())
    again = random_model(TINY, CPU, torch.float32)
    for one, other in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_questions_beside_other_talks_share_their_steps():
    torch.set_num_threads(1)
    model = random_model(TINY, CPU, torch.float32)
    steps = begin_sharing(model.llm, positions=400, together=3)
    assert steps is not None
    waited, each = busy_first_token_ms(model, MeasurePlan.tiny(), steps, 3)
    assert len(waited) == 3 and each > 0
    assert steps.given > steps.taken > 0
    assert not steps.seated


@pytest.mark.slow
def test_the_command_says_what_sharing_gains():
    command = [sys.executable, "-m", "benchmarks.gpu.together", "--model", "tiny, random"]
    done = subprocess.run(
        [*command, "--before", "20", "--tokens", "4", "--runs", "1", "--threads", "1"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count("| tiny, random |") == 3
