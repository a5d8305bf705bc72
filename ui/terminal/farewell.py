"""The end of a talk in a terminal: nothing that was said is thrown away without being asked for."""

import signal
import sys
import termios
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import FrameType

from assistant.errors import OutputError
from ui.saved_talk import saved_talk
from ui.terminal.keys import Keyboard
from ui.terminal.save import Save
from ui.view import View

QUESTION = "Save this talk? Press y or n. "
YES, NO = frozenset("yY"), frozenset("nN\x1b\x03\x04")
"""Keys that answer; any other one is taken for a slip."""
LAST_WORDS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@contextmanager
def orderly_end() -> Generator[None]:
    """While it lasts, a program that is told to end closes what is open: recordings above all.

    Raises:
        SystemExit: It was told to end.
    """

    def leave(number: int, _frame: FrameType | None) -> None:
        for each in before:
            signal.signal(each, signal.SIG_IGN)  # what is being closed is closed to its end
        raise SystemExit(128 + number)

    # What is not to be heard, as under `nohup`, stays unheard.
    heard = [number for number in LAST_WORDS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, leave) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Farewell:
    """Offers to save a talk once it is over; made before the talk, so that all else is closed."""

    def __init__(self, save: Save) -> None:
        """Saves by `save`."""
        self._save = save
        self._view: View | None = None

    def is_over(self, view: View, *, saved_turns: int) -> None:
        """A person ended the talk, who is still there; so many turns of it are saved already."""
        if len(view.turns) > saved_turns:
            self._view = view

    def offer(self) -> None:
        """Asks by one key, where there is anything to save and somebody to ask."""
        view, self._view = self._view, None
        if view is None or not sys.stdin.isatty():
            return
        with suppress(KeyboardInterrupt, termios.error):
            is_wanted = _answer()
            print("yes" if is_wanted else "no", flush=True)
            if is_wanted:
                print(self._saved(view), flush=True)

    def _saved(self, view: View) -> str:
        """Saves a talk; where that is not possible, it is printed."""
        try:
            return f"Saved to {self._save(view)}."
        except OutputError as error:
            return f"{saved_talk(view, 'md')}\n{error}"


def _answer() -> bool:
    with Keyboard() as keyboard:
        termios.tcflush(keyboard.fd, termios.TCIFLUSH)  # keys that were meant for the talk
        print(QUESTION, end="", flush=True)
        while (keys := keyboard.read()) is not None:
            for key in keys:
                if key in YES | NO:
                    return key in YES
    return False
