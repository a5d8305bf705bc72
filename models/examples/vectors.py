"""What a sentence encoder made of a checkpoint's examples, kept beside the encoder.

Reading 20,000 sayings takes two cores a minute or two; it is done once on a machine.
"""

import contextlib
import hashlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.examples.meaning import SentenceEncoder, Vectors

logger = logging.getLogger(__name__)

STEM, ENDING = "sayings-", ".npy"
KEPT = 3
"""Files, those of the checkpoints that talked last."""


def kept_vectors(sayings: Sequence[str], encoder: SentenceEncoder, folder: Path) -> Vectors:
    """Returns the vectors of `sayings`, from `folder` where they were made before.

    Where nothing can be written there, they are made anew each time.
    """
    digest = hashlib.sha256("\n".join(sayings).encode()).hexdigest()[:16]
    path = folder / f"{STEM}{digest}{ENDING}"
    with contextlib.suppress(OSError, ValueError, EOFError):  # not there, or cut off
        found = np.load(path, allow_pickle=False).astype(np.float32)
        if found.shape == (len(sayings), encoder.width):
            with contextlib.suppress(OSError):
                path.touch()  # in use: not among those that go
            return found
    # Who waits for it must know: nothing else is said meanwhile.
    logger.warning(
        "reading %d written exchanges, once on this machine: it takes a minute or two", len(sayings)
    )
    # Some are said in several voices.
    places = {saying: place for place, saying in enumerate(dict.fromkeys(sayings))}
    read = encoder.vectors(list(places))
    made = read[[places[saying] for saying in sayings]].astype(np.float16)
    with contextlib.suppress(OSError):
        _keep(path, made)
    return made.astype(np.float32)  # as from the file: what is found must not depend on the day


def _keep(path: Path, vectors: NDArray[np.float16]) -> None:
    # Written elsewhere and moved: another process may read while this one writes.
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with part.open("wb") as file:
        np.save(file, vectors)
    part.replace(path)
    # Each version of a checkpoint has its own: without this they would pile up beside the encoder.
    kept = sorted(path.parent.glob(f"{STEM}*{ENDING}"), key=lambda one: one.stat().st_mtime)
    for old in kept[:-KEPT]:
        old.unlink()
