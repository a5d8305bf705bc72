"""The command `memory`: what is remembered between talks, shown and changed by hand."""

import json
import sys
from collections.abc import Callable

from assistant.errors import InputError, SettingsError
from assistant.remembered import RememberedFile
from assistant.settings import MemorySettings
from command_line.called import advice
from ui.shown import one_line

TAKING = ("add", "change", "remove")
"""The actions that take something behind them."""


def memory(settings: MemorySettings) -> int:
    """Runs `memory`; returns the exit status.

    Raises:
        AssistantError: The list cannot be read or changed; says what to do.
    """
    actions: dict[str, Callable[[MemorySettings, RememberedFile], None]] = {
        "list": _list,
        "add": _add,
        "change": _change,
        "remove": _remove,
        "on": lambda settings, file: _switch(settings, file, on=True),
        "off": lambda settings, file: _switch(settings, file, on=False),
        "erase": _erase,
    }
    if settings.items and settings.action not in TAKING:
        raise SettingsError(
            f"memory {settings.action} takes nothing behind it, not {settings.items[0]!r}: leave "
            "it out (`app.py memory remove NUMBER` forgets one thing)"
        )
    actions[settings.action](settings, RememberedFile(settings.file))
    return 0


def _list(settings: MemorySettings, file: RememberedFile) -> None:
    held = file.read()
    if settings.json_lines:
        told = {"on": held.is_on, "facts": held.facts, "file": str(file.path)}
        print(json.dumps(told, ensure_ascii=False))
        return
    state = "on" if held.is_on else advice("off: `app.py memory on` switches it on")
    print(f"Remembering between talks is {state}.")
    for number, fact in enumerate(held.facts, start=1):
        print(f"{number:3}  {one_line(fact)}")
    if held.facts:
        print(f"These lie in {file.path}, and nowhere else.")


def _add(settings: MemorySettings, file: RememberedFile) -> None:
    if not settings.items:
        example = "`python app.py memory add 'my sister is called Ana'`"
        raise SettingsError(f"memory add: say what is to be remembered, as in {example}")
    fact = file.add(" ".join(settings.items))
    print(f"kept: {one_line(fact)}")
    if not file.read().is_on:
        off = "Remembering is off: `app.py memory on` lets Attune know it in the next talk."
        print(advice(off))


def _change(settings: MemorySettings, file: RememberedFile) -> None:
    if len(settings.items) < 2:
        raise SettingsError("memory change: give its number and what is to stand there")
    number, *fact = settings.items
    file.change(_number(number), " ".join(fact))
    _list(settings, file)


def _remove(settings: MemorySettings, file: RememberedFile) -> None:
    if not settings.items:
        raise SettingsError("memory remove: give the numbers, as `app.py memory list` shows them")
    # From the end: what is removed first would change the numbers of the others.
    for number in sorted({_number(item) for item in settings.items}, reverse=True):
        print(f"forgotten: {one_line(file.remove(number))}")


def _number(text: str) -> int:
    if not text.isdecimal():
        raise SettingsError(f"memory: {text!r} is no number of the list")
    return int(text)


def _switch(settings: MemorySettings, file: RememberedFile, *, on: bool) -> None:
    file.switch(on=on)
    _list(settings, file)


def _erase(settings: MemorySettings, file: RememberedFile) -> None:
    if not settings.yes:
        if not sys.stdin.isatty():
            raise SettingsError("memory erase cannot ask here: give --yes to erase without asking")
        answer = input("Forget all that was kept between talks? This cannot be undone. [y/N] ")
        if answer.strip().casefold() not in ("y", "yes"):
            raise InputError("nothing was erased")
    file.erase()
    print("Nothing is remembered any more, and remembering is off.")
