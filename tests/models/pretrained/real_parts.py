"""The real pretrained parts, for tests of what is made of them."""

from pathlib import Path

import pytest

from models.checkpoints.embedded import parts_of_model
from models.checkpoints.hub import checkpoint_folder
from models.pretrained.catalogue import find_part
from models.pretrained.store import Store


def parts_or_skip(model: str) -> None:
    """Skips the test where a part of `model` is not on this machine: tests fetch nothing."""
    missing = [part.name for part in parts_of_model(model) if not Store().has(part)]
    if missing:
        names = " ".join(missing)
        pytest.skip(f"pretrained parts are not here: `python app.py models get {names}`")


def part_or_skip(name: str) -> Path:
    """Returns the folder of a part; skips the test where it is not on this machine."""
    if not Store().has(find_part(name)):
        pytest.skip(f"a pretrained part is not here: `python app.py models get {name}`")
    return checkpoint_folder(name)
