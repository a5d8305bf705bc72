"""The settings of a command: its defaults, then a table of a TOML file, then the arguments."""

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from command_line.arguments import read_arguments, take_option
from command_line.commands import Command
from command_line.help import help_text
from command_line.options import Keys, Option, near, options, part_of
from command_line.refusals import UsageError, odd_value, told

Tree = dict[str, Any]
SettingsT = TypeVar("SettingsT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Program:
    """Which command is run, and by what it is called."""

    name: str
    """How a person calls it: `attune`, `python app.py` or `python -m train`."""
    command: str
    commands: Mapping[str, Command]
    """All commands: their tables may stand in a settings file too."""


def read_settings(
    kind: type[SettingsT], program: Program, arguments: Sequence[str], note: str = ""
) -> SettingsT:
    """Returns the settings; with --help or --help-all, prints it and raises `SystemExit`.

    Args:
        kind: The settings of the command.
        program: What is run.
        arguments: What stands behind the command.
        note: A further sentence for the help.

    Raises:
        UsageError: An option, a key or a value cannot work.
    """
    if asked := {"-h", "--help", "--help-all"} & set(arguments):
        called, command = f"{program.name} {program.command}", program.commands[program.command]
        print(help_text(kind, called, command, is_whole="--help-all" in asked, note=note))
        raise SystemExit(0)
    rest, config = take_option(arguments, "--config")
    known = list(options(kind))
    given = read_arguments(rest, known)
    values = read_table(kind, Path(config), program) if config is not None else {}
    for keys, value in given.values.items():
        part = values
        for key in keys[:-1]:
            part = part.setdefault(key, {})
        part[keys[-1]] = value
    return validated(kind, values, _Names(program.command, config, given.names, known))


def table_settings(kind: type[SettingsT], values: Tree, *, command: str, file: str) -> SettingsT:
    """Returns the settings of one command, given by a table of a file alone.

    Args:
        kind: The settings of the command.
        values: What differs from their defaults.
        command: The table's name, for messages.
        file: Where it stands, for messages.

    Raises:
        UsageError: A key or a value cannot work.
    """
    return validated(kind, values, _Names(command, file, {}, list(options(kind))))


def read_table(kind: type[BaseModel], path: Path, program: Program) -> Tree:
    """Returns the command's table in a TOML file, empty where there are only those of others.

    Raises:
        UsageError: The file is missing or no TOML, or holds what no command would read.
    """
    try:
        if path.exists() and not path.is_file():
            raise UsageError(f"settings file {path} is no file: name a .toml file")
        # Some editors put a mark before the text, which TOML does not know.
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UsageError(
            f"settings file {path} does not exist: check the name and the folder"
        ) from None
    except OSError as error:
        raise UsageError(
            f"settings file {path} cannot be read ({error.strerror}): change its permissions, or "
            "name another"
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"settings file {path} is no UTF-8 text: save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"settings file {path} is no valid TOML: {error}") from error
    for name, table in tables.items():
        if not isinstance(table, dict) and name in program.commands:
            raise UsageError(
                f"{path}: {name} is no table: write [{name}] on a line of its own, and below it "
                "the settings"
            )
        if not isinstance(table, dict):
            raise UsageError(f"{path}: {name} stands in no table: {_place(kind, name, program)}")
        if name not in program.commands:
            own = program.command
            lacks = "" if own in tables else f" has no table [{own}], and"
            raise UsageError(
                f"{path}{lacks or ':'} no command reads [{name}]: {_meant(kind, name, program)}"
            )
    return cast(Tree, tables.get(program.command, {}))


def _place(kind: type[BaseModel], name: str, program: Program) -> str:
    fields = [option.keys for option in options(kind) if option.keys[-1] == name]
    table = ".".join([program.command, *(fields[0][:-1] if fields else ())])
    return f"put it under [{table}]"


def _meant(kind: type[BaseModel], name: str, program: Program) -> str:
    if name in kind.model_fields:
        return f"did you mean [{program.command}.{name}]?"
    meant = near(name, list(program.commands))
    return f"did you mean [{meant}]?" if meant else f"use {_listed(program.commands)}"


def _listed(names: Collection[str]) -> str:
    return ", ".join(f"[{name}]" for name in names)


@dataclass(frozen=True, slots=True)
class _Names:
    """What a person calls a setting: as they gave it, in the file or on the command line."""

    command: str
    file: str | None
    given: Mapping[Keys, str]
    """Those on the command line, as they are called there; empty for one told by its place."""
    known: Sequence[Option]

    def of(self, keys: Keys) -> str:
        """Returns the name of a setting, or of a part of the tree."""
        option = self.option(keys)
        if option and option.keys in self.given:
            return self.given[option.keys] or option.keys[-1]
        if option is None and any(known[: len(keys)] == keys for known in self.given):
            return f"--{'.'.join(keys)}".replace("_", "-")
        return f"{self.file}: {'.'.join((self.command, *keys))}" if self.file else ".".join(keys)

    def option(self, keys: Keys) -> Option | None:
        """Returns the setting that lies there or, of a list, holds what lies there."""
        return next((one for one in self.known if one.keys == keys[: len(one.keys)]), None)

    def meant(self, keys: Keys) -> str | None:
        """Returns which setting `keys` call by its name on the command line, and where it lies."""
        name = keys[-1].replace("_", "-").lstrip("-")
        found = [o for o in self.known if name in (o.name, o.name.rpartition(".")[2])]
        if len(found) != 1:
            return None
        *parts, own = found[0].keys
        return f"{own} under [{'.'.join((self.command, *parts))}]"


def validated(kind: type[SettingsT], values: Tree, names: _Names) -> SettingsT:
    """Returns the settings of which `values` differ from the defaults.

    Raises:
        UsageError: One of them cannot work.
    """
    for option in names.known:
        value = _at(values, option.keys)
        trouble = None if value is None else odd_value(option, value)
        if trouble:
            raise UsageError(f"{names.of(option.keys)} {trouble}")
    # A part of which the file names one setting keeps the command's own defaults for the others.
    merged = _merged(kind().model_dump(), values, {option.keys for option in names.known})
    try:
        return kind.model_validate(merged)
    except ValidationError as error:
        first = error.errors()[0]
        keys = tuple(map(str, first["loc"]))
        siblings = list(_part(kind, keys[:-1]).model_fields)
        option = names.option(keys)
        if first["type"] == "extra_forbidden" and (meant := names.meant(keys)):
            hint = f"is no setting: did you mean {meant}?"
            raise UsageError(f"{names.of(keys)} {hint}") from error
        behind = ":" if option is None and first["type"] == "value_error" else ""
        raise UsageError(f"{names.of(keys)}{behind} {told(first, option, siblings)}") from error


def _merged(base: Tree, over: Tree, settings: Collection[Keys], keys: Keys = ()) -> Tree:
    """Returns `base` with what is in `over`, part by part; a setting is replaced whole."""
    merged = dict(base)
    for key, value in over.items():
        below, here = merged.get(key), (*keys, key)
        is_part = isinstance(below, dict) and isinstance(value, dict) and here not in settings
        merged[key] = (
            _merged(cast(Tree, below), cast(Tree, value), settings, here) if is_part else value
        )
    return merged


def _at(values: Tree, keys: Keys) -> Any:
    found: Any = values
    for key in keys:
        if not isinstance(found, dict):
            return None
        found = cast(Tree, found).get(key)
    return found


def _part(kind: type[BaseModel], keys: Keys) -> type[BaseModel]:
    """Returns the settings at `keys`, or those that the way there ends in."""
    for key in keys:
        below = part_of(kind.model_fields.get(key))
        if below is None:
            break
        kind = below
    return kind
