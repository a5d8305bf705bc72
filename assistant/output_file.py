"""A file of results: what is appended is in it whole, or not at all where the disk is full."""

import contextlib
import errno
from pathlib import Path

from assistant.errors import OutputError


class OutputFile:
    """A new file, in the place of an older one; its folder is made where it is missing.

    Raises:
        OutputError: The file cannot be written, for example because the disk is full.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered: what a buffer still holds after an error would be written at the end.
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise OutputError(write_trouble(path, error)) from error

    def append(self, data: bytes, *, head: bytes = b"") -> None:
        """Writes `data` at the end and `head` over the beginning, which is as long as before.

        A first `head` is written before `data`.
        """
        start = self.size_bytes
        try:
            self._file.seek(start)
            self._write(data if start else head + data)
            if start and head:
                self._file.seek(0)
                self._write(head)
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.truncate(start)
            raise OutputError(write_trouble(self.path, error)) from error
        self.size_bytes = start + len(data) + (0 if start else len(head))

    def close(self) -> None:
        """Closes the file, which is complete already; removes it if nothing was appended."""
        self._file.close()
        if self.size_bytes == 0 and self.path.is_file():
            self.path.unlink()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while len(view):
            view = view[self._file.write(view) :]


def write_trouble(path: Path, error: OSError) -> str:
    """Returns why a result could not be written, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{path} could not be written, the disk is full: free some space and run it again"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        reason = "a part of this path is a file and no folder"
    else:
        reason = error.strerror or str(error)
    return f"{path} could not be written: {reason}; choose another place by --out"
