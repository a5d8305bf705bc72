"""The run folder: what was run, saved states, and exchanges of folders that survive a kill."""

import errno
import hashlib
import json
import logging
import platform
import shutil
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from models.weights import write_json

logger = logging.getLogger(__name__)

STATE_PREFIX = "state-"


def file_sha256(path: Path) -> str:
    """Returns the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def code_version() -> str:
    """Returns the git commit of this code (`+changes` where edited), or the package version."""
    root = Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        try:
            return metadata.version("attune-voice")
        except metadata.PackageNotFoundError:
            return "unknown"


def open_run(folder: Path, *, identity: Mapping[str, Any], notes: Mapping[str, Any]) -> None:
    """Creates the run folder, or checks that it was started with the same identity.

    Args:
        folder: The run folder.
        identity: What must not change when the run is resumed (settings, data hashes).
        notes: What may change and is recorded for each part of the run.

    Raises:
        ValueError: The folder holds a run with another identity; the message names the keys.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "run.json"
    # As it is read back: tuples are lists there.
    identity = json.loads(json.dumps(identity))
    record: dict[str, Any] = {"identity": identity, "parts": []}
    if path.exists():
        record = json.loads(path.read_text(encoding="utf-8"))
        known = record["identity"]
        changed = sorted(
            key for key in known.keys() | identity.keys() if known.get(key) != identity.get(key)
        )
        if changed:
            raise ValueError(
                f"{folder} holds a run with other values of {', '.join(changed)}: "
                "take another folder, or remove it to start anew"
            )
    part = {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "code": code_version(),
        "python": platform.python_version(),
        "torch": metadata.version("torch"),
        "transformers": metadata.version("transformers"),
        "machine": f"{platform.system()} {platform.machine()}",
        **notes,
    }
    record["parts"].append(part)
    write_json(path, record)


@contextmanager
def full_disk_named(path: Path) -> Generator[None]:
    """Says what could not be written, and what to do, when the disk is full.

    Raises:
        OSError: The disk is full.
    """
    try:
        yield
    except Exception as error:
        if is_disk_full(error):
            raise OSError(
                errno.ENOSPC,
                f"the disk is full: {path} could not be written and is as it was before; "
                "free some space and run the same command again to go on",
            ) from error
        raise


@contextmanager
def replacing(folder: Path) -> Generator[Path]:
    """Yields an empty folder that takes the place of `folder` when the block ends without error.

    Raises:
        OSError: The disk is full; the old folder is as it was.
    """
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        with full_disk_named(folder):
            yield part
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    # Renamed, not removed: at every moment a whole folder is there, under one name or the other
    # (`restore_replaced`).
    if folder.exists():
        folder.rename(old)
    part.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def restore_replaced(folder: Path) -> None:
    """Brings back the old folder where a kill fell between the two renames of `replacing`."""
    old = folder.with_name(folder.name + ".old")
    if old.exists() and not folder.exists():
        old.rename(folder)


def is_disk_full(error: BaseException) -> bool:
    """Whether an error means that a disk is full; torch and safetensors have their own errors."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "PytorchStreamWriter" in str(error) or "No space left on device" in str(error)


def state_folder(folder: Path, step: int) -> Path:
    """Returns where the state after `step` optimiser steps is kept."""
    return folder / f"{STATE_PREFIX}{step:08d}"


def latest_state(folder: Path) -> Path | None:
    """Returns the newest complete saved state of a run, or None."""
    return max(_states(folder), default=None)


def prune_states(folder: Path, *, keep: int) -> None:
    """Removes all but the newest `keep` saved states."""
    for old in sorted(_states(folder))[:-keep]:
        shutil.rmtree(old, ignore_errors=True)


def _states(folder: Path) -> list[Path]:
    paths = folder.glob(f"{STATE_PREFIX}*")
    # Not those that are being written or replaced, whose names end in `.part` or `.old`.
    return [path for path in paths if path.name.removeprefix(STATE_PREFIX).isdigit()]
