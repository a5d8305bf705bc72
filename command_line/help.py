"""What `--help` and `--help-all` print: the options that people use, or all of them by groups."""

import inspect
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast, get_args, get_origin

from pydantic import BaseModel

from command_line.called import as_called
from command_line.commands import Command
from command_line.options import Keys, Option, choices, options, part_of, short_names

NARROWEST, WIDEST = 30, 100
"""Characters in a line; longer ones are hard to read, however wide the terminal is."""
BESIDE = 72
"""From this width on an explanation stands beside its option, below that it stands under it."""
NAME_CELLS = 26


def help_text(
    kind: type[BaseModel],
    called: str,
    command: Command,
    *,
    is_whole: bool = False,
    note: str = "",
    width: int | None = None,
) -> str:
    """Returns the help of a command.

    Args:
        kind: Its settings.
        called: Program and command, as a person types them.
        command: What is known of it beside its settings.
        is_whole: Whether all options are shown, by groups, instead of those that people use.
        note: A further sentence.
        width: Characters in a line; those of the terminal if not given.
    """
    width = min(WIDEST, max(NARROWEST, width or shutil.get_terminal_size().columns - 1))
    known = [option for option in options(kind) if not option.is_hidden]
    page = _Page(width, called.rpartition(" ")[0], {} if is_whole else short_names(known))
    places = " ".join(_place(option, width) for option in known if option.is_positional)
    page.paragraph(f"usage: {called} {places} [OPTIONS]".replace("  ", " "))
    for paragraph in inspect.cleandoc(kind.__doc__ or "").split("\n\n"):
        page.paragraph(paragraph)
    page.examples(called, command.examples)
    chosen = known if is_whole else _chosen(known, command.often.split())
    for keys, members in (_groups(chosen) if is_whole else {(): chosen}).items():
        page.heading(_heading(kind, keys))
        page.options(members)
    if len(chosen) < len(known):
        page.paragraph(f"`{called} --help-all` shows all {len(known)} options.")
    table = called.rpartition(" ")[2]
    page.paragraph(
        f"--config FILE.toml gives defaults for them in a table [{table}]; what stands on the "
        f"command line wins.{note}"
    )
    return "\n".join(page.lines).rstrip()


class _Page:
    """Lines of a help, no longer than the terminal is wide."""

    def __init__(self, width: int, program: str, shorter: Mapping[Keys, str]) -> None:
        self.lines: list[str] = []
        self._width = width
        self._program = program
        self._shorter = shorter

    def paragraph(self, text: str) -> None:
        self._wrapped(text)
        self.lines.append("")

    def heading(self, text: str) -> None:
        self._wrapped(text)

    def examples(self, called: str, examples: Sequence[tuple[str, str]]) -> None:
        if not examples:
            return
        self.heading("examples:")
        for arguments, about in examples:
            # A command is never broken: it is there to be copied.
            self.lines.append(f"  {called} {arguments}".rstrip())
            self._wrapped(about, indent=6)
        self.lines.append("")

    def options(self, members: Sequence[Option]) -> None:
        for option in members:
            name, about = self._name(option), as_called(_about(option), self._program)
            if self._width < BESIDE or len(name) > NAME_CELLS - 2:
                self._wrapped(name, indent=2, further=4)
                self._wrapped(about, indent=NAME_CELLS + 2 if self._width >= BESIDE else 6)
            else:
                self._wrapped(about, indent=NAME_CELLS + 2, first=f"  {name:<{NAME_CELLS}}")
        self.lines.append("")

    def _name(self, option: Option) -> str:
        if option.is_positional:
            return _place(option, self._width)
        name = self._shorter.get(option.keys, option.name)
        if option.is_flag and option.default is True:
            parts, dot, last = name.rpartition(".")
            return f"--{parts}{dot}[no-]{last}"
        return f"--{name} {_value(option, self._width)}".rstrip()

    def _wrapped(
        self, text: str, *, indent: int = 0, further: int | None = None, first: str | None = None
    ) -> None:
        self.lines += textwrap.wrap(
            " ".join(text.split()),
            self._width,
            initial_indent=" " * indent if first is None else first,
            subsequent_indent=" " * (indent if further is None else further),
            break_on_hyphens=False,
            break_long_words=False,
        )


def _chosen(known: Sequence[Option], often: Sequence[str]) -> list[Option]:
    """Returns what is told by its place, then what is used often, in that order; else all."""
    rank = {name: number for number, name in enumerate(often)}
    found = [o for o in known if o.is_positional or o.name in rank or not often]
    # Of a command that has few options, the one for who looks for a fault is the last.
    return sorted(found, key=lambda o: (not o.is_positional, rank.get(o.name, o.name == "debug")))


def _groups(known: Sequence[Option]) -> dict[Keys, list[Option]]:
    groups: dict[Keys, list[Option]] = {(): []}
    for option in known:
        # What is in no part stands first, wherever it lies in the tree.
        groups.setdefault(option.keys[:-1], []).append(option)
    return {keys: members for keys, members in groups.items() if members}


def _heading(kind: type[BaseModel], keys: Keys) -> str:
    if not keys:
        return "options:"
    part = kind
    for key in keys:
        part = part_of(part.model_fields[key]) or part
    about = next(iter(inspect.cleandoc(part.__doc__ or "").split("\n\n")))
    return f"{'.'.join(keys)}: {about}"


def _about(option: Option) -> str:
    """Returns what an option is, and its default where there is one worth to be named."""
    default = option.default
    if option.is_flag and default is True:
        return f"{option.about} [yes]"
    is_plain = default is None or isinstance(default, bool) or default in ("", ())
    if is_plain or "default" in option.about:
        return option.about
    several = cast("tuple[Any, ...]", default) if isinstance(default, tuple) else (default,)
    told = " ".join(map(str, several))
    return f"{option.about} [{told}]"


def _place(option: Option, width: int) -> str:
    """Returns how an option is written that is told by its place, in lines of `width`."""
    named = choices(option.kind)
    name = _breakable("|".join(named), width) if named else option.keys[-1].upper()
    return f"[{name}{' …' if option.takes is None else ''}]"


def _breakable(words: str, width: int) -> str:
    """Returns words with bars between them; where a line is too short it may break there."""
    return words if len(words) < width - 4 else words.replace("|", " | ")


def _value(option: Option, width: int) -> str:
    """Returns the word for the value of an option, as in ``--threads N``, in lines of `width`."""
    if option.is_flag:
        return ""
    if get_origin(option.kind) is dict:
        return "NAME VALUE …"
    several = " …" if option.takes is None else ""
    if named := choices(option.kind):
        return _breakable("|".join(named), width) + several
    kind: Any = get_args(option.kind)[0] if get_origin(option.kind) is tuple else option.kind
    about = option.about.lower()
    if kind is Path:
        # A setting that may be either says both: `or a folder`.
        word = "FOLDER" if about.startswith("folder") else "PATH" if "folder" in about else "FILE"
    else:
        word = {int: "N", float: "NUMBER"}.get(kind, "TEXT")
    count = option.takes or 1
    return " ".join([word] * count) + several
