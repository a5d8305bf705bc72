"""The written exchanges that a checkpoint brings, opened with what finds them."""

from pathlib import Path

from models.checkpoints.hub import checkpoint_folder
from models.config import PartsConfig
from models.examples.book import ExampleBook
from models.examples.meaning import SentenceEncoder
from models.examples.written import EXAMPLES


def example_book(folder: Path, parts: PartsConfig | None) -> ExampleBook | None:
    """Returns the examples of the checkpoint in `folder`; None where it brings none.

    Raises:
        CheckpointError: They are damaged, or what finds them cannot be had.
    """
    path = folder / EXAMPLES
    if parts is None or not parts.sentences or not path.exists():
        return None
    kept = checkpoint_folder(parts.sentences)
    return ExampleBook.read(path, SentenceEncoder(kept), kept)
