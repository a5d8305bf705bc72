"""Files about people: for their owner only, never over an older one, whole or not there."""

import contextlib
import errno
import os
import tempfile
from pathlib import Path

from assistant.errors import OutputError
from assistant.output_file import write_trouble


def write_new(path: Path, data: bytes) -> None:
    """Writes a file that must not be there yet; its folder is made where it is missing.

    Raises:
        OutputError: It is there, or cannot be written, for example because the disk is full.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        raise OutputError(_trouble(path, error)) from error
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            _write_all(file.fileno(), data)
    except OSError as error:
        with contextlib.suppress(OSError):
            path.unlink()
        raise OutputError(_trouble(path, error)) from error


def append_line(path: Path, line: str) -> None:
    """Appends a line, which no other process's line will stand within.

    Raises:
        OutputError: It cannot be written.
    """
    flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, 0o600)
        with contextlib.closing(os.fdopen(descriptor, "wb", buffering=0)) as file:
            _write_all(file.fileno(), f"{line}\n".encode())
    except OSError as error:
        raise OutputError(_trouble(path, error)) from error


def replace_text(path: Path, text: str) -> None:
    """Writes a file anew in one step: nobody ever reads a part of it.

    Raises:
        OutputError: It cannot be written; the old one is as it was.
    """
    new: str | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            new = file.name
            file.write(text.encode())
        Path(new).replace(path)
    except OSError as error:
        if new is not None:
            Path(new).unlink(missing_ok=True)
        raise OutputError(_trouble(path, error)) from error


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _trouble(path: Path, error: OSError) -> str:
    if error.errno == errno.EEXIST and path.exists():
        return f"{path} is there already and is not written over: choose another place by --out"
    return write_trouble(path, error)
