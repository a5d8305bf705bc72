"""Two CPU processes: they train one model alike, share the data, resume, and write side by side."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.train.small import small_settings, small_task
from train.loop import fit
from train.report import read_history

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import sys, os, signal
import torch
torch.set_num_threads(1)
from pathlib import Path
from tests.train.small import small_settings, small_step, small_task
from train.loop import fit
calls = iter(range(10_000))
stop_at = int(sys.argv[2])
def step(model, batch):
    if model.training and next(calls) == stop_at:
        os.kill(os.getpid(), signal.SIGTERM)
    return small_step(model, batch)
def export(model, folder):
    torch.save(model.state_dict(), folder / "model.pt")
task = small_task(step=step, export=export)
for part in task.model:
    part.p = 0.0
outcome = fit(task, small_settings(accumulate=1), Path(sys.argv[1]))
torch.save(task.model.state_dict(), f"{sys.argv[1]}/rank-{os.environ['RANK']}.pt")
print(outcome.ending)
"""


def launch(program: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2"]
    command += ["--master_port=0", "--rdzv_backend=c10d", "--rdzv_endpoint=127.0.0.1:0"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "ACCELERATE_USE_CPU": "1",
    }
    done = subprocess.run(
        [*command, str(program), *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
def test_two_processes_train_one_model_and_resume(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    launch(program, str(tmp_path / "whole"), "-1")
    states = [torch.load(tmp_path / "whole" / f"rank-{n}.pt") for n in (0, 1)]
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name])
    launch(program, str(tmp_path / "cut"), "9")
    launch(program, str(tmp_path / "cut"), "-1")
    histories = [read_history(tmp_path / run / "history.jsonl") for run in ("whole", "cut")]
    assert histories[0] == histories[1]
    run = json.loads((tmp_path / "cut" / "run.json").read_text())
    assert run["identity"]["processes"] == 2
    assert len(run["parts"]) == 2
    with pytest.raises(ValueError, match="processes"):
        fit(small_task(), small_settings(accumulate=1), tmp_path / "cut")


@pytest.mark.slow
def test_two_processes_equal_one_with_twice_the_batches(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    launch(program, str(tmp_path / "two"), "-1")
    task = small_task()
    for part in task.model:  # type: ignore[union-attr]
        part.p = 0.0  # type: ignore[union-attr]
    fit(task, small_settings(accumulate=2), tmp_path / "one")
    two = torch.load(tmp_path / "two" / "rank-0.pt")
    for name, value in task.model.state_dict().items():
        torch.testing.assert_close(value, two[name], atol=1e-5, rtol=1e-4)
