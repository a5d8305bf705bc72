"""Arguments of the command line → values by the settings that they are for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_origin

from command_line.options import Keys, Option, near
from command_line.refusals import UsageError

_OPTION = re.compile(r"--?[A-Za-z]\S*$")
"""What is taken for an option and not for a value; a sentence or a negative number is none."""


@dataclass(frozen=True, slots=True)
class ParsedArguments:
    """What a command line says."""

    values: dict[Keys, Any]
    """As text, a flag as a truth value."""
    names: dict[Keys, str]
    """What each of them is called there; nothing where it is told by its place."""


def read_arguments(arguments: Sequence[str], known: Sequence[Option]) -> ParsedArguments:
    """Returns the values that arguments give.

    An option of a part may be called by the last part of its name where no other one ends so:
    `--threads` is `--run.threads`.

    Raises:
        UsageError: An option is unknown, given twice, without a value or with one too many.
    """
    return _Reader(list(arguments), known).read()


def take_option(arguments: Sequence[str], option: str) -> tuple[list[str], str | None]:
    """Returns the arguments without `option` and its value, and the value.

    Raises:
        UsageError: It is given twice, or without a value.
    """
    rest, found = list[str](), None
    waiting = iter(arguments)
    for argument in waiting:
        name, equals, value = argument.partition("=")
        if name != option:
            rest.append(argument)
            continue
        if found is not None:
            raise UsageError(f"{option} is given twice: give it once")
        found = value if equals else next(waiting, "")
        if not found.strip():
            raise UsageError(f"{option} needs a value: name a file behind it")
    return rest, found


class _Reader:
    def __init__(self, arguments: list[str], known: Sequence[Option]) -> None:
        self._arguments = arguments
        self._named = {
            option.name: option
            for option in known
            if not option.is_positional and not option.is_hidden
        }
        self._places = [option for option in known if option.is_positional]
        self._values: dict[Keys, Any] = {}
        self._called: dict[Keys, str] = {}

    def read(self) -> ParsedArguments:
        loose = list[str]()
        while self._arguments:
            argument = self._arguments.pop(0)
            if argument == "--":
                loose += self._arguments
                break
            if _OPTION.match(argument.partition("=")[0]):
                self._take(argument)
            else:
                loose.append(argument)
        self._place(loose)
        return ParsedArguments(self._values, self._called)

    def _take(self, argument: str) -> None:
        name, equals, inline = argument.partition("=")
        option, is_on = self._find(name)
        self._called.setdefault(option.keys, name)
        if option.keys in self._values:
            raise UsageError(f"{self._called[option.keys]} is given twice: give it once")
        if option.is_flag:
            if equals:
                raise UsageError(f"{name} takes no value: leave {equals}{inline} out")
            self._values[option.keys] = is_on
            return
        taken = [inline] if equals else []
        wanted = option.takes
        while self._arguments and (wanted is None or len(taken) < wanted):
            if self._arguments[0] == "--" or _OPTION.match(self._arguments[0].partition("=")[0]):
                break
            if equals and wanted is None:
                break
            taken.append(self._arguments.pop(0))
        if not taken or (wanted is not None and len(taken) < wanted):
            raise UsageError(f"{name} needs {_count(wanted)}: give it behind the option")
        self._values[option.keys] = self._shaped(option, taken)

    def _find(self, given: str) -> tuple[Option, bool]:
        """Returns the option of that name, and whether it is switched on."""
        name = given.lstrip("-").replace("_", "-")
        if given.startswith("--"):
            parts, _, last = name.rpartition(".")
            plain = f"{parts}.{last[3:]}".lstrip(".") if last.startswith("no-") else ""
            for named, is_on in ((name, True), (plain, False)):
                option = self._ending_in(named, given)
                if option is not None and (is_on or option.is_flag):
                    return option, is_on
        inside = [known for known in self._named if known.startswith(name + ".")]
        if inside:
            raise UsageError(f"{given} is a group of options: name one, such as --{inside[0]}")
        meant = near(name, list(self._named))
        hint = f"did you mean --{meant}?" if meant else "--help-all shows all options"
        raise UsageError(f"there is no option {given}: {hint}")

    def _ending_in(self, name: str, given: str) -> Option | None:
        """Returns the option of that name, or the only one whose name ends in it, if there is."""
        if name in self._named or not name:
            return self._named.get(name)
        ending = [known for known in self._named if known.endswith("." + name)]
        if len(ending) > 1:
            raise UsageError(f"{given} may be {_or(ending)}: name one of them")
        return self._named[ending[0]] if ending else None

    def _place(self, loose: list[str]) -> None:
        """Gives what stands behind no option to the settings that are told by their place."""
        for option in self._places:
            count = len(loose) if option.takes is None else option.takes
            taken, loose = loose[:count], loose[count:]
            if taken:
                self._values[option.keys] = self._shaped(option, taken)
                self._called[option.keys] = ""
        if loose:
            hint = f" (did you mean --input {loose[0]}?)" if "input" in self._named else ""
            raise UsageError(
                f"{loose[0]!r} stands behind no option{hint}: --help-all shows all options"
            )

    @staticmethod
    def _shaped(option: Option, taken: list[str]) -> Any:
        if get_origin(option.kind) is dict:
            if len(taken) % 2:
                raise UsageError(f"--{option.name} needs pairs of a name and a value")
            return dict(zip(taken[::2], taken[1::2], strict=True))
        if option.takes == 1:
            return None if option.may_be_none and taken[0] == "None" else taken[0]
        return tuple(taken)


def _or(names: list[str]) -> str:
    *others, last = (f"--{name}" for name in names)
    return f"{', '.join(others)} or {last}"


def _count(wanted: int | None) -> str:
    return "a value" if wanted in (None, 1) else f"{wanted} values"
