"""The whole screen of a terminal: drawn line by line where something changed, always given back.

Drawing and writing happen on a worker of their own, so that a slow line or a stopped terminal
never holds up the sound.
"""

import os
import sys
import tempfile
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import BinaryIO, Self

from rich.console import Console

from assistant.worker import Worker
from ui.terminal.healing import note_given_back, note_taken
from ui.terminal.picture import Panel, picture
from ui.terminal.suspension import SUSPENSION
from ui.view import View

ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J"
LEAVE = "\x1b[0m\x1b[?25h\x1b[?1049l"
NOISE = ("ALSA lib", "Expression ", "Cannot connect to server", "jack server")
"""Beginnings of lines that sound libraries print for each device that is not there."""


class Screen:
    """Shows views on the alternate screen of standard output."""

    def __init__(self, console: Console, worker: Worker) -> None:
        self.is_gone = False
        """Whether nobody can see it any more."""
        self._console = console
        self._worker = worker
        self._fd = sys.stdout.fileno()
        self._shown: list[str] = []
        self._size = (0, 0)
        self._is_left = True

    def __enter__(self) -> Self:
        """Switches to the alternate screen."""
        sys.stdout.flush()
        note_taken()
        self._enter()
        SUSPENSION.add(self._leave, self._enter)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Brings the former screen and the cursor back."""
        SUSPENSION.remove(self._leave)
        self._leave()
        note_given_back()

    def _enter(self) -> None:
        self._size = (0, 0)  # all of it is to be drawn
        self._write(ENTER)
        self._is_left = False

    def _leave(self) -> None:
        self._is_left = True  # the worker may be about to draw
        self._write(LEAVE)

    async def draw(self, view: View, panel: Panel) -> None:
        """Shows `view`; returns when it has been written."""
        if not self.is_gone:
            await self._worker.call(partial(self._draw, view, panel))

    def _draw(self, view: View, panel: Panel) -> None:
        size = tuple(self._console.size)
        parts: list[str] = []
        if size != self._size:
            self._size, self._shown = size, []
            parts.append("\x1b[2J")
        lines = picture(view, panel, self._console)
        for row, line in enumerate(lines):
            if row >= len(self._shown) or self._shown[row] != line:
                parts.append(f"\x1b[{row + 1};1H{line}\x1b[0m\x1b[K")
        self._shown = lines
        if parts and not self._is_left:
            self._write("".join(parts))

    def _write(self, text: str) -> None:
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        data = text.encode(encoding, errors="replace")
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError:
            self.is_gone = True  # the terminal was closed; the hang-up ends the talk


class HeldErrors:
    """Keeps what is printed to standard error, by libraries too, until the talk is over."""

    def __init__(self) -> None:
        self._held: BinaryIO | None = None
        self._real = -1

    def __enter__(self) -> Self:
        """Begins to hold."""
        sys.stderr.flush()
        self._held = tempfile.TemporaryFile()
        self._real = os.dup(2)
        os.dup2(self._held.fileno(), 2)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Prints what was held, except what sound libraries say about absent devices."""
        assert self._held is not None
        sys.stderr.flush()
        os.dup2(self._real, 2)
        os.close(self._real)
        with self._held as held, suppress(OSError):
            held.seek(0)
            text = held.read().decode(errors="replace")
            lines = [line for line in text.splitlines() if not line.startswith(NOISE)]
            if lines:
                print("\n".join(lines), file=sys.stderr)
