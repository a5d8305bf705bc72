"""Writes a talk to a readable file when the person asks for it."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from assistant.errors import OutputError
from ui.saved_talk import saved_talk
from ui.view import View

Save = Callable[[View], Path]
"""Saves a talk; returns where. Raises `OutputError` where that is not possible."""


def save(view: View, folder: Path) -> Path:
    """Writes the talk into a new file in `folder` and returns its path.

    Raises:
        OutputError: It cannot be written.
    """
    name, count = f"talk-{datetime.now():%Y%m%d-%H%M%S}", 1
    path = folder / f"{name}.md"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while path.exists():  # nothing that was saved is written over
            count += 1
            path = folder / f"{name}-{count}.md"
        text = saved_talk(view, "md") or ""
        # Half of an emoji, as servers may send, must not cost the rest.
        path.write_bytes(text.encode("utf-8", errors="replace"))
    except OSError as error:
        _without_half(path)
        raise OutputError(
            f"{path} could not be written ({error.strerror}): name another folder by --saves"
        ) from error
    return path


def _without_half(path: Path) -> None:
    """Takes away what a full disk left of a file, which would pass for the whole talk."""
    with suppress(OSError):
        path.unlink()
