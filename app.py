"""Attune on the command line: `python app.py COMMAND`; each command loads only what it needs."""

import difflib
import importlib
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from assistant.settings import CommonSettings


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its settings class and what runs it, as `module:name`, imported when chosen."""

    summary: str
    settings: str
    run: str


COMMANDS = {
    "talk": Command(
        "talk with Attune by voice, in the terminal",
        "assistant.settings:TalkCommandSettings",
        "ui.terminal:talk",
    ),
    "web": Command(
        "open Attune in the browser, and a realtime socket for other software",
        "ui.web_settings:WebSettings",
        "ui.web_command:web",
    ),
    "reply": Command(
        "answer recordings of a person: emotion, words, spoken answer, transcript",
        "assistant.settings:ReplySettings",
        "ui.report:reply",
    ),
    "doctor": Command(
        "show what works on this machine and how to mend what does not",
        "assistant.settings:DoctorSettings",
        "ui.report:doctor",
    ),
    "voices": Command(
        "list, try, check and add voices",
        "assistant.settings:VoicesSettings",
        "ui.voices:voices",
    ),
    "models": Command(
        "list, fetch, verify and remove the pretrained parts of voices and models",
        "assistant.settings:ModelsSettings",
        "ui.parts:models",
    ),
}

FLAGS = ("-h", "--help", "--debug", "--no-debug", "--json", "--no-json")
"""The options of `voices` that take no value."""
EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit status of the process."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_overview())
        return 0 if arguments else EXIT_USAGE
    name, rest = arguments[0], arguments[1:]
    if name not in COMMANDS:
        print(_unknown(name), file=sys.stderr)
        return EXIT_USAGE
    os.environ.setdefault("PYDANTIC_ERRORS_INCLUDE_URL", "0")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    debug = "--debug" in rest
    logging.basicConfig(
        level=logging.INFO if debug else logging.WARNING, format="%(name)s: %(message)s"
    )
    from assistant.errors import AssistantError

    try:
        settings = _settings(name, rest)
        run = cast("Callable[[CommonSettings], int]", _load(COMMANDS[name].run))
        return run(settings)
    except KeyboardInterrupt:
        print("stopped; what was finished is kept", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except AssistantError as error:
        if debug:
            raise
        print(f"attune: {error}", file=sys.stderr)
        return EXIT_FAILED
    except Exception as error:
        if debug:
            raise
        print(
            f"attune: unexpected {type(error).__name__}: {error} "
            "(run it again with --debug and report what it shows)",
            file=sys.stderr,
        )
        return EXIT_FAILED


def _settings(name: str, arguments: list[str]) -> "CommonSettings":
    """Returns the settings of a command: defaults, then the file named by --config, then flags."""
    import tyro

    from assistant.settings import from_file

    settings_class = cast("type[CommonSettings]", _load(COMMANDS[name].settings))
    arguments, config = _take_option(arguments, "--config")
    if name == "voices":
        arguments = _names_first(arguments)
    default = from_file(settings_class, Path(config), name) if config else settings_class()
    return tyro.cli(
        settings_class,
        prog=f"app.py {name}",
        args=arguments,
        default=default,
        description=f"{settings_class.__doc__}\n\n--config FILE.toml gives defaults for these "
        f"options in a table [{name}]; options on the command line win over it.",
    )


def _take_option(arguments: list[str], option: str) -> tuple[list[str], str | None]:
    """Returns the arguments without `option` and its value, and the value."""
    for index, argument in enumerate(arguments):
        if argument == option and index + 1 < len(arguments):
            return arguments[:index] + arguments[index + 2 :], arguments[index + 1]
        if argument.startswith(option + "="):
            return arguments[:index] + arguments[index + 1 :], argument.split("=", 1)[1]
    return arguments, None


def _names_first(arguments: list[str]) -> list[str]:
    """Returns the arguments of `voices` with all that are no options, or values of one, in front.

    `tyro` takes them in one piece only, while ``add NAME --emotion sad CLIP`` reads best.
    """
    names, options = list[str](), list[str]()
    remaining = iter(arguments)
    for argument in remaining:
        if not argument.startswith("-"):
            names.append(argument)
            continue
        options.append(argument)
        if "=" not in argument and argument not in FLAGS:
            options += [value for value in [next(remaining, None)] if value is not None]
    return names + options


def _load(target: str) -> object:
    module, name = target.split(":")
    return getattr(importlib.import_module(module), name)


def _overview() -> str:
    width = max(len(name) for name in COMMANDS)
    lines = [f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: app.py COMMAND [OPTIONS]",
            "",
            "Attune, a local, open, empathetic voice assistant. Nothing leaves this machine.",
            "",
            "commands:",
            *lines,
            "",
            "`app.py COMMAND --help` explains a command and all its options.",
        ]
    )


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(COMMANDS)}"
    return f"app.py: unknown command {name!r}: {hint}"


if __name__ == "__main__":
    sys.exit(main())
