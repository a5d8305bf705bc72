"""What a terminal shows of a conversation: a picture where it can draw one, plain lines else."""

import asyncio
import os
import sys
from contextlib import ExitStack, suppress
from functools import partial

from rich.console import Console

from assistant import events
from assistant.errors import AssistantError
from assistant.worker import Worker
from ui.shown import one_line
from ui.terminal.picture import ASCII, UNICODE, Glyphs
from ui.terminal.plain import plain_lines, talk_lines
from ui.terminal.screen import HeldErrors, Screen
from ui.view import View, noticed, reduce

LAST_LINES_S = 1.0
"""How long the last lines may take to reach a slow terminal."""


class Display:
    """The terminal as an output; a thread of its own writes, since a stopped terminal blocks."""

    def __init__(self, *, plain: bool) -> None:
        """With `plain` no picture is drawn, whatever the terminal can."""
        self.view = View()
        """What is known of the conversation so far."""
        self.gone = asyncio.Event()
        """Set when nobody reads the lines any more, as of a pipe that was closed."""
        self._console = Console(highlight=False)
        self.is_picture = (
            self._console.is_terminal and not self._console.is_dumb_terminal and not plain
        )
        self._worker = Worker("screen")

    def close(self) -> None:
        """Ends the thread that draws, unless a stopped terminal holds it."""
        if not self._worker.waiting:
            self._worker.close()

    @property
    def glyphs(self) -> Glyphs:
        """The signs that the terminal knows."""
        return UNICODE if self._console.encoding.startswith("utf") else ASCII

    def open(self, terminal: ExitStack) -> Screen | None:
        """Holds back what others print, and returns what the picture is drawn on, if anything."""
        terminal.enter_context(HeldErrors())
        if not self.is_picture:
            return None
        return terminal.enter_context(Screen(self._console, self._worker))

    def hear(self, event: events.Event) -> None:
        """Takes an event of the conversation, and prints it where there is no picture."""
        self.view = reduce(self.view, event)
        if not self.is_picture:
            for line in plain_lines(self.view, event):
                self._print(line)

    def say(self, text: str) -> None:
        """Shows a sentence beside the conversation."""
        self.view = noticed(self.view, text)
        self.tell(text)

    def tell(self, text: str) -> None:
        """Says what the picture shows by itself."""
        if not self.is_picture:
            self._print(text)

    async def written(self) -> None:
        """Waits for the last lines, not for ever."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_LINES_S):
                while self._worker.waiting:
                    await asyncio.sleep(0.02)

    def print_end(self, typed: str | None) -> None:
        """Leaves a last word where the picture was; `typed` was written and not sent."""
        if self.is_picture:
            over = plain_lines(self.view, events.ConversationEnded(0.0, ""))
            for line in [*talk_lines(self.view), *over]:
                _write_line(line)
        if typed:
            _write_line(f"Written and not sent: {one_line(typed)}")

    def _print(self, text: str) -> None:
        with suppress(AssistantError):  # a terminal that takes no lines any more is not waited for
            self._worker.submit(partial(_write_line, text), self._after_line)

    def _after_line(self, _result: None, error: BaseException | None) -> None:
        if isinstance(error, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self.gone.set()


def _write_line(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    try:
        print(text.encode(encoding, "replace").decode(encoding), flush=True)
    except BrokenPipeError:
        raise
    except OSError:
        return  # the terminal has gone: its hang-up ends the talk
