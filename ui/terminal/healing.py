"""A terminal that a killed program left behind: made sane again by the next one in it.

While the picture is shown, a note says in which terminal and by which process. A note whose process
is gone means that nobody gave the terminal back: after `kill -9`, or when the power failed.
"""

import contextlib
import os
import sys
import termios
from pathlib import Path
from typing import Any

SANE = "\x1b[0m\x1b[?25h\x1b[?1049l"
"""Plain letters, a cursor, the ordinary screen."""


def note_taken() -> None:
    """Notes that this process shows a picture in the terminal."""
    note = _note()
    if note is not None:
        with contextlib.suppress(OSError):  # without a note only the healing is missing
            note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            note.write_text(str(os.getpid()), encoding="ascii")


def note_given_back() -> None:
    """Takes the note back."""
    note = _note()
    if note is not None:
        with contextlib.suppress(OSError):
            note.unlink()


def heal() -> bool:
    """Makes the terminal sane where a killed program left it; returns whether that was so."""
    note = _note()
    if note is None or not note.is_file() or _is_alive(note):
        return False
    print(SANE, end="", flush=True)
    with contextlib.suppress(OSError, termios.error):
        mode: list[Any] = termios.tcgetattr(0)
        mode[0] |= termios.ICRNL
        mode[3] |= termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN
        termios.tcsetattr(0, termios.TCSADRAIN, mode)
    note_given_back()
    return True


def _note() -> Path | None:
    """Returns where the note of this terminal lies; None where there is no terminal."""
    try:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            return None
        terminal = os.ttyname(sys.stdout.fileno())
    except OSError:
        return None
    return Path.home() / ".attune" / "terminals" / terminal.strip("/").replace("/", "-")


def _is_alive(note: Path) -> bool:
    try:
        os.kill(int(note.read_text(encoding="ascii")), 0)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True
