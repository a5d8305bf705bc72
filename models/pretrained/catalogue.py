"""`catalogue.toml`: pretrained parts, read and checked."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHIPPED = Path(__file__).with_name("catalogue.toml")
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class PartError(Exception):
    """A part that cannot be had or used; the message names the remedy."""


@dataclass(frozen=True, slots=True)
class PartFile:
    """One file of a part."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where the files of a part are had."""

    bytes: int
    """What is downloaded."""
    members: dict[str, tuple[str, ...]]
    """For each file the paths in the source whose contents, joined, are the file."""
    packages: tuple[str, ...] = ()
    """Packages of the index with their versions, whose wheels hold files; empty for a hub."""
    archives: tuple[str, ...] = ()
    """Packages of the index with their versions, whose source archives hold files."""
    hub: str = ""
    """Hub id."""
    revision: str = ""
    """Tag or commit of the hub's repository."""

    def __str__(self) -> str:
        """Returns where it is, for people."""
        indexed = (*self.packages, *self.archives)
        return ", ".join(indexed) or f"{self.hub} at {self.revision}"


@dataclass(frozen=True, slots=True)
class Part:
    """One pretrained part."""

    name: str
    kind: str
    about: str
    licence: str
    files: tuple[PartFile, ...]
    sources: tuple[Source, ...]

    @property
    def bytes(self) -> int:
        """Size on disk."""
        return sum(file.bytes for file in self.files)


def read_catalogue(path: Path = SHIPPED) -> dict[str, Part]:
    """Returns the parts by name.

    Raises:
        PartError: The file is no catalogue; the message says where it is wrong.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: _part(name, table) for name, table in tables.items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PartError(f"{path} is no catalogue of parts: {error}") from error


def find_part(name: str, path: Path = SHIPPED) -> Part:
    """Returns the part of that name.

    Raises:
        PartError: There is none; the message names those that there are.
    """
    parts = read_catalogue(path)
    if name not in parts:
        raise PartError(f"there is no part {name!r}: use one of {', '.join(parts)}")
    return parts[name]


def _part(name: str, table: dict[str, Any]) -> Part:
    files = tuple(_file(file) for file in table["files"])
    sources = tuple(_source(source, {file.name for file in files}) for source in table["sources"])
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a part")
    return Part(name, table["kind"], table["about"], table["licence"], files, sources)


def _file(table: dict[str, Any]) -> PartFile:
    file = PartFile(str(table["name"]), int(table["bytes"]), str(table["sha256"]))
    if not _NAME.fullmatch(file.name) or not _DIGEST.fullmatch(file.sha256):
        raise ValueError(f"{file.name!r} is no plain file name, or its sha256 is none")
    return file


def _source(table: dict[str, Any], names: set[str]) -> Source:
    members = {name: tuple(paths) for name, paths in table["members"].items()}
    source = Source(
        int(table["bytes"]),
        members,
        packages=tuple(table.get("packages", ())),
        archives=tuple(table.get("archives", ())),
        hub=table.get("hub", ""),
        revision=table.get("revision", ""),
    )
    packages = (*source.packages, *source.archives)
    if members.keys() != names:
        raise ValueError(f"the source {source} does not say where {sorted(names)} lie in it")
    if bool(packages) == bool(source.hub and source.revision):
        raise ValueError("a source has packages or archives, or a hub id and a revision")
    if not all("==" in package for package in packages):
        raise ValueError(f"{source}: packages are pinned by ==")
    return source
