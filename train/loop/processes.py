"""The processes that one command runs in, started by `accelerate launch` or `torchrun`."""

import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

LONGEST_WAIT = timedelta(days=30)
"""How long a process waits for the others; one that writes its share may take days longer."""
PATIENCE_S = 8.0
"""How long a file may be held by what is left of a killed run: its readers end within seconds."""


def on_cpu(device: str = "auto") -> bool:
    """Whether a command with this `device` setting runs on the CPU.

    accelerate joins the processes of a machine without an accelerator only when it is told so.
    """
    import torch

    if device == "cpu" or _is_set("ACCELERATE_USE_CPU"):
        return True
    return not torch.accelerator.is_available() and not _is_set("ACCELERATE_USE_DEEPSPEED")


def join_processes() -> Any:
    """Returns accelerate's `PartialState`: this process's number, their count, and a barrier.

    Raises:
        ValueError: The processes that were asked for were not started, or do not join.
    """
    from accelerate import PartialState

    state = PartialState(cpu=on_cpu(), timeout=LONGEST_WAIT)
    check_joined(state.num_processes)
    return state


def check_joined(joined: int) -> None:
    """Makes sure that as many processes work together as were asked for.

    Raises:
        ValueError: There are others; the message says how to start them.
    """
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if started != joined:
        raise ValueError(
            f"{started} processes were started and {joined} work together: start them with "
            "`accelerate launch` or `torchrun`, and for the CPU set ACCELERATE_USE_CPU=1"
        )
    if joined == 1 and _is_set("ACCELERATE_USE_CPU") and "MASTER_PORT" in os.environ:
        raise ValueError(
            "accelerate started one process instead of several: on a CPU it starts them through "
            "MPI only. Give --multi_gpu in place of --cpu (without a GPU it runs on the CPU, too), "
            "or --config_file train/recipes/accelerate/two-cpus.yaml"
        )


@contextmanager
def held(path: Path) -> Generator[None]:
    """Keeps other runs from writing a file, or the folder that it stands for, during the block.

    The operating system lets go of it when the process ends, however that happens.

    Raises:
        ValueError: Another process holds it.
    """
    try:
        import fcntl
    except ImportError:  # Windows has no such locks
        yield
        return
    until = time.monotonic() + PATIENCE_S
    with path.open("ab") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if time.monotonic() >= until:
                    raise ValueError(
                        f"another run is writing {path}: wait for it, or stop it (a killed "
                        "launcher may leave its processes behind)"
                    ) from error
                time.sleep(0.2)
        yield


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").lower() in ("1", "true", "yes", "on", "y", "t")
