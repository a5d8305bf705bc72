"""`python -m train COMMAND`: from a corpus to a checkpoint that can be talked to."""

import importlib
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

from command_line import settings
from command_line.output import is_full_or_closed, printing
from command_line.settings import Program

FAILED, INTERRUPTED = 1, 130
KEY = "OPENAI_API_KEY"
"""Environment variable with the key of an OpenAI-compatible server."""

SettingsT = TypeVar("SettingsT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Command:
    """A command: what it does, its settings in `train.settings`, and the function that runs it."""

    summary: str
    settings: str
    run: str


COMMANDS = {
    "prepare": Command(
        "a corpus folder → a manifest with summary and plot",
        "train.settings:PrepareSettings",
        "train.prepare:prepare",
    ),
    "continue": Command(
        "an LLM writes what is to be said to each utterance",
        "train.settings:ContinueSettings",
        "train.continuations:write_continuations",
    ),
    "hear": Command(
        "a Whisper writes down what it hears of each utterance",
        "train.settings:HearSettings",
        "train.hear:hear",
    ),
    "language": Command(
        "an instruction LLM learns from written talks to answer as a companion does",
        "train.language.settings:LanguageSettings",
        "train.language.stage:teach",
    ),
    "assemble": Command(
        "a pretrained Whisper and a pretrained LLM → a checkpoint, nothing trained",
        "train.settings:AssembleSettings",
        "train.assemble:write_assembled",
    ),
    "align-semantic": Command(
        "stage 1: speech continues as its words do",
        "train.settings:SemanticSettings",
        "train.align:align_semantic",
    ),
    "align-emotion": Command(
        "stage 2: replies fit words and voice",
        "train.settings:EmotionSettings",
        "train.align:align_emotion",
    ),
    "calibrate": Command(
        "temperature and threshold of the emotion head, from held-out voices",
        "train.settings:CalibrateSettings",
        "train.calibrate:calibrate",
    ),
    "turn-ends": Command(
        "how surely a person who pauses is done, from the LLM's own odds",
        "train.settings:TurnEndSettings",
        "train.turn_ends:turn_ends",
    ),
    "turn-ear": Command(
        "how surely a person who pauses is done, by the sound of recordings",
        "train.settings:TurnEarSettings",
        "train.turn_ear:turn_ear",
    ),
    "nano": Command(
        "makes the embedded model: voices, tokenizer, LLM, ears, both stages",
        "train.nano_settings:NanoSettings",
        "train.nano:make_nano",
    ),
    "nano-figures": Command(
        "what a nano checkpoint hears, understands and answers",
        "train.nano_figures:NanoFiguresSettings",
        "train.nano_figures:nano_figures",
    ),
    "nano-curve": Command(
        "word errors of nano over the hours of speech that it heard",
        "train.nano_curve:NanoCurveSettings",
        "train.nano_curve:nano_curve",
    ),
    "audio-context": Command(
        "a pretrained Whisper's encoder learns to do without 30 s of padding",
        "train.audio_context:AudioContextSettings",
        "train.audio_context:audio_context",
    ),
    "slim": Command(
        "a checkpoint of what was trained alone; its pretrained parts are fetched where it is used",
        "train.slim:SlimSettings",
        "train.slim:slim",
    ),
    "evaluate": Command(
        "test sets → figures with sample counts and 95 % intervals",
        "train.settings:EvaluateSettings",
        "train.evaluate:evaluate",
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status."""
    return printing(lambda: _run(arguments), lambda error: f"train: {_told(error)}")


def _run(arguments: Sequence[str] | None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    if not given or given[0] in ("-h", "--help"):
        print(_overview())
        return 0
    name, *rest = given
    if name not in COMMANDS:
        print(f"train: there is no command {name!r}\n\n{_overview()}", file=sys.stderr)
        return FAILED
    logging.basicConfig(level=logging.INFO, format="%(levelname).1s %(name)s: %(message)s")
    try:
        chosen: Any = read_settings(_load(COMMANDS[name].settings), name, rest)
        if "key" in type(chosen).model_fields:
            chosen = chosen.model_copy(update={"key": os.environ.get(KEY, "")})
        _load(COMMANDS[name].run)(chosen)
    except KeyboardInterrupt:
        print("train: stopped; what was finished is kept", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if debug or is_full_or_closed(error):
            raise
        print(f"train: {_told(error)}", file=sys.stderr)
        return FAILED
    return 0


def read_settings(kind: type[SettingsT], name: str, arguments: Sequence[str]) -> SettingsT:
    """Returns the settings of a command: defaults, then the table of ``--config``, then flags.

    Raises:
        UsageError: Something in them cannot work; the message holds the full path of the key.
    """
    program = Program("python -m train", name, COMMANDS)
    return settings.read_settings(
        kind, program, arguments, " --debug shows the traceback of an error."
    )


def _told(error: Exception) -> str:
    """Returns what is said of an error: one line with its remedy."""
    from train.run_folder import is_disk_full

    if _is_expected(error) and not is_disk_full(error):
        return str(error)
    if is_disk_full(error):
        told = str(error).partition("] ")[2]
        return (
            told
            if told.startswith("the disk is full")
            else (
                "the disk is full; what was finished is kept: free some space and run the same "
                "command again to go on"
            )
        )
    return (
        f"unexpected {type(error).__name__}: {error} "
        "(run it again with --debug for the whole story)"
    )


def _is_expected(error: Exception) -> bool:
    from models.weights import CheckpointError

    return isinstance(error, ValueError | OSError | CheckpointError)


def _load(target: str) -> Any:
    module, name = target.split(":")
    return getattr(importlib.import_module(module), name)


def _overview() -> str:
    width = max(len(name) for name in COMMANDS)
    lines = [f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: python -m train COMMAND [--config FILE.toml] [OPTIONS]",
            "",
            "From a corpus to a checkpoint that can be talked to (see train/README.md).",
            "",
            "commands:",
            *lines,
            "",
            "python -m train COMMAND --help lists the options of a command.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
