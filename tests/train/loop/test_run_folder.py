"""The run folder survives kills and full disks; batches are a function of epoch and number."""

import errno
import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.train.small import small_batches, small_settings, small_task
from train.__main__ import main
from train.alignment.stages import only_training
from train.loop.batches import BucketedBatches, read_batches
from train.loop.fit import fit
from train.loop.run_folder import (
    latest_state,
    open_run,
    prune_states,
    replacing,
    restore_replaced,
    state_folder,
    write_json,
)
from train.loop.settings import LoopSettings
from train.settings import duration_s


def test_a_folder_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "best"
    for text in ("one", "two"):
        with replacing(target) as part:
            (part / "model").write_text(text)
    assert (target / "model").read_text() == "two"
    with pytest.raises(OSError, match=r"the disk is full: .*free some space"), replacing(target):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert (target / "model").read_text() == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["best"]


def test_a_kill_between_the_renames_loses_nothing(tmp_path: Path) -> None:
    old = tmp_path / "best.old"
    old.mkdir()
    (old / "model").write_text("kept")
    restore_replaced(tmp_path / "best")
    assert (tmp_path / "best" / "model").read_text() == "kept"


def test_a_full_disk_stops_the_run_and_keeps_the_last_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, calls = torch.save, iter(range(1000))

    def full(content: object, path: Path) -> None:
        if next(calls) >= 6:
            path.write_bytes(b"half")
            raise RuntimeError("[enforce fail] PytorchStreamWriter failed writing file data/0")
        save(content, path)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="the disk is full"):
        fit(small_task(), small_settings(save_every="0.000001s"), tmp_path / "cut")
    kept = latest_state(tmp_path / "cut")
    assert kept is not None
    assert kept.name == "state-00000003"
    assert not (tmp_path / "cut" / "state.part").exists()
    monkeypatch.setattr(torch, "save", save)
    fit(small_task(), small_settings(save_every="0.000001s"), tmp_path / "cut")
    fit(small_task(), small_settings(), tmp_path / "whole")
    texts = [(tmp_path / run / "history.jsonl").read_text() for run in ("cut", "whole")]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_said_in_one_line_wherever_it_shows(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(settings: object) -> None:
        raise error

    monkeypatch.setattr("train.corpora.prepare.prepare", full)
    assert main(["prepare", "ravdess", "/nowhere"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("train: the disk is full")
    assert said.count("\n") == 1


def test_states_are_found_and_pruned(tmp_path: Path) -> None:
    for step in (9, 10, 200):
        state_folder(tmp_path, step).mkdir()
    (tmp_path / "state-00000300.part").mkdir()
    (tmp_path / "state.part").mkdir()
    assert latest_state(tmp_path) == state_folder(tmp_path, 200)
    prune_states(tmp_path, keep=1)
    assert latest_state(tmp_path) == state_folder(tmp_path, 200)
    assert not state_folder(tmp_path, 10).exists()


def test_every_part_of_a_run_is_recorded(tmp_path: Path) -> None:
    for budget in ("1min", "2min"):
        open_run(tmp_path, identity={"data": {"a": "1"}}, notes={"budget": budget})
    record = json.loads((tmp_path / "run.json").read_text())
    assert [part["budget"] for part in record["parts"]] == ["1min", "2min"]
    assert record["parts"][0]["code"]
    with pytest.raises(ValueError, match="other values of data"):
        open_run(tmp_path, identity={"data": {"a": "2"}}, notes={})


def test_json_is_written_as_a_whole(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"é": 1})
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"a": object()})
    assert json.loads((tmp_path / "a.json").read_text()) == {"é": 1}


@given(
    st.lists(st.integers(1, 300), min_size=1, max_size=120),
    st.integers(1, 9),
    st.sampled_from([0, 200, 1000]),
    st.integers(0, 3),
)
@settings(deadline=None)
def test_an_epoch_holds_every_item_once(
    lengths: list[int], size: int, total: int, epoch: int
) -> None:
    batches = BucketedBatches(
        lengths=lengths,
        load_item=lambda index, generator: index,
        collate=list,
        batch_size=size,
        max_total=total,
    )
    plan = batches.plan(epoch)
    assert sorted(index for batch in plan for index in batch) == list(range(len(lengths)))
    for batch in plan:
        assert len(batch) <= size
        longest = max(lengths[index] for index in batch)
        assert not total or len(batch) == 1 or len(batch) * longest <= total
    again = BucketedBatches(lengths, lambda i, g: i, list, size, total)
    assert again.plan(epoch) == plan


def test_workers_load_the_same_batches() -> None:
    batches = small_batches()
    alone = list(read_batches(batches, epoch=1, numbers=range(2, 6)))
    beside = list(read_batches(batches, epoch=1, numbers=range(2, 6), workers=2))
    for one, other in zip(alone, beside, strict=True):
        assert one.names == other.names
        assert torch.equal(one.value["x"], other.value["x"])


def test_weights_decide_what_is_drawn() -> None:
    batches = BucketedBatches(
        [1] * 300, lambda i, g: i, list, 10, weights=[1.0] * 100 + [0.0] * 200
    )
    drawn = [index for batch in batches.plan(0) for index in batch]
    assert len(drawn) == 300
    assert max(drawn) < 100
    with pytest.raises(ValueError, match="2 weights for 3 items"):
        BucketedBatches([1, 1, 1], lambda i, g: i, list, 1, weights=[1.0, 1.0])
    with pytest.raises(ValueError, match="no items to train on"):
        BucketedBatches([], lambda i, g: i, list, 1)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("1.5h", 5400), ("60 min", 3600)])
def test_durations(text: str, seconds: float) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "-1s", "0s", "1 week"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        duration_s(text)


def test_settings_refuse_what_cannot_be() -> None:
    for wrong in ({"epochs": 0}, {"budget": "soon"}, {"speed": 1}, {"learning_rate": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            LoopSettings.model_validate(wrong)


def test_a_part_that_does_not_exist_cannot_train() -> None:
    model = torch.nn.ModuleDict({"adapter": torch.nn.Linear(2, 2), "llm": torch.nn.Linear(2, 2)})
    assert only_training(model, ("adapter",)) == 6
    assert [n for n, p in model.named_parameters() if p.requires_grad] == [
        "adapter.weight",
        "adapter.bias",
    ]
    assert only_training(model, ("",)) == 12
    with pytest.raises(ValueError, match=r"no parameters in \['adapt'\]; its parts are"):
        only_training(model, ("adapt",))
