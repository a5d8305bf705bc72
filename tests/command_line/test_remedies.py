"""What messages, help and documents advise to type is read by the program that would run it."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import app
from command_line.commands import Command, load
from command_line.options import options
from command_line.settings import Program, read_settings
from train.commands import COMMANDS as TRAINING

ROOT = Path(__file__).parents[2]
OPTION = re.compile(r"(?<![\w-])--([a-z][a-z0-9]*(?:[-._][a-z0-9]+)*)")
OTHERS = {"version", "help", "help-all", "config", "debug", "quiet"}
"""Options that are in no settings: of the programs themselves."""
PROGRAMS = re.compile(r"\b(pip|espeak|torchrun|accelerate|uv|curl|git|docker|vllm)\b")
"""Their options are their own affair."""


def names_of(commands: dict[str, Command]) -> set[str]:
    """Returns every name that an option of `commands` may be given by."""
    names = set[str]()
    for command in commands.values():
        kind: Any = load(command.settings)
        for option in options(kind):
            leaf = option.name.rpartition(".")[2]
            names |= {option.name, leaf, f"no-{leaf}"}
    return names


SENTENCES = [
    path
    for package in ("assistant", "ui", "models", "command_line", "train")
    for path in sorted((ROOT / package).rglob("*.py"))
]


def sentences(path: Path) -> Iterator[str]:
    """Yields the texts in a module that hold more than a word."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.value


def test_options_that_sentences_name_exist() -> None:
    of_app, of_training = names_of(app.COMMANDS), names_of(TRAINING)
    unknown: list[str] = []
    for path in SENTENCES:
        is_training = path.relative_to(ROOT).parts[0] in ("train", "models")
        known = OTHERS | of_app | of_training if is_training else OTHERS | of_app
        for sentence in sentences(path):
            if PROGRAMS.search(sentence):
                continue
            found = (name.replace("_", "-") for name in OPTION.findall(sentence))
            unknown += [f"{path.name}: --{name}" for name in found if name not in known]
    assert not unknown


COMMAND = re.compile(r"`(?:python )?app\.py ([a-z]+)([^`]*)`")


def test_commands_that_sentences_name_exist() -> None:
    found = 0
    for path in SENTENCES:
        for sentence in sentences(path):
            for name, _ in COMMAND.findall(sentence):
                found += 1
                assert name in app.COMMANDS, f"{path.name}: app.py {name}"
    assert found > 3


DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_in_documents_can_be_typed(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for block in BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True) if "app.py " in line else []
            if "app.py" not in words:
                continue
            name, *rest = words[words.index("app.py") + 1 :]
            if name.isupper():
                continue
            program = Program("attune", name, app.COMMANDS)
            read_settings(load(app.COMMANDS[name].settings), program, rest)


GUIDES = [ROOT / "models/mini/README.md", *sorted((ROOT / "train").rglob("README.md"))]
TRAINED = re.compile(r"^ {4}python -m train ([a-z-]+ .*)$", re.MULTILINE)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_training_commands_in_guides_can_be_typed(guide: Path) -> None:
    lines = TRAINED.findall(guide.read_text(encoding="utf-8").replace("\\\n", " "))
    assert lines
    for line in lines:
        name, *rest = shlex.split(line.replace("[", "").replace("]", ""), comments=True)
        program = Program("python -m train", name, TRAINING)
        read_settings(load(TRAINING[name].settings), program, rest)
