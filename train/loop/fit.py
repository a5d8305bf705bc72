"""The one training loop: accumulate, clip, log, validate, save, resume exactly, stop well."""

import logging
import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from train.loop.batches import LoadedBatch, read_batches
from train.loop.optimiser import learning_rate, make_optimiser
from train.loop.processes import check_joined, held, on_cpu
from train.loop.report import TrainingReport
from train.loop.run_folder import open_run, replacing, restore_replaced
from train.loop.settings import LoopSettings
from train.loop.states import Gathered, StateKeeper
from train.loop.stepper import Stepper, training_mode
from train.loop.stop_on_signal import StopOnSignal
from train.loop.task import Ending, Position, Task, TrainingOutcome
from train.loop.together import TrainingProcesses
from train.loop.validation import Validation, some, total_loss

logger = logging.getLogger(__name__)

FREE_SETTINGS = {"log_every", "save_every", "keep_states", "workers", "max_bad_batches", "budget"}
"""Settings that may differ between the parts of a resumed run."""


def fit(task: Task, settings: LoopSettings, folder: Path) -> TrainingOutcome:
    """Trains until the steps, the epochs or the budget end, or a signal asks to stop.

    A run folder that holds a saved state is resumed: the losses are those of an uninterrupted run.

    Args:
        task: What is trained.
        settings: How.
        folder: The run folder: `run.json`, `history.jsonl`, `losses.png`, `tensorboard/`,
            `state-*/` (to resume), `best/` and `last/` (exports).

    Raises:
        ValueError: The folder belongs to another run, too many batches were bad, or nothing trains.
        OSError: The disk is full; the last saved state is intact.
    """
    return _Loop(task, settings, folder).run()


class _Loop:
    def __init__(self, task: Task, settings: LoopSettings, folder: Path) -> None:
        from accelerate import Accelerator
        from accelerate.utils import DistributedDataParallelKwargs

        self.task, self.settings, self.folder = task, settings, folder
        self.accelerator = Accelerator(
            cpu=on_cpu(settings.device),
            gradient_accumulation_steps=settings.accumulate,
            kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
        )
        self.together = TrainingProcesses(self.accelerator)
        self.rank, self.world = self.together.rank, self.together.world
        check_joined(self.world)
        if self.accelerator.state.deepspeed_plugin is not None:
            if self.accelerator.state.deepspeed_plugin.zero_stage > 2:
                raise ValueError(
                    "DeepSpeed's third stage spreads the weights, which cannot be exported here: "
                    "take zero_stage 1 or 2, or train/recipes/accelerate/fsdp.yaml"
                )
            # Batches come from our own reader: DeepSpeed counts them and asks no loader.
            config = self.accelerator.state.deepspeed_plugin.deepspeed_config
            config["train_micro_batch_size_per_gpu"] = 1
            config["gradient_clipping"] = settings.clip_norm
        autocast = settings.precision == "bf16" and self.accelerator.mixed_precision == "no"
        self.stepper, self.optimizer = self.accelerator.prepare(
            Stepper(task, autocast=autocast), make_optimiser(task, settings)
        )
        self.states = StateKeeper(
            self.accelerator, task.model, self.optimizer, folder, settings.keep_states
        )
        self.at = Position()
        self.limit = self._step_limit()
        self.poisoned = ""
        self.stop = StopOnSignal()
        self.validation = Validation(task, self.together, is_sharded=self.states.sharded)

    def run(self) -> TrainingOutcome:
        """Runs to the end of the limits or to a signal; returns how it ended."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = held(self.folder / "lock") if self.accelerator.is_main_process else nullcontext()
        with lock:
            return self._run()

    def _run(self) -> TrainingOutcome:
        task, settings = self.task, self.settings
        self._open()
        # Dropout differs between processes, as it would between the rows of one larger batch.
        torch.manual_seed(settings.seed + 1000 * self.rank)
        self.states.check_resumable()
        self.at = self.states.restore() or self.at
        if self._share_done() >= 1.0:
            logger.info("%s: %s is complete already", task.name, self.folder)
            return TrainingOutcome("finished", self.at, self.folder)
        if 2 * settings.warmup_steps > self.limit and self.at.step == 0:
            logger.warning(
                "the warm-up of %d steps takes most of the %d steps of this run: set warmup_steps "
                "to a tenth of them, or the learning rate stays far below its peak",
                settings.warmup_steps,
                self.limit,
            )
        first = self.accelerator.is_main_process
        report = TrainingReport(self.folder, title=task.name, active=first, from_step=self.at.step)
        with report, self.stop:
            ending = self._train(report)
            # Before validation and states: neither may take the place of what was good.
            self._check_weights()
            # Who stops a run waits for it: its state is saved at once, and nothing else is done.
            if ending != "stopped":
                self._validate(report)
                self._export("last")
            self.states.save(self.at)
        logger.info("%s: %s after %d steps", task.name, ending, self.at.step)
        return TrainingOutcome(ending, self.at, self.folder)

    def _open(self) -> None:
        if self.accelerator.is_main_process:
            # A run that was killed between the two renames has its export under another name.
            for name in ("best", "last"):
                restore_replaced(self.folder / name)
            task, kept = self.task, self.settings.model_dump(exclude=FREE_SETTINGS)
            # With the number of processes: a position counts the batches of each of so many.
            identity = {"task": task.name, "processes": self.world, "loop": kept, **task.identity}
            trained = sum(p.numel() for p in task.model.parameters() if p.requires_grad)
            notes = {"budget": self.settings.budget, "trained_parameters": trained}
            open_run(self.folder, identity=identity, notes=notes)
        self.accelerator.wait_for_everyone()

    def _train(self, report: TrainingReport) -> Ending:
        training_mode(self.stepper)
        started = saved = time.perf_counter()
        before_s = self.at.elapsed_s
        for batch in self._batches():
            done = self._share_done()
            self._learn(batch, done)
            # States are saved between optimiser steps only: gradients in the making are no part
            # of them.
            if not self.accelerator.sync_gradients:
                continue
            self.at.elapsed_s = before_s + time.perf_counter() - started
            since_s = time.perf_counter() - saved
            # Clocks and signals differ between processes: one that left the loop alone would let
            # the others wait for its gradients for ever.
            self.at.elapsed_s, since_s, stop = self.together.agree(
                self.at.elapsed_s, since_s, float(self.stop.is_asked)
            )
            self._log(report, done)
            if stop:
                return "stopped"
            if self._share_done() >= 1.0:
                return "finished" if self.limit and self.at.step >= self.limit else "budget"
            if self.at.step % self.settings.evaluate_every == 0:
                self._validate(report)
            if since_s >= self.settings.save_every_s:
                self._check_weights()
                self.states.save(self.at)
                saved = time.perf_counter()
        return "finished"

    def _batches(self) -> Iterator[LoadedBatch]:
        """Yields this process's batches from the present position, and moves the position on."""
        while self.at.epoch < self.settings.epochs or self.settings.max_steps:
            # As many for each process: the batches that are left over rest until the next epoch,
            # whose order is another.
            each = self.task.train.count(self.at.epoch) // self.world
            if each == 0:
                raise ValueError(
                    f"{self.world} processes share {self.task.train.count(self.at.epoch)} batches: "
                    "use fewer processes or smaller batches"
                )
            numbers = range(self.at.number * self.world + self.rank, each * self.world, self.world)
            for batch in read_batches(
                self.task.train,
                epoch=self.at.epoch,
                numbers=numbers,
                workers=self.settings.workers,
            ):
                # Before it is yielded: a state that is saved once the batch was learnt from must
                # not begin with it again.
                self.at.number += 1
                if self.at.number == each:
                    self.at.epoch, self.at.number = self.at.epoch + 1, 0
                yield batch

    def _learn(self, loaded: LoadedBatch, done: float) -> None:
        """One batch: forward, backward and, when its turn has come, an optimiser step."""
        for line in loaded.unreadable:
            logger.warning("left out %s", line)
        self.at.unreadable += len(loaded.unreadable)
        if self.at.unreadable > self.settings.max_unreadable:
            raise ValueError(
                f"{self.at.unreadable} items could not be read, the last: "
                f"{(loaded.unreadable or ('unknown',))[-1]}; mend the manifest or raise "
                "max_unreadable"
            )
        rate = learning_rate(self.settings, step=self.at.step, done=done)
        for group in self.optimizer.param_groups:  # before backward: there DeepSpeed steps
            group["lr"] = rate * group["rate"]
        with self.accelerator.accumulate(self.stepper):
            self._backward(loaded)
            if self.accelerator.sync_gradients:
                self._update()

    def _backward(self, loaded: LoadedBatch) -> None:
        missing = "no item of a batch could be read" if loaded.value is None else ""
        # Agreed on before the forward pass: the layers of a sharded model are gathered in it, and
        # a process that had nothing to give would let the others wait there for ever.
        if self._agree_poison(missing):
            return
        batch = self.together.to_device(loaded.value)
        with self._scope(batch):
            terms: dict[str, Tensor] = self.stepper(batch)
            loss = total_loss(terms, self.task.weights)
            value = float(loss.detach())
            bad = "" if math.isfinite(value) else f"the loss is {value} for {some(loaded.names)}"
            # Agreed on before the backward pass, in which processes wait for each other.
            if not self._agree_poison(bad):
                self.accelerator.backward(loss)
                for name, term in {"loss": loss, **terms}.items():
                    self.at.sums[name] = self.at.sums.get(name, 0.0) + float(term.detach())
                self.at.summed += 1

    def _scope(self, batch: Any) -> AbstractContextManager[Any]:
        return self.task.scope(self.task.model, batch) if self.task.scope else nullcontext()

    def _agree_poison(self, reason: str) -> bool:
        """Whether this batch is bad on any process: then its whole optimiser step is left out."""
        if not self.together.agree(float(bool(reason)))[0]:
            return False
        self.at.bad_batches += 1
        self.poisoned = reason or "a batch of another process"
        logger.warning("bad batch %d: %s", self.at.bad_batches, self.poisoned)
        if self.at.bad_batches > self.settings.max_bad_batches:
            raise ValueError(
                f"training stopped after {self.at.bad_batches} bad batches, the last: "
                f"{self.poisoned}; look at those items, or lower the learning rate"
            )
        return True

    def _update(self) -> None:
        if not self.poisoned:
            trained = [p for p in self.stepper.parameters() if p.requires_grad]
            norm = self.accelerator.clip_grad_norm_(trained, self.settings.clip_norm)
            if norm is not None:  # DeepSpeed clips inside its own step
                finite = math.isfinite(float(norm))
                self._agree_poison("" if finite else f"the gradient norm is {float(norm)}")
        if not self.poisoned:
            self.optimizer.step()
        # Also of a step that is left out: its gradients would join those of the next.
        self.optimizer.zero_grad()
        self.poisoned = ""
        self.at.step += 1

    def _check_weights(self) -> None:
        """Stops before weights that are not finite take the place of a good state.

        Raises:
            ValueError: A trained weight is not finite.
        """
        trained = (p.detach() for p in self.task.model.parameters() if p.requires_grad)
        own: Iterator[Any] = (getattr(p, "to_local", lambda p=p: p)() for p in trained)  # shards
        spoilt = not all(bool(torch.isfinite(p).all()) for p in own)
        if self.together.agree(float(spoilt))[0]:
            raise ValueError(
                f"after step {self.at.step} the weights are no longer finite; what was saved "
                "before is as it was: take another run folder and a lower learning rate"
            )

    def _step_limit(self) -> int:
        if self.settings.max_steps:
            return self.settings.max_steps
        batches = sum(
            self.task.train.count(epoch) // self.world for epoch in range(self.settings.epochs)
        )
        return max(1, batches // self.settings.accumulate)

    def _share_done(self) -> float:
        by_steps = self.at.step / self.limit
        budget_s = self.settings.budget_s
        by_time = self.at.elapsed_s / budget_s if budget_s else 0.0
        # Of whichever limit comes first: the learning rate decays to that one's end.
        return min(1.0, max(by_steps, by_time))

    def _log(self, report: TrainingReport, done: float) -> None:
        speed = self.at.step / max(self.at.elapsed_s, 1e-9)
        if self.at.summed:
            means = {name: value / self.at.summed for name, value in self.at.sums.items()}
            shown = " ".join(f"{name} {value:.3f}" for name, value in means.items())
            report.moved(
                self._share_done(), terms=shown, steps_per_s=speed, elapsed_s=self.at.elapsed_s
            )
            if self.at.step % self.settings.log_every == 0:
                rate = learning_rate(self.settings, step=self.at.step - 1, done=done)
                report.wrote("train", self.at.step, {**means, "learning_rate": rate})
                self.at.sums, self.at.summed = {}, 0

    def _validate(self, report: TrainingReport) -> None:
        """Validates, records, and exports `best` when no earlier validation was as good."""
        self.stepper.eval()
        figures: dict[str, float] = {}
        with torch.no_grad():
            if self.task.valid is not None:
                sharded = self.states.sharded
                module = self.stepper if sharded else self.accelerator.unwrap_model(self.stepper)
                figures |= self.validation.mean_terms(module, self.task.valid)
            if self.task.metrics is not None:
                figures |= self.task.metrics(self.task.model)
        training_mode(self.stepper)
        if not figures:
            return
        report.wrote("valid", self.at.step, figures)
        if self.task.choose_by not in figures:
            raise ValueError(f"no figure {self.task.choose_by!r} to choose by: {sorted(figures)}")
        value = figures[self.task.choose_by] * (1 if self.task.choose == "lowest" else -1)
        # Only where it is better: an equal one is no reason to write gigabytes again.
        if math.isfinite(value) and (self.at.best is None or value < self.at.best):
            self.at.best = value
            self._export("best")

    def _export(self, name: str) -> None:
        self.accelerator.wait_for_everyone()
        if self.task.export is None:
            return
        # On all processes, since each gives its pieces; the first alone writes.
        model = Gathered(self.task.model) if self.states.sharded else self.task.model
        if self.accelerator.is_main_process:
            with replacing(self.folder / name) as part:
                self.task.export(model, part)
        self.accelerator.wait_for_everyone()
