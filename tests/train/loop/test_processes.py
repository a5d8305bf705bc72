"""Two CPU processes: they train, align and write continuations together, and resume."""

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
from train.alignment.stages import EMOTION
from train.data.manifest import Utterance, read_manifest, write_manifest
from train.loop.fit import fit
from train.loop.processes import check_joined, held
from train.loop.report import read_history

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.timeout(6000)
LAUNCH_S = 1500
"""Longest launch: half a minute on two idle cores, many times that beside other work."""

PROGRAM = """
import sys, os, signal
import torch
torch.set_num_threads(1)
from pathlib import Path
from tests.train.small import small_settings, small_step, small_task
from train.loop.fit import fit
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

SPREAD = """
import os, sys
os.environ.update(DS_ACCELERATOR="cpu", ACCELERATE_USE_DEEPSPEED="true")
import deepspeed
import yaml
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import DeepSpeedPlugin, DistributedType, TorchDynamoPlugin
recipe = yaml.safe_load(open("train/recipes/accelerate/deepspeed-zero1.yaml"))["deepspeed_config"]
# its own collectives would be compiled first
sys.modules["deepspeed.comm.torch"].build_shm_op = lambda: None
state = AcceleratorState(cpu=True, dynamo_plugin=TorchDynamoPlugin(), _from_accelerator=True)
PartialState._shared_state["distributed_type"] = DistributedType.DEEPSPEED
state.distributed_type = DistributedType.DEEPSPEED
plugin = DeepSpeedPlugin(
    zero_stage=int(os.environ.get("STAGE", recipe["zero_stage"])),
    gradient_clipping=recipe["gradient_clipping"],
)
state.deepspeed_plugins = {"default": plugin}
plugin.select(_from_accelerator_state=True)
"""
"""What `accelerate launch` with the DeepSpeed recipe does, on the CPU and in float32."""

UNREADABLE = """
import sys
import torch
torch.set_num_threads(1)
from pathlib import Path
from tests.train.small import small_batches, small_settings, small_task
from train.loop.batches import LoadedBatch
from train.loop.fit import fit
class Torn:
    def __init__(self, seed, lost):
        self.whole, self.lost = small_batches(seed=seed), lost
    def count(self, epoch):
        return self.whole.count(epoch)
    def load(self, epoch, number):
        if (epoch, number) in self.lost:
            return LoadedBatch(None, (), ("clip-0: the file is not audio",))
        return self.whole.load(epoch, number)
# the first and the last process have nothing, in training and in validation
task = small_task(train=Torn(3, {(0, 0), (0, 3)}), valid=Torn(9, {(0, 1)}))
outcome = fit(task, small_settings(max_steps=6, accumulate=1, evaluate_every=3), Path(sys.argv[1]))
at = outcome.position
Path(sys.argv[1], "at-" + os.environ["RANK"]).write_text(f"{at.step} {at.bad_batches}")
"""
"""Trains where all that a process was to read of a batch cannot be read."""

ALIGNMENT = """
import sys
import torch
torch.set_num_threads(1)
from pathlib import Path
from functools import partial
from tests.train.small import small_settings
from tests.train.alignment.test_step import examples_of, task_for
from tests.train.tiny import tiny_model
from train.alignment.command import export
from train.alignment.stages import EMOTION
from train.loop.fit import fit
from dataclasses import replace
folder = Path(sys.argv[1])
model = tiny_model(folder / os.environ["RANK"])
task = task_for(EMOTION, model, examples_of(folder / os.environ["RANK"], model))
task = replace(task, export=export, valid=task.train)
fit(task, small_settings(max_steps=4, accumulate=1, evaluate_every=2), folder / "run")
assert {type(p).__name__ for p in model.parameters()} == {"DTensor"}
"""


CONTINUING = """
import os, signal, sys
from pathlib import Path
from train.continuations.command import write_continuations
from train.continuations.settings import ContinueSettings
from train.continuations.writers import WrittenContinuation
left = int(sys.argv[2])
class Writer:
    def write(self, utterances):
        global left
        if left == 0 and os.environ["RANK"] == "1":
            with open(sys.argv[1] + "/said.continued.jsonl.part-1-of-2", "a") as part:
                part.write('{"id": "u9", "audio": "torn')
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        with open(sys.argv[1] + "/asked-" + os.environ["RANK"], "a") as asked:
            asked.writelines(u.id + "\\n" for u in utterances)
        return [WrittenContinuation("Good luck with " + u.id, True) for u in utterances]
settings = ContinueSettings(manifest=Path(sys.argv[1]) / "said.jsonl", batch_size=2)
write_continuations(settings, Writer())
"""
"""Writes continuations; the second process is killed at its n-th batch, in the middle of a line."""


def launch(program: Path, *arguments: str, expected: int = 0) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2"]
    command += ["--master_port=0", "--rdzv_backend=c10d", "--rdzv_endpoint=127.0.0.1:0"]
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
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
        timeout=LAUNCH_S,
    )
    assert done.returncode == expected, done.stderr[-3000:]


def test_processes_that_do_not_join_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORLD_SIZE", "MASTER_PORT", "ACCELERATE_USE_CPU"):
        monkeypatch.delenv(name, raising=False)
    check_joined(1)
    monkeypatch.setenv("ACCELERATE_USE_CPU", "True")
    check_joined(1)
    monkeypatch.setenv("MASTER_PORT", "29500")
    with pytest.raises(ValueError, match=r"one process instead of several: .*two-cpus\.yaml"):
        check_joined(1)
    monkeypatch.setenv("WORLD_SIZE", "2")
    check_joined(2)
    with pytest.raises(ValueError, match="2 processes were started and 1 work together"):
        check_joined(1)


def test_what_another_run_writes_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.loop.processes.PATIENCE_S", 0.0)
    with held(tmp_path / "lock"), pytest.raises(ValueError, match="another run is writing"):
        fit(small_task(), small_settings(), tmp_path)
    assert not (tmp_path / "run.json").exists()
    fit(small_task(), small_settings(max_steps=1), tmp_path)


@pytest.mark.slow
def test_continuations_of_two_processes_survive_a_kill(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(CONTINUING)
    said = [
        Utterance(id=f"u{n}", audio=f"{n}.wav", text=f"the words of number {n}", duration_s=1.0)
        for n in range(21)
    ]
    write_manifest(tmp_path / "said.jsonl", said)
    launch(program, str(tmp_path), "3", expected=1)
    assert not (tmp_path / "said.continued.jsonl").exists()
    launch(program, str(tmp_path), "-1")
    found = read_manifest(tmp_path / "said.continued.jsonl", check_audio=False).utterances
    assert [u.id for u in found] == [u.id for u in said]
    asked = [(tmp_path / f"asked-{n}").read_text().split() for n in (0, 1)]
    assert set(asked[0]).isdisjoint(asked[1]), "each process writes its own share"
    assert len(asked[1]) == len(set(asked[1])) == 10
    parts = sorted(tmp_path.glob("*.part-*-of-2"))
    lines = [json.loads(line)["id"] for part in parts for line in part.read_text().splitlines()]
    assert sorted(lines) == sorted(u.id for u in said)


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
@pytest.mark.parametrize("kind", ["fsdp", "deepspeed"])
def test_sharded_training_equals_unsharded_and_resumes(kind: str, tmp_path: Path) -> None:
    if kind == "deepspeed":
        pytest.importorskip("deepspeed", reason="deepspeed is not installed")
    plain, sharded = tmp_path / "plain.py", tmp_path / "sharded.py"
    plain.write_text(PROGRAM)
    before = SPREAD if kind == "deepspeed" else 'LAYERS = "Linear"\n' + SHARDED
    sharded.write_text(before + PROGRAM)
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
def test_nobody_waits_for_a_process_that_can_read_nothing(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text('LAYERS = "Linear"\n' + SHARDED + UNREADABLE)
    launch(program, str(tmp_path / "run"))
    assert [(tmp_path / "run" / f"at-{n}").read_text() for n in (0, 1)] == ["6 2", "6 2"]
    valid = [x for x in read_history(tmp_path / "run" / "history.jsonl") if x["kind"] == "valid"]
    assert [line["step"] for line in valid] == [3, 6]
    assert all(line["square"] > 0 for line in valid)


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
