import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import app
from command_line.called import as_called, program_name
from command_line.commands import load
from command_line.help import help_text
from command_line.options import Option, options
from train.commands import COMMANDS as TRAINING

BOTH = [*app.COMMANDS.items(), *TRAINING.items()]


def known(name: str) -> dict[str, Option]:
    kind: Any = load(app.COMMANDS[name].settings)
    return {option.name: option for option in options(kind)}


def told(name: str, *, is_whole: bool = False, width: int = 100) -> str:
    command = app.COMMANDS[name]
    kind: Any = load(command.settings)
    return help_text(kind, f"attune {name}", command, is_whole=is_whole, width=width)


@pytest.mark.parametrize("name", ["talk", "web", "reply"])
def test_the_help_shows_what_people_use_and_two_examples(name: str) -> None:
    text = told(name)
    assert 10 <= sum(line.startswith("  --") for line in text.splitlines()) <= 13
    assert sum(line.startswith(f"  attune {name}") for line in text.splitlines()) == 2
    assert f"`attune {name} --help-all` shows all {len(known(name))} options" in text
    assert "generation" not in text


@pytest.mark.parametrize("name", list(app.COMMANDS))
def test_no_help_is_longer_than_two_screens_unasked(name: str) -> None:
    assert len(told(name, width=80).splitlines()) <= 100


def test_what_is_on_already_is_shown_with_the_way_to_switch_it_off() -> None:
    text = " ".join(told("talk", is_whole=True).split())
    assert "--talk.[no-]captions Show words while the person still speaks" in text
    assert "as far as the machine has time. [yes]" in text


@pytest.mark.parametrize("name", list(app.COMMANDS))
def test_what_people_use_is_there(name: str) -> None:
    assert set(app.COMMANDS[name].often.split()) <= set(known(name))


@pytest.mark.parametrize("name", list(app.COMMANDS))
def test_the_whole_help_explains_every_option(name: str) -> None:
    text = told(name, is_whole=True)
    for option in known(name).values():
        assert option.is_positional or option.name.rpartition(".")[2] in text
    assert "None" not in text


@pytest.mark.parametrize(("name", "command"), BOTH, ids=[name for name, _ in BOTH])
def test_every_option_is_explained_by_a_whole_sentence(name: str, command: Any) -> None:
    for option in options(load(command.settings)):
        assert option.about, f"{name} --{option.name}"
        assert option.about.rstrip().endswith((".", ")")), f"{name} --{option.name}"


@pytest.mark.parametrize("name", list(app.COMMANDS))
def test_a_narrow_terminal_breaks_nothing_but_commands(name: str) -> None:
    for line in told(name, is_whole=True, width=39).splitlines():
        is_alone = len(line.split()) == 1 and "|" not in line
        assert len(line) <= 39 or is_alone or line.startswith(f"  attune {name}")


@pytest.mark.parametrize(("name", "command"), list(app.COMMANDS.items()))
def test_examples_can_be_run(name: str, command: Any, tmp_path: Path) -> None:
    import shlex

    from command_line.settings import Program, read_settings

    for arguments, _ in command.examples:
        program = Program("attune", name, app.COMMANDS)
        read_settings(load(command.settings), program, shlex.split(arguments))


@pytest.mark.parametrize(
    ("started_as", "name"),
    [
        ("/usr/local/bin/attune", "attune"),
        ("attune.exe", "attune"),
        ("app.py", "python app.py"),
        ("/home/me/Attune/app.py", "python app.py"),
    ],
)
def test_the_program_is_called_as_it_was_started(started_as: str, name: str) -> None:
    assert program_name(started_as) == name


def test_advice_can_be_typed_as_it_stands() -> None:
    text = "`python app.py models get joe` fetches it; `app.py doctor` says more; see app.py"
    assert as_called(text, "attune") == (
        "`attune models get joe` fetches it; `attune doctor` says more; see app.py"
    )
    assert as_called("`app.py voices`", "python app.py") == "`python app.py voices`"
    assert as_called("`app.py models`", "python -m") == "`python app.py models`"


def test_the_version_is_that_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["--version"]) == 0
    number = capsys.readouterr().out.removeprefix("attune ").strip()
    assert f'version = "{number}"' in Path("pyproject.toml").read_text(encoding="utf-8")


def test_help_fits_the_terminal_it_is_printed_in() -> None:
    code = "import sys; sys.argv = ['/bin/attune', 'voices', '--help']; import app; app.main()"
    finished = subprocess.run(
        [sys.executable, "-c", code],
        env={"COLUMNS": "41"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith("usage: attune voices")
    lines = finished.stdout.splitlines()
    assert all(len(line) < 41 for line in lines if not line.startswith("  attune"))


def test_what_a_command_prints_names_commands_as_they_are_called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/attune"])
    app.main(["memory", "--file", str(tmp_path / "memory.json")])
    assert "`attune memory on` switches it on" in capsys.readouterr().out
