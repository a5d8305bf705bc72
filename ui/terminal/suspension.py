"""Ctrl-Z: the terminal is given back while the program is stopped, and taken again after `fg`."""

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any


class Suspension:
    """What is to be done before the program stops, and after it goes on."""

    def __init__(self) -> None:
        self._parts: list[tuple[Callable[[], None], Callable[[], None]]] = []
        self._before: Any = signal.SIG_DFL

    def add(self, leave: Callable[[], None], enter: Callable[[], None]) -> None:
        """From now on `leave` is called before a stop, `enter` after it; the last one first."""
        if not self._parts:
            # Without job control, as under `nohup`, the key stays without a meaning.
            self._before = signal.getsignal(signal.SIGTSTP)
            if self._before is not signal.SIG_IGN:
                signal.signal(signal.SIGTSTP, self._stop)
        self._parts.append((leave, enter))

    def remove(self, leave: Callable[[], None]) -> None:
        """Forgets what was added with `leave`."""
        self._parts = [part for part in self._parts if part[0] != leave]
        if not self._parts:
            signal.signal(signal.SIGTSTP, self._before)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        # A program that started this one (`make`, `uv run`) has stopped already, and the shell may
        # have the terminal: to set it would stop this one too, with only a part given back.
        before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        for leave, _ in reversed(self._parts):
            leave()
        signal.signal(signal.SIGTTOU, before)
        # The signal's own meaning and not SIGSTOP: where no shell could wake it up, it is void.
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._stop)
        for _, enter in self._parts:
            enter()


SUSPENSION = Suspension()
"""A process has one terminal, and one meaning of a signal."""
