"""Settings of `prepare`."""

from pathlib import Path

import tyro
from pydantic import Field

from train.settings import Frozen


class PrepareSettings(Frozen):
    """A corpus in its original layout becomes a manifest, with a summary and a plot."""

    corpus: tyro.conf.Positional[str] = ""
    """Name of the corpus, such as librispeech, ravdess, iemocap or meld."""
    folder: tyro.conf.Positional[Path] = Path()
    """Its folder, or a zip or tar of it; shards inside the folder are read, too."""
    out: Path | None = None
    """The manifest; empty: manifests/CORPUS.jsonl."""
    longest_s: float = Field(default=30.0, gt=0)
    """Longest utterance; longer ones are dropped and counted."""
    check_audio: bool = True
    """Open every file for its duration; without it missing durations stay 0."""
    test_speakers: tuple[str, ...] = ()
    """Speakers of the test split, as the manifest names them, such as ravdess-17."""
