"""Attune on the command line: `attune COMMAND`, or `python app.py COMMAND` in its folder.

Each command loads only what it needs.
"""

import os
import sys

from command_line.called import as_called, installed_version, program_name
from command_line.commands import Command
from command_line.entry import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, Entry, Failure

__all__ = ["COMMANDS", "EXIT_FAILED", "EXIT_INTERRUPTED", "EXIT_USAGE", "WAITING", "main"]


WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "20000"}
"""How threads of torch wait for each other: asleep, so that they leave the processor to the voice
and the browser, but for the fraction of a millisecond that a layer takes. Without that a reply of
mini takes half as long again on two cores."""

COMMANDS = {
    "talk": Command(
        "talk with Attune by voice, in the terminal",
        "assistant.settings:TalkCommandSettings",
        "ui.terminal.command:talk",
        often="voice speed echo devices.microphone devices.speaker record continue plain input "
        "model llm-server persona country",
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
        "model llm-server policy persona country",
        examples=(
            ("--open-browser", "for yourself, on this computer"),
            ("--host 0.0.0.0 --auth password.txt", "for others too, who give a password"),
        ),
    ),
    "reply": Command(
        "answer recordings of a person: emotion, words, spoken answer, transcript",
        "assistant.settings:ReplySettings",
        "ui.report:reply",
        often="text joined out force play json voice model llm-server policy persona country",
        examples=(
            ("question.wav --play", "one recording; the answer is played, and kept in answers/"),
            ('--text "I lost my job."', "a typed question"),
        ),
    ),
    "records": Command(
        "list, search, export, replay and delete recorded talks",
        "assistant.records.settings:RecordsSettings",
        "ui.records.command:records",
        often="records text emotion since until most all format out days always stop by reason "
        "dry-run yes turn model voice policy from-words json",
        examples=(
            ("", "the latest talks, with their ids"),
            ("list --text 'driving test'", "the talks in which somebody says this"),
            ("export ID --out talk.html", "one file with sound, words and course of emotion"),
            ("delete ID", "a talk, and all that was made of it here"),
        ),
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
        often="out participants real scripted terminal registration host port hosts auth talks by "
        "early reason expired improvise country",
        examples=(
            ("new my-study", "a study to change"),
            ("check my-study", "what will happen, and what is wrong"),
            ("simulate my-study", "machine-made participants go through a copy"),
            ("run my-study", "open it for people"),
        ),
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
        examples=(
            ("get", "fetch all of them now, for a machine that will have no network"),
            ("get kokoro", "the most natural voices alone"),
        ),
    ),
    "doctor": Command(
        "show what works on this machine and how to mend what does not",
        "assistant.settings:DoctorSettings",
        "ui.report:doctor",
    ),
}

NAME = "attune"
ABOUT = (
    "Attune, a local, open, empathetic voice assistant. Nothing you say leaves this "
    "machine, unless you name an LLM server elsewhere."
)
DISK_FULL = "the disk is full; what was finished is kept: free some space and run it again"


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit status of the process."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] in (["-V"], ["--version"]):
        print(f"{NAME} {installed_version()}")
        return 0
    os.environ.setdefault("PYDANTIC_ERRORS_INCLUDE_URL", "0")
    for variable, value in WAITING.items():
        os.environ.setdefault(variable, value)
    called = program_name(sys.argv[0])
    entry = Entry(
        NAME,
        called,
        usage=f"{called} COMMAND [OPTIONS]",
        about=ABOUT,
        commands=COMMANDS,
        told=_told,
        disk_full=DISK_FULL,
        log_format="%(name)s: %(message)s",
        variable_prefix="ATTUNE_",
        variables=("AUTH", "LLM_KEY", "PARTS"),
    )
    return entry.main(given)


def _told(error: Exception) -> Failure | None:
    """Returns what is said of an error, where it is one of those that a user can mend."""
    from assistant.errors import AssistantError, SettingsError
    from command_line.refusals import UsageError

    if not isinstance(error, AssistantError | UsageError):
        return None
    message = as_called(str(error), program_name(sys.argv[0]))
    return Failure(message, EXIT_USAGE if isinstance(error, SettingsError) else EXIT_FAILED)


if __name__ == "__main__":
    sys.exit(main())
