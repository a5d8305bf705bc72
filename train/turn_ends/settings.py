"""Settings of `turn-ends` and `turn-ear`."""

from pathlib import Path

from pydantic import Field

from train.settings import Frozen


class TurnEndSettings(Frozen):
    """How likely a person is done after the words so far, and how sure it is of these words.

    Both are fitted on the domain's own wordings.
    """

    model: str = ""
    """Checkpoint folder in our layout."""
    domain: Path | None = None
    """Folder of what people say (default: that of the recipe `mini`)."""
    most: int = Field(default=1_500, ge=20)
    """Wordings that are fitted on and that are judged on, at most."""
    spoken: int = Field(default=200, ge=0)
    """Sentences spoken by espeak-ng to fit how sure heard words are; 0 leaves that as it is."""
    write: bool = False
    """Writes what was fitted into the checkpoint's config.json."""
    device: str = "auto"
    """cpu, cuda, or auto."""


class TurnEarSettings(Frozen):
    """The turn ear hears by melody and rhythm whether a person who pauses is done."""

    recordings: tuple[Path, ...] = ()
    """Folders of whole sentences as sound files, those of one speaker in a folder of their own."""
    held_out: Path | None = None
    """A file whose lines begin with the names of recordings that are left out, such as the `text`
    of a test set."""
    out: Path = Path("turn_ear.safetensors")
    """Where the network is written."""
    epochs: int = Field(default=14, ge=1)
    """Rounds over all recordings."""
    seed: int = 0
    """Of weights, order and choice of speakers."""
