"""The entry of a program with commands: which is run, with which settings, what is said of errors.

Each command loads only what it needs.
"""

import logging
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from command_line.commands import Command, load
from command_line.output import is_full_or_closed, printing

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
HELP = ("-h", "--help", "--help-all", "help")


@dataclass(frozen=True, slots=True)
class Failure:
    """What is said of an error, and the exit status that it ends the program with."""

    message: str
    status: int = EXIT_FAILED


def _visible(message: str) -> str:
    """Returns a message on one line, without what a terminal would act on: names may hold both."""
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], message)


def _as_given(run: Callable[[Any], Any], settings: Any) -> int:
    return run(settings)


@dataclass(frozen=True, slots=True)
class Entry:
    """A program; `main` runs it."""

    name: str
    """It stands before what the program says of itself."""
    called: str
    """How a person calls it."""
    usage: str
    about: str
    commands: Mapping[str, Command]
    told: Callable[[Exception], Failure | None]
    """Says what went wrong, in a sentence; None of what nobody expected."""
    disk_full: str
    log_format: str
    variable_prefix: str = ""
    """What its variables of the environment begin with."""
    variables: tuple[str, ...] = ()
    """The rest of their names: what is nearly called so is pointed out."""
    log_level: int = logging.WARNING
    """While nothing is debugged."""
    run: Callable[[Callable[[Any], Any], Any], int] = _as_given
    """Runs a command with its settings, which may be completed first; returns the exit status."""

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """Runs one command; returns the exit status of the process."""
        given = list(sys.argv[1:] if arguments is None else arguments)
        return printing(lambda: self._main(given), lambda _: f"{self.name}: {self.disk_full}")

    def _main(self, given: list[str]) -> int:
        if given[:1] == ["help"] and given[1:2]:
            given = [given[1], "--help"]
        if not given or given[0] in HELP:
            print(self._overview())
            return 0 if given else EXIT_USAGE
        name, *rest = given
        if name not in self.commands:
            print(self._unknown(name), file=sys.stderr)
            return EXIT_USAGE
        for hint in self._misspelt_variables():
            print(f"{self.name}: {hint}", file=sys.stderr)
        debug = "--debug" in rest
        level = min(self.log_level, logging.INFO) if debug else self.log_level
        logging.basicConfig(level=level, format=self.log_format)
        try:
            return self.run(load(self.commands[name].run), self._settings(name, rest))
        except KeyboardInterrupt:
            print("stopped; what was finished is kept", file=sys.stderr)
            return EXIT_INTERRUPTED
        except Exception as error:
            if debug or is_full_or_closed(error):
                raise
            failure = self._failure(error)
            print(f"{self.name}: {_visible(failure.message)}", file=sys.stderr)
            return failure.status

    def _misspelt_variables(self) -> Iterator[str]:
        """Yields a sentence for each variable that was surely meant for this program."""
        prefix = self.variable_prefix
        for name in os.environ if self.variables else ():
            own = name.removeprefix(prefix)
            if name.startswith(prefix) and own not in self.variables:
                from command_line.options import near

                if meant := near(own, list(self.variables)):
                    yield f"{name} has no effect: did you mean {prefix}{meant}?"

    def _settings(self, name: str, rest: list[str]) -> Any:
        """Returns the settings of a command: defaults, then the file of --config, then flags."""
        from command_line.settings import Program, read_settings

        kind, note = load(self.commands[name].settings), ""
        if "debug" not in kind.model_fields:
            rest = [argument for argument in rest if argument != "--debug"]
            note = " --debug shows the traceback of an error."
        return read_settings(kind, Program(self.called, name, self.commands), rest, note)

    def _failure(self, error: Exception) -> Failure:
        from command_line.refusals import UsageError

        told = self.told(error)
        if told is None:
            return Failure(
                f"unexpected {type(error).__name__}: {error} "
                "(run it again with --debug and report what it shows)"
            )
        return Failure(told.message, EXIT_USAGE) if isinstance(error, UsageError) else told

    def _unknown(self, name: str) -> str:
        from command_line.options import near

        meant = near(name, list(self.commands))
        hint = f"did you mean {meant}?" if meant else f"choose one of {', '.join(self.commands)}"
        return f"{self.name}: there is no command {name!r}: {hint}"

    def _overview(self) -> str:
        width = max(len(name) for name in self.commands)
        columns = min(100, max(30, shutil.get_terminal_size().columns - 1))

        def wrapped(text: str, *, first: str = "", indent: int = 0) -> str:
            behind = " " * indent
            return textwrap.fill(text, columns, initial_indent=first, subsequent_indent=behind)

        lines = [
            wrapped(command.summary, first=f"  {name:<{width}}  ", indent=width + 4)
            for name, command in self.commands.items()
        ]
        explained = wrapped(f"`{self.called} COMMAND --help` explains a command.")
        return "\n".join(
            [
                f"usage: {self.usage}",
                "",
                wrapped(self.about),
                "",
                "commands:",
                *lines,
                "",
                explained,
            ]
        )
