"""The folder of pretrained parts on this machine: looked up, verified, filled and emptied.

A part is fetched into a staging folder, every file is checked against its digest, and only then
moved into its place: a fetch that was cut off leaves nothing that could be taken for a part.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from models.pretrained.catalogue import Part, PartError, PartFile, Source
from models.pretrained.sources import ReadUrl, download, folder_source

Progress = Callable[[int, int], None]
"""Told how many bytes of how many have come."""

SPARE_BYTES = 64 << 20
"""Left free on the disk beside what is fetched."""


def parts_folder() -> Path:
    """Returns the folder that holds the parts of this person."""
    return Path.home() / ".attune" / "parts"


def megabytes(count: int) -> str:
    """Returns a size for people."""
    return f"{count / 1e6:.0f} MB"


class Store:
    """Parts below one folder, each in a folder of its own."""

    def __init__(self, folder: Path | None = None) -> None:
        """Takes `folder`, or that of this person; it is made when something is fetched."""
        self.folder = folder or parts_folder()

    def path(self, part: Part, file: PartFile) -> Path:
        """Returns where a file of a part lies, or would lie."""
        return self.folder / part.name / file.name

    def has(self, part: Part) -> bool:
        """Whether all files of a part are there, of the right size; `problems` looks closer."""
        return all(_size(self.path(part, file)) == file.bytes for file in part.files)

    def problems(self, part: Part) -> list[str]:
        """Returns what is wrong with the files of a part, by their digests."""
        return [
            f"{self.path(part, file)} {fault}"
            for file in part.files
            if (fault := _fault(self.path(part, file), file)) is not None
        ]

    def open(self, part: Part) -> Path:
        """Returns the folder with the verified files of a part.

        Raises:
            PartError: It was not fetched, or is damaged; the message names the remedy.
        """
        if not self.has(part):
            raise PartError(
                f"{part.name} is not on this machine: `python app.py models get {part.name}` "
                f"fetches it once ({megabytes(part.sources[0].bytes)})"
            )
        if problems := self.problems(part):
            raise PartError(f"{problems[0]}: `python app.py models get {part.name}` mends it")
        return self.folder / part.name

    def get(self, part: Part, progress: Progress = lambda _done, _total: None) -> Path:
        """Returns the folder of a part, fetched where it is missing or damaged.

        Two processes that want the same part fetch it once.

        Raises:
            PartError: No source gave it; the message says of each why, and the remedy.
        """
        from filelock import FileLock

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / f".{part.name}.lock"):
                if not self.has(part) or self.problems(part):
                    self._fetch(part, progress)
        except OSError as error:
            raise PartError(
                f"{part.name} cannot be kept in {self.folder}: {error.strerror or error}: "
                "make room there, or make the folder writable"
            ) from error
        return self.folder / part.name

    def try_source(self, part: Part, source: Source, progress: Progress) -> None:
        """Fetches a part from one source, anew and for nothing but to see whether it can be had.

        Raises:
            PartError: The source does not give what the catalogue says.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{part.name}-", dir=self.folder) as staging:
            read = self._download(part, source, progress, Path(staging) / "download")
            _take(part, read, Path(staging) / "files")

    def remove(self, part: Part) -> int:
        """Removes a part; returns the bytes that are free again."""
        folder = self.folder / part.name
        freed = sum(_size(path) or 0 for path in folder.rglob("*") if path.is_file())
        shutil.rmtree(folder, ignore_errors=True)
        return freed

    def _fetch(self, part: Part, progress: Progress) -> None:
        for left in self.folder.glob(f".{part.name}-*"):  # of a fetch that was killed
            shutil.rmtree(left, ignore_errors=True)
        reasons: list[str] = []
        for read_into in self._ways(part, progress):
            staging = Path(tempfile.mkdtemp(prefix=f".{part.name}-", dir=self.folder))
            try:
                _take(part, read_into(staging / "download"), staging / "files")
                shutil.rmtree(self.folder / part.name, ignore_errors=True)
                (staging / "files").replace(self.folder / part.name)
                return
            except PartError as error:
                reasons.append(str(error))
            finally:
                shutil.rmtree(staging, ignore_errors=True)
        raise PartError(
            f"{part.name} could not be fetched ({'; '.join(reasons)}); its files can also be "
            "copied into a folder that the environment variable ATTUNE_PARTS names"
        )

    def _ways(self, part: Part, progress: Progress) -> Iterator[Callable[[Path], ReadUrl]]:
        """Yields each source as a function that makes it readable, by way of a new folder."""
        if given := os.environ.get("ATTUNE_PARTS"):
            yield lambda _folder: folder_source(Path(given).expanduser(), part)
        for source in part.sources:
            yield partial(self._download, part, source, progress)

    def _download(self, part: Part, source: Source, progress: Progress, folder: Path) -> ReadUrl:
        needed = source.bytes + part.bytes + SPARE_BYTES
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise PartError(
                f"{source}: {megabytes(needed)} are needed in {self.folder}, where "
                f"{megabytes(free)} are free: make room there"
            )
        return download(
            source, folder, lambda done: progress(min(done, source.bytes), source.bytes)
        )


def _take(part: Part, read: ReadUrl, folder: Path) -> None:
    """Writes the files of a part into a new `folder`.

    Raises:
        PartError: One of them is not what the catalogue says.
    """
    folder.mkdir()
    for file in part.files:
        digest, size = hashlib.sha256(), 0
        with (folder / file.name).open("wb") as output:
            for block in read(file.name):
                size += len(block)
                if size > file.bytes:
                    break
                digest.update(block)
                output.write(block)
        if size != file.bytes or digest.hexdigest() != file.sha256:
            raise PartError(f"{file.name} is not the file that was expected: its digest differs")


def _fault(path: Path, file: PartFile) -> str | None:
    """Returns what is wrong with a file; None where it is as the catalogue says."""
    size = _size(path)
    if size is None:
        return "is missing"
    if size != file.bytes:
        return f"has {size} bytes instead of {file.bytes}"
    with path.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    return None if digest == file.sha256 else "is damaged: its digest differs"


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
