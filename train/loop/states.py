"""Saved states: everything a run needs to go on as if nothing had happened."""

import logging
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from train.loop.run_folder import (
    full_disk_named,
    latest_state,
    prune_states,
    replacing,
    state_folder,
)
from train.loop.task import Position

logger = logging.getLogger(__name__)


class Gathered:
    """A sharded model with whole parameters on the CPU, for export; made on all processes."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._whole: list[tuple[str, Tensor]] = []
        for name, parameter in model.named_parameters():
            gather = getattr(parameter, "full_tensor", None)
            whole = gather() if gather is not None else parameter
            self._whole.append((name, whole.detach().cpu()))

    def named_parameters(self) -> list[tuple[str, Tensor]]:
        """Returns names and whole parameters."""
        return self._whole

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


@dataclass(frozen=True)
class StateKeeper:
    """Saves and restores the state of a run in its folder, over all its processes."""

    accelerator: Any
    model: nn.Module
    optimizer: Any
    folder: Path
    keep: int

    @property
    def sharded(self) -> bool:
        """Whether weights and optimiser are spread over processes (FSDP, DeepSpeed)."""
        return self.accelerator.distributed_type.value in ("FSDP", "DEEPSPEED")

    def check_resumable(self) -> None:
        """Makes sure that what is saved can be gone on from exactly.

        Raises:
            ValueError: It cannot; the message says what to do instead.
        """
        state = latest_state(self.folder)
        if state is None:
            return
        saved = "none"
        if (state / "sharded").exists():
            saved = "DEEPSPEED" if (state / "sharded" / "latest").exists() else "FSDP"
        kind = self.accelerator.distributed_type.value if self.sharded else "none"
        if saved != kind:
            raise ValueError(
                f"{self.folder} was begun with weights spread over processes by {saved}, and this "
                f"run spreads them by {kind}: start it as before, or take another run folder"
            )

    def save(self, at: Position) -> None:
        """Saves a state; a kill or a full disk meanwhile leaves the one before it intact.

        Raises:
            OSError: The disk is full.
        """
        first = self.accelerator.is_main_process
        part = self.folder / "state.part"
        if first:
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
        self.accelerator.wait_for_everyone()
        try:
            self._write(part, at)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)  # what is half written fills the disk, too
            raise
        self.accelerator.wait_for_everyone()
        if first:
            with replacing(state_folder(self.folder, at.step)) as complete:
                for path in part.iterdir():
                    path.rename(complete / path.name)
            part.rmdir()
            prune_states(self.folder, keep=self.keep)
        self.accelerator.wait_for_everyone()

    def restore(self) -> Position | None:
        """Restores the newest state and returns its position; None where nothing is saved."""
        state = latest_state(self.folder)
        if state is None:
            return None
        own = torch.load(state / f"process-{self.accelerator.process_index}.pt", weights_only=True)
        if self.sharded:
            self.accelerator.load_state(str(state / "sharded"))
        else:
            shared = torch.load(state / "training.pt", weights_only=True, map_location="cpu")
            self.model.load_state_dict(shared["weights"], strict=False)
            self.optimizer.load_state_dict(shared["optimizer"])
        torch.set_rng_state(own["generators"]["cpu"])
        if torch.cuda.is_available() and "cuda" in own["generators"]:
            torch.cuda.set_rng_state(own["generators"]["cuda"])
        position = Position(**own["position"])
        logger.info("resumed at step %d of %s", position.step, self.folder)
        return position

    def _write(self, part: Path, at: Position) -> None:
        generators: dict[str, Tensor] = {"cpu": torch.get_rng_state()}
        if torch.cuda.is_available():
            generators["cuda"] = torch.cuda.get_rng_state()
        own = {"generators": generators, "position": asdict(at)}
        with full_disk_named(self.folder):
            torch.save(own, part / f"process-{self.accelerator.process_index}.pt")
            if self.sharded:
                self.accelerator.save_state(str(part / "sharded"))
            elif self.accelerator.is_main_process:
                shared = {"weights": self._weights(), "optimizer": self.optimizer.state_dict()}
                torch.save(shared, part / "training.pt")

    def _weights(self) -> dict[str, Tensor]:
        """What training changes: trained parameters and buffers; the rest comes from the model."""
        frozen = {name for name, p in self.model.named_parameters() if not p.requires_grad}
        state = self.model.state_dict()
        return {name: value for name, value in state.items() if name not in frozen}
