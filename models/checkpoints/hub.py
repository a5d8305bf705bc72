"""A model's name → its folder: embedded, on disk, or from the hub's cache."""

import importlib
import importlib.util
import os
import re
from pathlib import Path
from typing import Any

from models.checkpoints.embedded import EMBEDDED, folder_of
from models.pretrained.catalogue import Part, PartError, read_catalogue
from models.weights import CheckpointError

FILES = ("*.json", "*.safetensors", "*.tiktoken", "*.jinja")


def checkpoint_folder(source: str | Path) -> Path:
    """Returns the folder of a checkpoint; a hub id is downloaded into the hub's cache.

    Args:
        source: A folder, the model that ships with Attune (`mini`), a part of the catalogue
            (`app.py models`), or a hub id such as `cwang621/blsp-emo`.

    Raises:
        CheckpointError: There is no such folder, or the hub cannot be reached.
    """
    folder = Path(source).expanduser()
    if os.path.isdir(folder):  # noqa: PTH112, of a name that is too long Path raises
        check_is_checkpoint(folder)
        return folder
    name = str(source)
    if name == EMBEDDED:
        shipped = folder_of(name)
        if (shipped / "model.safetensors").exists() and (shipped / "config.json").exists():
            return shipped
        raise CheckpointError(
            f"the embedded model is missing from {shipped}: get it back with "
            f"`git checkout models/{name}`, or name another by --model"
        )
    if (part := read_catalogue().get(name)) is not None:
        return _from_catalogue(part)
    if os.path.exists(folder):  # noqa: PTH110
        raise CheckpointError(f"{folder} is a file: give the folder that holds config.json")
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", name):
        raise CheckpointError(
            f"there is no folder {name}: give a checkpoint folder, a hub id such as "
            f"cwang621/blsp-emo, or {EMBEDDED}"
        )
    return _from_hub(name)


def is_part(name: str) -> bool:
    """Whether `name` is a part of the catalogue."""
    return name in read_catalogue()


def _from_catalogue(part: Part) -> Path:
    from models.pretrained.unpacked import unpacked

    try:
        return unpacked(part)
    except PartError as error:
        raise CheckpointError(str(error)) from error


def check_is_checkpoint(folder: Path) -> None:
    """Makes sure that a folder is no run folder, whose checkpoints lie one level below.

    Raises:
        CheckpointError: It is one; the message names the checkpoint in it.
    """
    below = [n for n in ("best", "last", "final") if (folder / n / "config.json").is_file()]
    if below and not (folder / "config.json").exists():
        raise CheckpointError(f"{folder} is a run folder: give its checkpoint {folder / below[0]}")


def is_downloaded(name: str) -> bool:
    """Whether the hub's cache holds the checkpoint with this hub id, with weights."""
    return _from_cache(name) is not None


def _from_cache(name: str) -> Path | None:
    try:
        cached = _snapshot(name, [*FILES, "*.bin"], local_files_only=True)
    except FileNotFoundError:
        return None
    has_weights = any(cached.glob("*.safetensors")) or any(cached.glob("*.bin"))
    return cached if has_weights else None


def _snapshot(name: str, patterns: list[str], **options: Any) -> Path:
    import huggingface_hub as hub

    return Path(hub.snapshot_download(name, allow_patterns=patterns, **options))


def _http_errors() -> tuple[type[Exception], ...]:
    """Returns what a lost connection raises: the hub's library has changed hands of its HTTP."""
    found = (name for name in ("httpx2", "httpx") if importlib.util.find_spec(name) is not None)
    return tuple(importlib.import_module(name).HTTPError for name in found)


def _from_hub(name: str) -> Path:
    """Returns the cached or downloaded snapshot; pickles only where there is nothing safer."""
    try:
        cached = _from_cache(name)
        if cached is not None:
            return cached
        folder = _snapshot(name, list(FILES))
        if not any(folder.glob("*.safetensors")):
            folder = _snapshot(name, [*FILES, "*.bin"])
        return folder
    except (OSError, ValueError, *_http_errors()) as error:
        raise CheckpointError(
            f"{name} is neither a folder nor in the hub's cache, and the hub gave none "
            f"({type(error).__name__}): go online once, copy the checkpoint here and give its "
            f"folder, or take the embedded model, {EMBEDDED}"
        ) from error
