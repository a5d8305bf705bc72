"""Which corpora a folder holds, by their layouts: folders may have any name."""

import os
import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from train.rows.table import Corpus

LOOKED_INTO_BYTES = 1 << 16
"""Of a file whose content must tell whose it is."""
TARS = (".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2")


@dataclass(frozen=True, slots=True)
class CorpusPlace:
    """Where a corpus lies."""

    path: Path
    others: tuple[Path, ...] = ()
    """Further places that look like it and are not read: another copy or another version."""


def find_corpora(
    folder: Path, corpora: dict[str, Corpus], *, apart: Path
) -> dict[str, CorpusPlace]:
    """Returns the corpora in `folder` by name.

    Args:
        folder: Looked through to its bottom.
        corpora: By what they are known.
        apart: A folder that is not looked into, such as the one of results.

    Raises:
        ValueError: There is no such folder.
    """
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}: name the one your corpora lie in")
    names = list(_names(folder, apart.resolve()))
    found: dict[str, CorpusPlace] = {}
    for corpus, known in corpora.items():
        places = _places(folder, names, known) or _archives(folder, names, known)
        if places:
            found[corpus] = CorpusPlace(places[0], tuple(places[1:]))
    return found


def _names(folder: Path, apart: Path) -> Iterator[str]:
    for place, folders, files in os.walk(folder, followlinks=True):
        if Path(place).resolve() == apart:
            folders.clear()
            continue
        folders.sort()
        for name in sorted(files):
            yield (PurePosixPath(Path(place).relative_to(folder).as_posix()) / name).as_posix()


def _places(folder: Path, names: list[str], known: Corpus) -> list[Path]:
    """Folders that hold what looks like the corpus, the fullest first."""
    roots: Counter[str] = Counter()
    for name in names:
        root = _root(name, known)
        if root is not None and _holds(folder / name, known.holds):
            roots[root] += 1
    return [folder / root for root, _ in roots.most_common()]


def _root(name: str, known: Corpus) -> str | None:
    """What lies before the part of a name that looks like the corpus; None where none does."""
    # Names from a Mac hold an accent as a character of its own.
    match = re.search(rf"(?:^|/)({known.looks_like})$", unicodedata.normalize("NFC", name))
    if match is None:
        return None
    before = unicodedata.normalize("NFC", name)[: match.start(1)].rstrip("/")
    if known.inside:
        before = "/".join(part for part in (before, match[1].split("/")[0]) if part)
    count = len(PurePosixPath(before).parts)
    return PurePosixPath(*PurePosixPath(name).parts[:count]).as_posix()


def _holds(path: Path, text: str) -> bool:
    if not text:
        return True
    try:
        with path.open("rb") as file:
            return text.encode() in file.read(LOOKED_INTO_BYTES)
    except OSError:
        return False


def _archives(folder: Path, names: list[str], known: Corpus) -> list[Path]:
    """Zips that hold what looks like the corpus, and tars by their names."""
    found: list[Path] = []
    for name in names:
        if name.lower().endswith(".zip"):
            if any(_root(member, known) is not None for member in _members(folder / name)):
                found.append(folder / name)
        elif name.lower().endswith(TARS) and _is_named(name, known):
            found.append(folder / name)
    return found


def _is_named(name: str, known: Corpus) -> bool:
    pattern = known.archives
    return bool(pattern and re.search(pattern, PurePosixPath(name).name, re.IGNORECASE))


def _members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return []
