"""Settings of the command `rows`."""

from pathlib import Path
from typing import Annotated

import tyro
from pydantic import Field

from models.checkpoints.embedded import EMBEDDED
from train.settings import Frozen


class RowsSettings(Frozen):
    """Published rows of the field, measured with a checkpoint of yours on your copies of the sets.

    What lies in the folder is found by its layout, prepared, answered and counted; a row whose
    corpus is not there says where it is had. A run that was stopped goes on.
    """

    corpora: Path = Path()
    """Folder with the corpora in their original layouts, as folders, zip or tar."""
    model: str = EMBEDDED
    """Checkpoint: a folder, a hub id, or the one that ships with Attune (mini)."""
    row: tuple[str, ...] = ()
    """Names of rows; empty: all of them. `--list` shows them."""
    list: bool = False
    """Shows the rows with what is published and where the corpora are had, and ends."""
    out: Path = Path("runs/rows")
    """Folder of rows.md, rows.json, the manifests, every single answer and every verdict."""
    limit: int = Field(default=0, ge=0)
    """Utterances of each set, drawn once with a fixed seed; 0: all. The table says how many."""
    known_speakers: tuple[str, ...] = ()
    """Speakers that the model was trained on, as manifests name them, such as ravdess-01: left out
    and counted. Those of mini are known."""
    longest_tokens: int = Field(default=96, ge=1)
    """Longest reply."""
    judge: str = ""
    """OpenAI-compatible server whose model judges replies, such as http://localhost:8000/v1."""
    judge_model: str = "default"
    """Name of the judging model, with its version; it is written beside its scores."""
    key: Annotated[str, tyro.conf.Suppress] = Field(default="", exclude=True, repr=False)
    """Of the judge; from the environment variable OPENAI_API_KEY."""
    device: str = "auto"
    """cpu, cuda, or auto."""
