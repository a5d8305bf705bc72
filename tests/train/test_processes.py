"""Two CPU processes: they train one model alike or sharded, share the data, and resume."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from models.blsp_emo import BlspEmo
from tests.train.small import small_settings, small_task
from tests.train.tiny import tiny_model
from train.alignment import EMOTION
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


SHARDED = """
import os
import yaml
recipe = yaml.safe_load(open("train/recipes/accelerate/fsdp.yaml"))["fsdp_config"]
os.environ.update(
    ACCELERATE_USE_FSDP="true",
    FSDP_VERSION=str(recipe["fsdp_version"]),
    FSDP_AUTO_WRAP_POLICY=recipe["fsdp_auto_wrap_policy"],
    FSDP_TRANSFORMER_CLS_TO_WRAP=LAYERS or recipe["fsdp_transformer_layer_cls_to_wrap"],
    FSDP_STATE_DICT_TYPE=recipe["fsdp_state_dict_type"],
    FSDP_RESHARD_AFTER_FORWARD=str(recipe["fsdp_reshard_after_forward"]).lower(),
)
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin, TorchDynamoPlugin
# accelerate shards on accelerators only, torch on the CPU, too
state = AcceleratorState(cpu=True, dynamo_plugin=TorchDynamoPlugin(), _from_accelerator=True)
PartialState._shared_state["distributed_type"] = DistributedType.FSDP
state.distributed_type = DistributedType.FSDP
state.fsdp_plugin = FullyShardedDataParallelPlugin()
"""
"""What `accelerate launch` with the FSDP recipe does, on the CPU; `LAYERS` are wrapped instead."""

ALIGNMENT = """
import sys
import torch
torch.set_num_threads(1)
from pathlib import Path
from functools import partial
from tests.train.small import small_settings
from tests.train.test_alignment import examples_of, task_for
from tests.train.tiny import tiny_model
from models.checkpoint import save
from train.alignment import EMOTION
from train.loop import fit
from dataclasses import replace
folder = Path(sys.argv[1])
model = tiny_model(folder / os.environ["RANK"])
task = task_for(EMOTION, model, examples_of(folder / os.environ["RANK"], model))
task = replace(task, export=save, valid=task.train)
fit(task, small_settings(max_steps=4, accumulate=1, evaluate_every=2), folder / "run")
assert {type(p).__name__ for p in model.parameters()} == {"DTensor"}
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


@pytest.mark.slow
def test_sharded_training_equals_unsharded_and_resumes(tmp_path: Path) -> None:
    plain, sharded = tmp_path / "plain.py", tmp_path / "sharded.py"
    plain.write_text(PROGRAM)
    sharded.write_text('LAYERS = "Linear"\n' + SHARDED + PROGRAM)
    launch(plain, str(tmp_path / "plain"), "-1")
    launch(sharded, str(tmp_path / "whole"), "-1")
    launch(sharded, str(tmp_path / "cut"), "9")
    launch(sharded, str(tmp_path / "cut"), "-1")
    runs = [read_history(tmp_path / run / "history.jsonl") for run in ("plain", "whole", "cut")]
    assert runs[1] == runs[2]
    for one, other in zip(runs[0], runs[1], strict=True):
        assert one.keys() == other.keys()
        for name, value in one.items():
            known = pytest.approx(value, rel=1e-4) if isinstance(value, float) else value
            assert other[name] == known


@pytest.mark.slow
def test_the_model_aligns_sharded_as_its_recipe_says(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text('LAYERS = ""\n' + SHARDED + ALIGNMENT)
    launch(program, str(tmp_path))
    history = read_history(tmp_path / "run" / "history.jsonl")
    assert [line["step"] for line in history if line["kind"] == "valid"] == [2, 4]
    model = BlspEmo.from_pretrained(tmp_path / "run" / "last", dtype="float32", device="cpu")
    trained = dict(model.named_parameters())
    start = dict(tiny_model(tmp_path / "start").named_parameters())
    moved = {name for name, value in trained.items() if not torch.equal(value, start[name])}
    assert any("emotion_head" in name for name in moved)
    assert all(any(f".{part}." in f".{name}." for part in EMOTION.trains) for name in moved)
