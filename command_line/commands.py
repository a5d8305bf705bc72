"""The commands of a program: a table of names, imported only when one of them is run."""

import importlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Command:
    """A command: what it does, and its settings class and what runs it as `module:name`."""

    summary: str
    settings: str
    run: str
    often: str = ""
    """The options that people use, by name; the help shows all where none is named."""
    examples: tuple[tuple[str, str], ...] = ()
    """What stands behind the command, and what it does."""


def load(target: str) -> Any:
    """Returns what `module:name` names."""
    module, name = target.split(":")
    return getattr(importlib.import_module(module), name)
