"""The keyboard of the terminal: which key does what, and reading keys without Enter."""

import codecs
import contextlib
import os
import sys
import termios
import tty
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

from models.emotions import Emotion
from ui.terminal.suspension import SUSPENSION


class Action(StrEnum):
    """What a person can do by key."""

    TALK = "talk"
    INTERRUPT = "interrupt"
    MUTE = "mute"
    CORRECT = "correct"
    TYPE = "type"
    SAVE = "save"
    BACK = "back"
    ON = "on"
    HELP = "help"
    QUIT = "quit"


@dataclass(frozen=True, slots=True)
class Binding:
    """One line of the key help."""

    keys: str
    """As they are shown."""
    short: str
    """For the foot of the picture."""
    about: str


BINDINGS: dict[Action, Binding] = {
    Action.TALK: Binding("space", "talk", "with --echo push-to-talk: begin to speak, then send it"),
    Action.INTERRUPT: Binding("space or i", "interrupt", "silence Attune (speaking does it too)"),
    Action.MUTE: Binding("m", "mute", "close or open the microphone"),
    Action.CORRECT: Binding(
        "1-5",
        "correct",
        "how your last turn was meant: "
        + ", ".join(f"{emotion + 1} {emotion.label}" for emotion in Emotion),
    ),
    Action.TYPE: Binding("t", "type", "write instead of speaking; Enter sends, Esc leaves"),
    Action.SAVE: Binding("s", "save", "write the talk so far to a file"),
    Action.BACK: Binding("PgUp PgDn", "scroll", "look back (arrows too); Esc returns"),
    Action.HELP: Binding("? or h", "help", "show or hide this list"),
    Action.QUIT: Binding("q", "quit", "end, and save it if you like (or Ctrl-C)"),
}

_SIMPLE = {
    " ": Action.TALK,
    "i": Action.INTERRUPT,
    "m": Action.MUTE,
    "t": Action.TYPE,
    "s": Action.SAVE,
    "?": Action.HELP,
    "h": Action.HELP,
    "q": Action.QUIT,
    "\x03": Action.QUIT,
    "\x04": Action.QUIT,
    "page up": Action.BACK,
    "up": Action.BACK,
    "page down": Action.ON,
    "down": Action.ON,
}

PASTED = "\x1b[200~"
"""How a key begins that is a text that was pasted; terminals announce it by the same sequence."""
_PASTED_END = "\x1b[201~"
_PASTES, _PASTES_NOT = b"\x1b[?2004h", b"\x1b[?2004l"
"""Asks the terminal to tell what is pasted from what is typed, and not to any more."""
DUMB = (None, "", "dumb", "unknown")
"""Terminals that print what they are asked instead of obeying."""
_SEQUENCES = {
    **{"\x1b[5~": "page up", "\x1b[6~": "page down"},
    **{"\x1b[A": "up", "\x1b[B": "down", "\x1bOA": "up", "\x1bOB": "down"},
}
"""What terminals send for keys that have a name here; the wheel of a mouse comes as arrows."""


@dataclass(frozen=True, slots=True)
class KeyCommand:
    """An action and, for a correction, the emotion."""

    action: Action
    emotion: Emotion | None = None


def key_help() -> str:
    """Returns the keys in one plain line each."""
    return "\n".join(f"{binding.keys}: {binding.about}." for binding in BINDINGS.values())


def command_of(key: str) -> KeyCommand | None:
    """Returns what a key asks for; None for a key without a meaning."""
    if key in _SIMPLE:
        return KeyCommand(_SIMPLE[key])
    if key.lower() in _SIMPLE:
        return KeyCommand(_SIMPLE[key.lower()])
    if key.isascii() and key.isdigit() and 1 <= int(key) <= len(Emotion):
        return KeyCommand(Action.CORRECT, Emotion(int(key) - 1))
    return None


class KeyDecoder:
    """Turns what a terminal sends into keys; function keys are left out."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._is_pasting = False
        self._held_back = ""

    def keys(self, data: bytes) -> list[str]:
        """Returns the keys in `data`.

        They are characters, a lone Esc, the names of keys that scroll, and pasted texts, in which
        a letter is no command and a new line sends nothing.
        """
        text, self._held_back = self._held_back + self._decode.decode(data), ""
        keys: list[str] = []
        while PASTED in text or self._is_pasting:
            typed, text = ("", text) if self._is_pasting else text.split(PASTED, 1)
            keys += self._typed(typed)
            pasted, ends, text = text.partition(_PASTED_END)
            self._is_pasting = not ends
            if not ends:  # the end may come in two parts
                pasted, self._held_back = _without_beginning(pasted, _PASTED_END)
            keys += [PASTED + pasted] if pasted else []
            if self._is_pasting:
                return keys
        return keys + self._typed(text)

    def _typed(self, text: str) -> list[str]:
        keys: list[str] = []
        position = 0
        while position < len(text):
            length = _sequence_length(text, position)
            if length == 1:
                keys.append(text[position])
            elif (name := _SEQUENCES.get(text[position : position + length])) is not None:
                keys.append(name)
            position += length
        return keys


def _without_beginning(text: str, sequence: str) -> tuple[str, str]:
    """Returns `text` without what at its end may be the beginning of `sequence`, and that."""
    for length in range(len(sequence) - 1, 0, -1):
        if text.endswith(sequence[:length]):
            return text[:-length], text[-length:]
    return text, ""


def _sequence_length(text: str, start: int) -> int:
    """Returns the length of the escape sequence at `start`, or 1 where none begins."""
    if text[start] != "\x1b" or start + 1 >= len(text):
        return 1
    if text[start + 1] == "O":
        return min(3, len(text) - start)
    if text[start + 1] != "[":
        return 2
    end = start + 2
    while end < len(text) and not "@" <= text[end] <= "~":
        end += 1
    return end + 1 - start


class Keyboard:
    """Standard input with each key at once and without echo; restored in every case."""

    def __init__(self) -> None:
        self._fd = sys.stdin.fileno()
        self._before: list[Any] = termios.tcgetattr(self._fd)
        self._decoder = KeyDecoder()

    @property
    def fd(self) -> int:
        """The file descriptor to wait for."""
        return self._fd

    def __enter__(self) -> Self:
        """Switches the terminal; Ctrl-S loses its meaning, Ctrl-C and Ctrl-Z keep theirs."""
        self._take()
        SUSPENSION.add(self._give_back, self._take)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Gives the terminal back as it was."""
        SUSPENSION.remove(self._give_back)
        self._give_back()

    def _take(self) -> None:
        tty.setcbreak(self._fd, termios.TCSADRAIN)
        mode: list[Any] = termios.tcgetattr(self._fd)
        mode[0] &= ~(termios.IXON | termios.IXOFF)
        termios.tcsetattr(self._fd, termios.TCSADRAIN, mode)
        self._ask(_PASTES)

    def _give_back(self) -> None:
        with contextlib.suppress(OSError, termios.error):  # a closed terminal needs nothing back
            self._ask(_PASTES_NOT)
            termios.tcsetattr(self._fd, termios.TCSAFLUSH, self._before)

    def _ask(self, request: bytes) -> None:
        if os.environ.get("TERM") in DUMB:
            return
        with contextlib.suppress(OSError):  # a terminal that is open for reading only
            os.write(self._fd, request)

    def read(self) -> list[str] | None:
        """Returns the keys that are waiting; None when the terminal is gone."""
        try:
            data = os.read(self._fd, 1024)
        except BlockingIOError:
            return []
        except OSError:
            return None
        return self._decoder.keys(data) if data else None
