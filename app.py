"""Attune on the command line: `attune COMMAND`, or `python app.py COMMAND` in its folder.

Each command loads only what it needs.
"""

import difflib
import logging
import os
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, cast

from command_line.called import as_called, installed_version, program_name
from command_line.commands import Command, load
from command_line.output import is_full_or_closed, printing

if TYPE_CHECKING:
    from collections.abc import Callable

    from assistant.settings import CommonSettings
    from command_line.settings import Program


WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "20000"}
"""How threads of torch wait for each other: asleep, so that they leave the processor to the voice
and the browser, but for the fraction of a millisecond that a layer takes. Without that a reply of
mini takes half as long again on two cores."""

COMMANDS = {
    "talk": Command(
        "talk with Attune by voice, in the terminal",
        "assistant.settings:TalkCommandSettings",
        "ui.terminal.command:talk",
        often="voice echo devices.microphone devices.speaker record continues plain input output "
        "model policy persona country",
        examples=(
            ("", "microphone and loudspeaker; ? shows the keys"),
            ("--input question.wav --output heard.wav", "without any hardware"),
        ),
    ),
    "web": Command(
        "open Attune in the browser, and a realtime socket for other software",
        "ui.web.settings:WebSettings",
        "ui.web.command:web",
        often="open-browser voice host port auth hosts records admission.most "
        "model policy persona country",
        examples=(
            ("--open-browser", "for yourself, on this computer"),
            ("--host 0.0.0.0 --auth password.txt", "for others too, who give a password"),
        ),
    ),
    "reply": Command(
        "answer recordings of a person: emotion, words, spoken answer, transcript",
        "assistant.settings:ReplySettings",
        "ui.report:reply",
        often="text joined out force play json voice model policy persona country",
        examples=(
            ("question.wav --play", "one recording; the answer is played, and kept in answers/"),
            ('--text "I lost my job."', "a typed question"),
        ),
    ),
    "records": Command(
        "list, search, export, replay and delete recorded talks",
        "assistant.records.settings:RecordsSettings",
        "ui.records.command:records",
    ),
    "memory": Command(
        "show and change what Attune remembers between talks; off until you switch it on",
        "assistant.settings:MemorySettings",
        "ui.memory:memory",
        examples=(
            ("on", "remember from now on what you ask it to"),
            ("add 'my sister is called Ana'", "keep something"),
            ("erase", "forget everything"),
        ),
    ),
    "study": Command(
        "run a study with people: design, consent, conversations, questionnaires, tables",
        "assistant.study.settings:StudySettings",
        "ui.study.command:study",
    ),
    "voices": Command(
        "list, try, check and add voices",
        "assistant.settings:VoicesSettings",
        "ui.voices:voices",
        examples=(
            ("say 'Good morning.' --voice kokoro:bf_emma", "hear how a voice sounds"),
            ("add anna sample.wav", "a neural voice of your own, by its sound"),
        ),
    ),
    "models": Command(
        "list, fetch, verify and remove the pretrained parts of voices and models",
        "assistant.settings:ModelsSettings",
        "ui.parts:models",
    ),
    "doctor": Command(
        "show what works on this machine and how to mend what does not",
        "assistant.settings:DoctorSettings",
        "ui.report:doctor",
    ),
}

NAME = "attune"
EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130
ABOUT = "Attune, a local, open, empathetic voice assistant. Nothing you say leaves this machine."
DISK_FULL = "the disk is full; what was finished is kept: free some space and run it again"


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit status of the process."""
    return printing(lambda: _run(arguments), lambda error: f"attune: {DISK_FULL}")


def _run(arguments: list[str] | None) -> int:
    called = program_name(sys.argv[0])
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in ("-h", "--help", "--help-all", "help"):
        print(_overview(called))
        return 0 if arguments else EXIT_USAGE
    if arguments[0] in ("-V", "--version"):
        print(f"{NAME} {installed_version()}")
        return 0
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
    from assistant.errors import AssistantError, SettingsError
    from command_line.settings import Program

    try:
        settings = _settings(Program(called, name, COMMANDS), rest)
        run = cast("Callable[[CommonSettings], int]", load(COMMANDS[name].run))
        return run(settings)
    except KeyboardInterrupt:
        print("stopped; what was finished is kept", file=sys.stderr)
        return EXIT_INTERRUPTED
    except AssistantError as error:
        if debug:
            raise
        print(f"{NAME}: {as_called(str(error), called)}", file=sys.stderr)
        return EXIT_USAGE if isinstance(error, SettingsError) else EXIT_FAILED
    except Exception as error:
        if debug or is_full_or_closed(error):
            raise
        print(
            f"attune: unexpected {type(error).__name__}: {error} "
            "(run it again with --debug and report what it shows)",
            file=sys.stderr,
        )
        return EXIT_FAILED


def _settings(program: "Program", arguments: list[str]) -> "CommonSettings":
    """Returns the settings of a command: defaults, then the file named by --config, then flags.

    Raises:
        SystemExit: They cannot work, which was said; or the help was asked for.
    """
    from command_line.refusals import UsageError
    from command_line.settings import read_settings

    settings = load(COMMANDS[program.command].settings)
    settings_class = cast("type[CommonSettings]", settings)
    try:
        return read_settings(settings_class, program, arguments)
    except UsageError as error:
        print(f"{NAME}: {as_called(str(error), program.name)}", file=sys.stderr)
        raise SystemExit(EXIT_USAGE) from None


def _overview(called: str) -> str:
    width = max(len(name) for name in COMMANDS)
    columns = min(100, max(30, shutil.get_terminal_size().columns - 1))

    def wrapped(text: str, *, first: str = "", indent: int = 0) -> str:
        return textwrap.fill(text, columns, initial_indent=first, subsequent_indent=" " * indent)

    lines = [
        wrapped(command.summary, first=f"  {name:<{width}}  ", indent=width + 4)
        for name, command in COMMANDS.items()
    ]
    return "\n".join(
        [
            f"usage: {called} COMMAND [OPTIONS]",
            "",
            wrapped(ABOUT),
            "",
            "commands:",
            *lines,
            "",
            wrapped(f"`{called} COMMAND --help` explains a command."),
        ]
    )


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(COMMANDS)}"
    return f"{NAME}: there is no command {name!r}: {hint}"


if __name__ == "__main__":
    sys.exit(main())
