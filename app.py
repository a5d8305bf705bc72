"""Attune on the command line: `python app.py COMMAND`; each command loads only what it needs."""

import difflib
import logging
import os
import sys
from typing import TYPE_CHECKING, cast

from command_line.commands import Command, load
from command_line.output import is_full_or_closed, printing

if TYPE_CHECKING:
    from collections.abc import Callable

    from assistant.settings import CommonSettings


WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "20000"}
"""How threads of torch wait for each other: asleep, so that they leave the processor to the voice
and the browser, but for the fraction of a millisecond that a layer takes. Without that a reply of
mini takes half as long again on two cores."""

COMMANDS = {
    "talk": Command(
        "talk with Attune by voice, in the terminal",
        "assistant.settings:TalkCommandSettings",
        "ui.terminal.command:talk",
    ),
    "web": Command(
        "open Attune in the browser, and a realtime socket for other software",
        "ui.web.settings:WebSettings",
        "ui.web.command:web",
    ),
    "reply": Command(
        "answer recordings of a person: emotion, words, spoken answer, transcript",
        "assistant.settings:ReplySettings",
        "ui.report:reply",
    ),
    "records": Command(
        "list, search, export, replay and delete recorded talks",
        "assistant.records.settings:RecordsSettings",
        "ui.records.command:records",
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
    "study": Command(
        "run a study with people: design, consent, conversations, questionnaires, tables",
        "assistant.study.settings:StudySettings",
        "ui.study.command:study",
    ),
    "models": Command(
        "list, fetch, verify and remove the pretrained parts of voices and models",
        "assistant.settings:ModelsSettings",
        "ui.parts:models",
    ),
}

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130
DISK_FULL = "the disk is full; what was finished is kept: free some space and run it again"


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit status of the process."""
    return printing(lambda: _run(arguments), lambda error: f"attune: {DISK_FULL}")


def _run(arguments: list[str] | None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_overview())
        return 0 if arguments else EXIT_USAGE
    name, rest = arguments[0], arguments[1:]
    if name not in COMMANDS:
        print(_unknown(name), file=sys.stderr)
        return EXIT_USAGE
    os.environ.setdefault("PYDANTIC_ERRORS_INCLUDE_URL", "0")
    for variable, value in WAITING.items():
        os.environ.setdefault(variable, value)
    debug = "--debug" in rest
    logging.basicConfig(
        level=logging.INFO if debug else logging.WARNING, format="%(name)s: %(message)s"
    )
    from assistant.errors import AssistantError

    try:
        settings = _settings(name, rest)
        run = cast("Callable[[CommonSettings], int]", load(COMMANDS[name].run))
        return run(settings)
    except KeyboardInterrupt:
        print("stopped; what was finished is kept", file=sys.stderr)
        return EXIT_INTERRUPTED
    except AssistantError as error:
        if debug:
            raise
        print(f"attune: {error}", file=sys.stderr)
        return EXIT_FAILED
    except Exception as error:
        if debug or is_full_or_closed(error):
            raise
        print(
            f"attune: unexpected {type(error).__name__}: {error} "
            "(run it again with --debug and report what it shows)",
            file=sys.stderr,
        )
        return EXIT_FAILED


def _settings(name: str, arguments: list[str]) -> "CommonSettings":
    """Returns the settings of a command: defaults, then the file named by --config, then flags.

    Raises:
        SystemExit: They cannot work, which was said; or the help was asked for.
    """
    from command_line.refusals import UsageError
    from command_line.settings import Program, read_settings

    settings_class = cast("type[CommonSettings]", load(COMMANDS[name].settings))
    try:
        return read_settings(settings_class, Program("app.py", name, COMMANDS), arguments)
    except UsageError as error:
        print(f"attune: {error}", file=sys.stderr)
        raise SystemExit(EXIT_USAGE) from None


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
