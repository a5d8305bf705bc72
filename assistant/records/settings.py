"""The settings of `app.py records`."""

from pathlib import Path
from typing import Annotated, Literal

import tyro
from pydantic import Field

from assistant.configuration import Settings
from assistant.engines.settings import (
    GenerationSettings,
    LlmSettings,
    ModelSettings,
    SpeechModelName,
)
from assistant.engines.table import USUAL_MODEL
from assistant.settings import CommonSettings

RecordsAction = Literal[
    "list",
    "show",
    "play",
    "export",
    "delete",
    "retain",
    "hold",
    "release",
    "replay",
    "rebuild",
    "backup",
    "schema",
]
Form = Literal["jsonl", "csv", "md", "vtt", "srt", "textgrid", "html"]


class ReplaySettings(Settings):
    """How a record is answered again; None for what it was recorded with."""

    model: str | None = None
    engine: SpeechModelName = USUAL_MODEL
    llm: LlmSettings = LlmSettings()
    voice: str | None = None
    policy: str | None = None
    persona: str | None = None
    run: ModelSettings = ModelSettings()
    generation: GenerationSettings = GenerationSettings()
    from_words: bool = False
    out: Path | None = None
    json_lines: bool = False


class RecordsSettings(CommonSettings):
    """Lists, shows, plays, exports, replays and deletes recorded talks.

    list shows and searches. show ID … prints talks, play ID plays the sound of one. export ID …
    writes files. delete ID … removes a talk and all that was made of it here. retain --days N
    does so with all that is older, with --always by itself from now on; hold ID keeps a talk from
    being deleted, release ID ends that. replay ID answers the recorded turns again, with another
    model, voice or policy, and shows both side by side. rebuild makes the index anew from the logs,
    backup --out FILE.tar.gz saves all talks, schema prints the JSON Schema of the logs.
    """

    action: Annotated[RecordsAction, tyro.conf.Positional] = "list"
    """What to do."""
    items: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """The talks, by their ids as `list` shows them; the beginning of an id is enough."""
    records: Path = Path("recordings")
    """Folder of recorded talks."""
    index: str | None = None
    """Database of the index, such as postgresql://USER@HOST/NAME, instead of a file in the folder.
    A password is better kept in ~/.pgpass."""
    text: str = ""
    """list, export: talks in which somebody says this, in any case."""
    emotion: Literal["neutral", "happy", "angry", "sad", "surprise"] | None = None
    """list, export: talks with a turn of this emotion; with --text, the same turn."""
    since: str = ""
    """list, export: talks from this day on, such as 2026-03-01, or from a time of it."""
    until: str = ""
    """list, export: talks up to this day, itself included, or up to a time of it."""
    most: int = Field(default=50, ge=1)
    """list: talks at most, the latest first."""
    every: Annotated[bool, tyro.conf.arg(name="all")] = False
    """export: all talks."""
    form: Annotated[Form, tyro.conf.arg(name="format")] = "html"
    """export: html (one file with sound and course of emotion), jsonl, csv (tables and codebook),
    md, vtt and srt (captions) or textgrid (Praat)."""
    out: Path | None = None
    """export: the folder, or for one talk the file (default: exports/). backup: the .tar.gz file.
    replay: the folder (default: replays/ID)."""
    days: float | None = Field(default=None, ge=0.0, le=36_500.0)
    """retain: talks that ended longer ago are deleted."""
    always: bool = False
    """retain: from now on, at every command on the folder and while `web` serves it."""
    stop: bool = False
    """retain: what --always began ends; talks are kept until somebody deletes them."""
    by: str = ""
    """hold: who does it."""
    reason: str = ""
    """hold: why."""
    dry_run: bool = False
    """delete, retain: only say what would be deleted."""
    yes: bool = False
    """delete, retain: do not ask."""
    turn: int | None = Field(default=None, ge=1)
    """play: from this turn on, as `show` numbers them."""
    model: str | None = None
    """replay: the model that answers; that of the recorded talk if not given."""
    engine: SpeechModelName = USUAL_MODEL
    """replay: how it hears and who answers, as for `reply`."""
    llm: LlmSettings = LlmSettings()
    voice: str | None = None
    """replay: the voice; that of the recorded talk if not given."""
    policy: str | None = None
    """replay: empathetic, mirror, flat or a TOML file; that of the recorded talk if not given."""
    persona: str | None = None
    """replay: the system line of the prompt; that of the recorded talk if not given."""
    from_words: bool = False
    """replay: give the model the recorded words instead of the sound."""
    run: ModelSettings = ModelSettings()
    generation: GenerationSettings = GenerationSettings()
    json_lines: Annotated[bool, tyro.conf.arg(name="json")] = False
    """list, show, delete, retain, replay: print JSON lines."""
