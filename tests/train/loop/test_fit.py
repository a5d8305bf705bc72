"""The loop: it learns, resumes exactly, stops well, and refuses to train on rubbish."""

import os
import signal
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.train.small import small_batches, small_model, small_settings, small_step, small_task
from train.loop.fit import fit
from train.loop.optimiser import learning_rate
from train.loop.report import read_history
from train.loop.run_folder import latest_state

torch.set_num_threads(1)


def export(model: nn.Module, folder: Path) -> None:
    torch.save(model.state_dict(), folder / "model.pt")


def test_it_learns_and_keeps_the_best(tmp_path: Path) -> None:
    settings = small_settings(epochs=40, learning_rate=0.03)
    outcome = fit(small_task(export=export), settings, tmp_path)
    history = read_history(tmp_path / "history.jsonl")
    valid = [line["loss"] for line in history if line["kind"] == "valid"]
    assert outcome.ending == "finished"
    assert valid[-1] < 0.3 * valid[0]
    assert outcome.position.best == min(valid)
    assert (tmp_path / "losses.png").stat().st_size > 0
    assert {"model.pt"} == {path.name for path in outcome.best.iterdir()}
    assert (tmp_path / "last" / "model.pt").exists()
    assert any((tmp_path / "tensorboard").iterdir())


def test_a_resumed_run_has_the_losses_of_an_uninterrupted_one(tmp_path: Path) -> None:
    whole, cut = small_task(), small_task(step=_stopping_step(at=17))
    fit(whole, small_settings(), tmp_path / "whole")
    assert fit(cut, small_settings(), tmp_path / "cut").ending == "stopped"
    resumed = small_task()
    assert fit(resumed, small_settings(), tmp_path / "cut").ending == "finished"
    histories = [read_history(tmp_path / name / "history.jsonl") for name in ("whole", "cut")]
    assert histories[0] == histories[1]
    for one, other in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_killed_run_goes_on_from_its_last_state(tmp_path: Path) -> None:
    fit(small_task(), small_settings(), tmp_path / "whole")
    settings = small_settings(save_every="0.000001s")
    killed = small_task(step=_failing_step(at=13))
    with pytest.raises(RuntimeError, match="power cut"):
        fit(killed, settings, tmp_path / "cut")
    state = latest_state(tmp_path / "cut")
    assert state is not None
    torn = state.with_name(state.name + ".part")
    torn.mkdir()
    (torn / "training.pt").write_bytes(b"half")
    fit(small_task(), settings, tmp_path / "cut")
    histories = [read_history(tmp_path / name / "history.jsonl") for name in ("whole", "cut")]
    assert histories[0] == histories[1]


def test_a_complete_run_is_not_trained_again(tmp_path: Path) -> None:
    fit(small_task(), small_settings(), tmp_path)
    before = read_history(tmp_path / "history.jsonl")
    assert fit(small_task(), small_settings(), tmp_path).ending == "finished"
    assert read_history(tmp_path / "history.jsonl") == before


def test_another_run_is_not_resumed(tmp_path: Path) -> None:
    fit(small_task(), small_settings(), tmp_path)
    with pytest.raises(ValueError, match="other values of loop"):
        fit(small_task(), small_settings(learning_rate=0.5), tmp_path)


def test_accumulated_batches_equal_one_large_batch(tmp_path: Path) -> None:
    models: list[nn.Module] = []
    for batch_size, accumulate in ((4, 4), (16, 1)):
        batches = small_batches()
        batches.batch_size, batches.shuffle = batch_size, False
        model = small_model()
        model[2] = nn.Identity()  # type: ignore[index,operator]
        batches.load_item = _without_noise(batches.load_item)
        task = small_task(model=model, train=batches, valid=None)
        settings = small_settings(epochs=1, accumulate=accumulate)
        fit(task, settings, tmp_path / str(batch_size))
        models.append(model)
    for one, other in zip(models[0].parameters(), models[1].parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_a_batch_with_nan_is_left_out_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    task = small_task(train=small_batches(nan=5), valid=None)
    outcome = fit(task, small_settings(), tmp_path)
    assert outcome.position.bad_batches == 4
    assert "clip-5" in caplog.text
    assert all(torch.isfinite(p).all() for p in task.model.parameters())


def test_too_many_bad_batches_stop_the_run(tmp_path: Path) -> None:
    task = small_task(train=small_batches(nan=5))
    with pytest.raises(ValueError, match=r"3 bad batches.*clip-5"):
        fit(task, small_settings(max_bad_batches=2), tmp_path)


def test_unreadable_items_are_counted_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outcome = fit(small_task(train=small_batches(broken=7)), small_settings(), tmp_path)
    assert outcome.position.unreadable == 4
    assert "clip-7: the file is not audio" in caplog.text
    with pytest.raises(ValueError, match="2 items could not be read"):
        task = small_task(train=small_batches(broken=7))
        fit(task, small_settings(max_unreadable=1), tmp_path / "strict")


def test_what_validation_cannot_use_is_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    valid = small_batches(seed=9, broken=7, nan=5)
    outcome = fit(small_task(valid=valid), small_settings(), tmp_path)
    assert caplog.text.count("validation leaves out clip-7: the file is not audio") == 1
    assert caplog.text.count("the validation loss is not finite for") == 1
    assert "clip-5" in caplog.text
    assert outcome.position.best is None


def test_weights_that_are_not_finite_never_replace_a_state(tmp_path: Path) -> None:
    def step(model: nn.Module, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        terms = small_step(model, batch)
        steps.append(0)
        if len(steps) == 12:
            for parameter in model.parameters():
                parameter.data.fill_(float("inf"))
        return terms

    steps: list[int] = []
    settings = small_settings(save_every="0.000001s", max_bad_batches=1000)
    with pytest.raises(ValueError, match="weights are no longer finite"):
        fit(small_task(step=step, export=export), settings, tmp_path)
    state = latest_state(tmp_path)
    assert state is not None
    saved = torch.load(state / "training.pt", weights_only=True)["weights"]
    assert all(torch.isfinite(value).all() for value in saved.values())
    assert not (tmp_path / "last").exists()


def test_a_warm_up_that_outlasts_the_run_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fit(small_task(), small_settings(), tmp_path / "short")
    assert "warm-up" not in caplog.text
    fit(small_task(), small_settings(warmup_steps=100), tmp_path / "long")
    assert "warm-up of 100 steps takes most of the 24 steps" in caplog.text


def test_the_budget_ends_the_run_well(tmp_path: Path) -> None:
    settings = small_settings(budget="0.001s", max_steps=100_000)
    outcome = fit(small_task(export=export), settings, tmp_path)
    assert outcome.ending == "budget"
    assert (tmp_path / "best" / "model.pt").exists()


def test_frozen_parts_stay_and_nothing_to_train_is_refused(tmp_path: Path) -> None:
    model = small_model()
    for parameter in model[0].parameters():  # type: ignore[index]
        parameter.requires_grad_(False)
    before = model[0].weight.clone()  # type: ignore[index]
    fit(small_task(model=model), small_settings(), tmp_path / "part")
    assert torch.equal(model[0].weight, before)  # type: ignore[index]
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    with pytest.raises(ValueError, match="nothing would train"):
        fit(small_task(model=model), small_settings(), tmp_path / "none")


def test_dropout_acts_where_something_trains_only(tmp_path: Path) -> None:
    model = nn.Sequential(small_model(), small_model())
    for parameter in model[0].parameters():
        parameter.requires_grad_(False)
    seen: list[list[bool]] = []

    def step(whole: nn.Module, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        seen.append([part[2].training for part in whole])  # type: ignore[index,union-attr]
        return small_step(whole[1], batch)  # type: ignore[index]

    fit(small_task(model=model, step=step, valid=None), small_settings(), tmp_path)
    assert seen == [[False, True]] * len(seen)


@pytest.mark.parametrize("decay", ["cosine", "linear", "constant", "late"])
def test_the_learning_rate_warms_up_and_ends_low(decay: str) -> None:
    settings = small_settings(decay=decay, warmup_steps=10, learning_rate=1.0)
    rates = [learning_rate(settings, step=n, done=n / 100) for n in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) <= 1.0
    assert rates[-1] == pytest.approx(1.0 if decay == "constant" else 0.0)


def test_bf16_trains_weights_that_stay_fp32(tmp_path: Path) -> None:
    task = small_task()
    fit(task, small_settings(precision="bf16"), tmp_path)
    assert all(p.dtype == torch.float32 for p in task.model.parameters())


def _stopping_step(*, at: int):
    calls = iter(range(10_000))

    def step(model: nn.Module, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        if model.training and next(calls) == at:
            os.kill(os.getpid(), signal.SIGTERM)
        return small_step(model, batch)

    return step


def _failing_step(*, at: int):
    calls = iter(range(10_000))

    def step(model: nn.Module, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        if model.training and next(calls) == at:
            raise RuntimeError("power cut")
        return small_step(model, batch)

    return step


def _without_noise(load):
    class Silent:
        def normal(self, size: int) -> int:
            return 0

    return lambda index, generator: load(index, Silent())
