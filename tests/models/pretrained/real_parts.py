"""The real pretrained parts, for tests of what is made of them."""

import pytest

from models.checkpoints.embedded import parts_of_model
from models.pretrained.store import Store


def parts_or_skip(model: str) -> None:
    """Skips the test where a part of `model` is not on this machine: tests fetch nothing."""
    missing = [part.name for part in parts_of_model(model) if not Store().has(part)]
    if missing:
        names = " ".join(missing)
        pytest.skip(f"pretrained parts are not here: `python app.py models get {names}`")
