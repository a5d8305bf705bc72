"""What a person lets Attune remember between talks: a short list of their own words, in one file.

Nothing is remembered unless the person switched that on, and nothing comes into the list unless
they said so, wrote it, or agreed to a suggestion. The file is `~/.attune/memory.json`, for its
owner only; `erase` deletes it.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.errors import InputError, OutputError

DEFAULT_FILE = Path("~/.attune/memory.json")
MOST_FACTS = 40
LONGEST_CHARACTERS = 200
MOST_TOLD = 1_200
"""Characters of the list that the model is told; the newest count. About 300 tokens."""
HEADING = "What the person asked you to remember, in their own words:"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Remembered:
    """The list as it is."""

    is_on: bool = False
    facts: tuple[str, ...] = ()
    """In the person's own words, the oldest first."""

    @property
    def told(self) -> str:
        """What the model is told: nothing where it is switched off or empty."""
        kept: list[str] = []
        for fact in reversed(self.facts if self.is_on else ()):
            if sum(map(len, kept)) + len(fact) > MOST_TOLD:
                break
            kept.append(fact)
        return "\n".join([HEADING, *(f"- {fact}" for fact in reversed(kept))]) if kept else ""


class RememberedFile:
    """The file that holds the list. Each change is read, made and written as one step."""

    def __init__(self, path: Path = DEFAULT_FILE) -> None:
        """Reads and writes `path`, which need not exist yet."""
        self.path = path.expanduser()

    def read(self) -> Remembered:
        """Returns the list.

        Raises:
            InputError: The file is damaged, or cannot be read; says what to do.
        """
        try:
            held: Any = json.loads(self.path.read_text(encoding="utf-8"))
            if held["version"] != VERSION or not isinstance(held["on"], bool):
                raise ValueError("it is of another version")
            return Remembered(held["on"], tuple(map(str, held["facts"])))
        except FileNotFoundError:
            return Remembered()
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InputError(
                f"{self.path}, what is remembered between talks, cannot be read ({error}): mend "
                "it, or delete it by `app.py memory erase`"
            ) from error

    def switch(self, *, on: bool) -> None:
        """Remembers from now on, or not; the list stays as it is."""
        with self._changing() as (now, write):
            write(Remembered(on, now.facts))

    def add(self, fact: str) -> str:
        """Adds something to the list; what is there already moves to its end. Returns it.

        Raises:
            InputError: It is empty or too long, or the list is full.
        """
        fact = _checked(fact)
        with self._changing() as (now, write):
            others = tuple(one for one in now.facts if one.casefold() != fact.casefold())
            if len(others) >= MOST_FACTS:
                raise InputError(f"{MOST_FACTS} things are remembered already: remove one first")
            write(Remembered(now.is_on, (*others, fact)))
        return fact

    def change(self, number: int, fact: str) -> None:
        """Puts something else in the place `number`, counted from 1.

        Raises:
            InputError: There is no such place, or what is to stand there is empty or too long.
        """
        fact = _checked(fact)
        with self._changing() as (now, write):
            place = _place(now, number)
            write(Remembered(now.is_on, (*now.facts[:place], fact, *now.facts[place + 1 :])))

    def remove(self, number: int) -> str:
        """Takes what stands in the place `number`, counted from 1, off the list; returns it.

        Raises:
            InputError: There is no such place.
        """
        with self._changing() as (now, write):
            place = _place(now, number)
            write(Remembered(now.is_on, now.facts[:place] + now.facts[place + 1 :]))
        return now.facts[place]

    def erase(self) -> None:
        """Deletes the file: nothing is remembered, and remembering is off.

        Raises:
            OutputError: It cannot be deleted.
        """
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{self.path} cannot be deleted: {error.strerror}") from error

    @contextmanager
    def _changing(self) -> Generator[tuple[Remembered, Any]]:
        """Gives the list as it is and what writes another, while nobody else can change it."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = os.open(self.path.parent, os.O_RDONLY)
        except OSError as error:
            raise OutputError(f"{self.path} cannot be written: {error.strerror}") from error
        try:
            # The folder is locked and not the file, which every change replaces.
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield self.read(), self._write
        finally:
            os.close(folder)

    def _write(self, held: Remembered) -> None:
        text = json.dumps(
            {"version": VERSION, "on": held.is_on, "facts": held.facts},
            ensure_ascii=False,
            indent=2,
        )
        try:
            # Beside it first: whoever is cut off in the middle has the old list, whole.
            descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=".memory-")
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(f"{text}\n")
            Path(name).replace(self.path)
        except OSError as error:
            raise OutputError(f"{self.path} cannot be written: {error.strerror}") from error


def _checked(fact: str) -> str:
    fact = " ".join(fact.split()).rstrip(".!")
    if not fact:
        raise InputError("say what is to be remembered")
    if len(fact) > LONGEST_CHARACTERS:
        raise InputError(
            f"that has {len(fact)} characters, and {LONGEST_CHARACTERS} can be remembered: make "
            "it shorter"
        )
    return fact


def _place(held: Remembered, number: int) -> int:
    if not 1 <= number <= len(held.facts):
        there = f"they end with {len(held.facts)}" if held.facts else "nothing is"
        raise InputError(f"there is no number {number} among what is remembered: {there}")
    return number - 1
