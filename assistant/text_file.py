"""Text files that people write: policies, texts of help, passwords."""

import tomllib
from pathlib import Path
from typing import Any

from assistant.errors import SettingsError


def read_text(path: Path, *, called: str) -> str:
    """Returns the content of a file, without the mark that some editors put before it.

    Args:
        path: The file.
        called: What it is, for messages.

    Raises:
        SettingsError: It is missing, no file, or no text; the message names the remedy.
    """
    try:
        # Of a device there may be no end, of a pipe no beginning.
        if path.exists() and not path.is_file():
            kind = "is a folder" if path.is_dir() else "is no file but a pipe or a device"
            raise SettingsError(f"{called} {path} {kind}: name a text file")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SettingsError(
            f"{called} {path} does not exist: check the name and the folder"
        ) from None
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise SettingsError(
            f"{called} {path} cannot be read ({reason}): change its permissions, or name another"
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{called} {path} is no UTF-8 text: save it as UTF-8") from error


def read_toml(path: Path, *, called: str) -> dict[str, Any]:
    """Returns the tables of a TOML file.

    Raises:
        SettingsError: As `read_text`; or it is no TOML.
    """
    text = read_text(path, called=called)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{called} {path} is not valid TOML: {error}") from error
