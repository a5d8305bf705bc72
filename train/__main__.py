"""`python -m train COMMAND`: from a corpus to a checkpoint that can be talked to."""

import logging
import os
import sys
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from command_line import settings
from command_line.commands import load
from command_line.options import near
from command_line.output import is_full_or_closed, printing
from command_line.refusals import UsageError
from command_line.settings import Program
from train.commands import COMMANDS

FAILED, USAGE, INTERRUPTED = 1, 2, 130
KEY = "OPENAI_API_KEY"
"""Environment variable with the key of an OpenAI-compatible server."""

SettingsT = TypeVar("SettingsT", bound=BaseModel)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status."""
    return printing(lambda: _run(arguments), lambda error: f"train: {_told(error)}")


def _run(arguments: Sequence[str] | None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    if not given or given[0] in ("-h", "--help"):
        print(_overview())
        return 0
    name, *rest = given
    if name not in COMMANDS:
        meant = near(name, list(COMMANDS))
        hint = f"did you mean {meant}?" if meant else f"choose one of {', '.join(COMMANDS)}"
        print(f"train: there is no command {name!r}: {hint}", file=sys.stderr)
        return USAGE
    logging.basicConfig(level=logging.INFO, format="%(levelname).1s %(name)s: %(message)s")
    try:
        chosen: Any = read_settings(load(COMMANDS[name].settings), name, rest)
        if "key" in type(chosen).model_fields:
            chosen = chosen.model_copy(update={"key": os.environ.get(KEY, "")})
        load(COMMANDS[name].run)(chosen)
    except KeyboardInterrupt:
        print("train: stopped; what was finished is kept", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if debug or is_full_or_closed(error):
            raise
        print(f"train: {_told(error)}", file=sys.stderr)
        return USAGE if isinstance(error, UsageError) else FAILED
    return 0


def read_settings(kind: type[SettingsT], name: str, arguments: Sequence[str]) -> SettingsT:
    """Returns the settings of a command: defaults, then the table of ``--config``, then flags.

    Raises:
        UsageError: Something in them cannot work; the message holds the full path of the key.
    """
    program = Program("python -m train", name, COMMANDS)
    return settings.read_settings(
        kind, program, arguments, " --debug shows the traceback of an error."
    )


def _told(error: Exception) -> str:
    """Returns what is said of an error: one line with its remedy."""
    from train.loop.run_folder import is_disk_full

    if _is_expected(error) and not is_disk_full(error):
        return str(error)
    if is_disk_full(error):
        told = str(error).partition("] ")[2]
        return (
            told
            if told.startswith("the disk is full")
            else (
                "the disk is full; what was finished is kept: free some space and run the same "
                "command again to go on"
            )
        )
    return (
        f"unexpected {type(error).__name__}: {error} "
        "(run it again with --debug for the whole story)"
    )


def _is_expected(error: Exception) -> bool:
    from models.weights import CheckpointError

    return isinstance(error, ValueError | OSError | CheckpointError)


def _overview() -> str:
    width = max(len(name) for name in COMMANDS)
    lines = [f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: python -m train COMMAND [--config FILE.toml] [OPTIONS]",
            "",
            "From a corpus to a checkpoint that can be talked to (see train/README.md).",
            "",
            "commands:",
            *lines,
            "",
            "python -m train COMMAND --help lists the options of a command.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
