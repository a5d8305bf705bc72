"""The forms in which records are exported. To add one: a file with `export`, and a line here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from assistant.records.exports import (
    csv_tables,
    json_lines,
    markdown,
    page,
    subrip,
    textgrid,
    webvtt,
)
from assistant.records.reading import Record


@dataclass(frozen=True, slots=True)
class Format:
    """A form of which each record becomes a file of its own."""

    suffix: str
    type: str
    about: str
    export: Callable[[Record], str]


@dataclass(frozen=True, slots=True)
class TablesFormat:
    """A form of which all records together become some tables."""

    about: str
    export: Callable[[Iterable[Record]], dict[str, str]]


FORMATS: dict[str, Format | TablesFormat] = {
    "jsonl": Format(
        "jsonl",
        "application/jsonl",
        "data, an object for each turn (JSON Lines)",
        json_lines.export,
    ),
    "csv": TablesFormat("tables and a codebook (CSV)", csv_tables.export),
    "md": Format("md", "text/markdown", "text to read (Markdown)", markdown.export),
    "vtt": Format("vtt", "text/vtt", "captions (WebVTT)", webvtt.export),
    "srt": Format("srt", "application/x-subrip", "captions (SubRip)", subrip.export),
    "textgrid": Format("TextGrid", "text/plain", "tiers for Praat (TextGrid)", textgrid.export),
    "html": Format("html", "text/html", "a page with sound, words and emotion", page.export),
}
