"""The output of a program: where it is full or closed, the program ends without a traceback."""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

EXIT_FAILED = 1


def is_full_or_closed(error: BaseException) -> bool:
    """Whether an error means that nothing more can be written: `printing` says so."""
    return isinstance(error, BrokenPipeError) or _is_full(error)


def printing(run: Callable[[], int], told: Callable[[OSError], str]) -> int:
    """Returns the exit status of `run`, or 1 where what it printed could not be written.

    A closed pipe is what a reader such as `head` asks for: nothing is said of it.

    Args:
        run: Prints, and returns its exit status or raises `SystemExit`.
        told: What is said of a full disk.
    """
    _open_outputs()
    try:
        try:
            return run()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _forget_output()
    except OSError as error:
        if not _is_full(error):
            raise
        _forget_output()
        print(told(error), file=sys.stderr)
    return EXIT_FAILED


def _is_full(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _open_outputs() -> None:
    """Gives the process outputs that take all.

    It may have been started with them closed (`>&-`), or with an encoding that lacks characters,
    of which each then becomes a question mark: what is said matters more than a bar drawn in it.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")


def _forget_output() -> None:
    """Sends what is still to be printed nowhere: Python would try again as it ends."""
    with contextlib.suppress(io.UnsupportedOperation):  # it is no file of the system
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
