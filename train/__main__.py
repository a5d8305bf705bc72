"""`python -m train COMMAND`: from a corpus to a checkpoint that can be talked to."""

import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from command_line.entry import Entry, Failure
from train.commands import COMMANDS

KEY = "OPENAI_API_KEY"
"""Environment variable with the key of an OpenAI-compatible server."""
DISK_FULL = (
    "the disk is full; what was finished is kept: free some space and run the same command again "
    "to go on"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status."""
    return Entry(
        "train",
        "python -m train",
        usage="python -m train COMMAND [--config FILE.toml] [OPTIONS]",
        about="From a corpus to a checkpoint that can be talked to (see train/README.md).",
        commands=COMMANDS,
        told=_told,
        disk_full=DISK_FULL,
        log_format="%(levelname).1s %(name)s: %(message)s",
        log_level=logging.INFO,
        run=_run,
    ).main(arguments)


def _run(command: Callable[[Any], object], chosen: Any) -> int:
    """Runs a command, whose result is for programs; those that ask a server get its key."""
    if "key" in type(chosen).model_fields:
        chosen = chosen.model_copy(update={"key": os.environ.get(KEY, "")})
    command(chosen)
    return 0


def _told(error: Exception) -> Failure | None:
    """Returns what is said of an error: one line with its remedy."""
    from models.weights import CheckpointError
    from train.loop.run_folder import is_disk_full

    if is_disk_full(error):
        told = str(error).partition("] ")[2]
        return Failure(told if told.startswith("the disk is full") else DISK_FULL)
    is_expected = isinstance(error, ValueError | OSError | CheckpointError)
    return Failure(str(error)) if is_expected else None


if __name__ == "__main__":
    sys.exit(main())
