"""One way into both programs: commands, refusals, errors in a sentence, exit statuses."""

import io

import pytest
from pydantic import BaseModel

from command_line.commands import Command
from command_line.entry import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, Entry, Failure
from command_line.output import printing


class Counted(BaseModel):
    """Counts."""

    times: int = 1
    """How often."""


class Debugged(Counted):
    """Counts, and may be debugged."""

    debug: bool = False
    """Show tracebacks."""


def run(settings: Counted) -> int:
    match settings.times:
        case 1:
            return 0
        case 2:
            raise ValueError("two is too many: take one")
        case 3:
            raise KeyboardInterrupt
        case _:
            raise RuntimeError("oh")


def entry(settings: str = "Counted") -> Entry:
    command = Command("count", f"{__name__}:{settings}", f"{__name__}:run")
    return Entry(
        "abacus",
        "python abacus.py",
        usage="python abacus.py COMMAND",
        about="It counts.",
        commands={"count": command},
        told=lambda error: Failure(str(error)) if isinstance(error, ValueError) else None,
        disk_full="the disk is full",
        log_format="%(message)s",
        variable_prefix="ABACUS_",
        variables=("AUTH", "LLM_KEY"),
    )


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ("count", 0, ""),
        ("count --times 2", EXIT_FAILED, "abacus: two is too many: take one\n"),
        ("count --times 3", EXIT_INTERRUPTED, "stopped; what was finished is kept\n"),
        ("count --times 4", EXIT_FAILED, "abacus: unexpected RuntimeError: oh (run it again with"),
        ("count --times x", EXIT_USAGE, "abacus: --times"),
        ("count --ti\x1b[31mmes 2", EXIT_USAGE, "abacus: there is no option --ti\\x1b[31mmes: "),
        ("cuont", EXIT_USAGE, "abacus: there is no command 'cuont': did you mean count?\n"),
        ("sing", EXIT_USAGE, "abacus: there is no command 'sing': choose one of count\n"),
    ],
)
def test_a_command_ends_with_its_status_and_at_most_a_sentence(
    arguments: str, status: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert entry().main(arguments.split()) == status
    assert capsys.readouterr().err.startswith(says)


@pytest.mark.parametrize("settings", ["Counted", "Debugged"])
def test_who_debugs_sees_the_traceback(settings: str) -> None:
    with pytest.raises(RuntimeError, match="oh"):
        entry(settings).main(["count", "--times", "4", "--debug"])


@pytest.mark.parametrize(("arguments", "status"), [([], EXIT_USAGE), (["--help"], 0)])
def test_the_overview_names_the_commands(
    arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert entry().main(arguments) == status
    printed = capsys.readouterr().out
    assert "It counts." in printed
    assert "  count  count" in printed


def test_training_commands_end_with_0_whatever_they_return(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from train.__main__ import main

    monkeypatch.setattr("train.slim.slim", lambda settings: "a result")
    assert main(["slim", "--model", "a", "--out", "b"]) == 0


def test_help_of_a_command_is_found_behind_it_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        entry().main(["count", "--help"])
    told = capsys.readouterr().out
    with pytest.raises(SystemExit):
        entry().main(["help", "count"])
    assert capsys.readouterr().out == told


def test_characters_that_an_output_lacks_become_question_marks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(held, encoding="latin-1"))

    def run() -> int:
        print("sad 81 % █")
        return 0

    assert printing(run, str) == 0
    assert held.getvalue() == b"sad 81 % ?\n"


@pytest.mark.parametrize(
    ("variable", "says"),
    [
        ("ABACUS_AUHT", "abacus: ABACUS_AUHT has no effect: did you mean ABACUS_AUTH?\n"),
        ("ABACUS_LLMKEY", "abacus: ABACUS_LLMKEY has no effect: did you mean ABACUS_LLM_KEY?\n"),
        ("ABACUS_AUTH", ""),
        ("ABACUS_DATA", ""),
        ("OTHER_AUHT", ""),
    ],
)
def test_a_variable_that_is_nearly_one_of_its_own_is_pointed_out(
    variable: str, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, "x")
    assert entry().main(["count"]) == 0
    assert capsys.readouterr().err == says
