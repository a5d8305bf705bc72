"""A stretch of a file that is read as a file of its own, behind a header or without one."""

import io
from pathlib import Path
from typing import Any


class FileSlice(io.RawIOBase):
    """Bytes `start` to `start + size` of the file at `path`, and before them `header`."""

    def __init__(self, path: Path, start: int, size: int, *, header: bytes = b"") -> None:
        super().__init__()
        self._file = path.open("rb")
        self._start, self._size, self._header = start, size, header
        self._at = 0

    def readable(self) -> bool:
        """Returns True."""
        return True

    def seekable(self) -> bool:
        """Returns True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes to a byte; returns its number."""
        size = len(self._header) + self._size
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        """Returns the number of the next byte."""
        return self._at

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        """Fills `buffer` as far as there is something; returns the number of bytes."""
        view = memoryview(buffer)
        header = self._header[self._at : self._at + len(view)]
        behind = max(0, self._at - len(self._header))
        wanted = min(len(view) - len(header), self._size - behind)
        data = header + (self._stretch(behind, wanted) if wanted > 0 else b"")
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _stretch(self, at: int, count: int) -> bytes:
        self._file.seek(self._start + at)
        return self._file.read(count)
