"""The colours of the pages that stand by themselves; what a page needs beside is its own affair."""

from pathlib import Path


def page_colours() -> str:
    """Returns the style sheet that goes ahead of a page's own."""
    return Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
