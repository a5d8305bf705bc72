import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

import app
from assistant.errors import EngineUnavailable

ROOT = Path(__file__).parents[1]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "app.py", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_help_lists_every_command_and_loads_nothing_heavy() -> None:
    code = (
        "import sys, app; status = app.main(['--help']); "
        "heavy = {'torch', 'transformers', 'fastapi', 'numpy', 'onnxruntime'} & set(sys.modules); "
        "sys.exit(f'loaded {heavy}' if heavy else status)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    for name, command in app.COMMANDS.items():
        assert name in finished.stdout
        assert command.summary in " ".join(finished.stdout.split())


@pytest.mark.parametrize("name", list(app.COMMANDS))
def test_each_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        app.main([name, "--help"])
    assert exit_info.value.code in (0, None)
    text = capsys.readouterr().out
    assert f"app.py {name}" in text
    assert "--config" in text


def test_without_a_command_the_overview_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main([]) == app.EXIT_USAGE
    assert "commands:" in capsys.readouterr().out


def test_a_misspelt_command_is_understood(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["replay"]) == app.EXIT_USAGE
    assert "did you mean reply?" in capsys.readouterr().err


def test_a_misspelt_option_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["reply", "a.wav", "--voise", "flite"]) == app.EXIT_USAGE
    assert "--voise" in capsys.readouterr().err


def test_an_error_is_one_sentence_without_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(settings: object) -> int:
        raise EngineUnavailable("no voice is installed: apt install flite")

    monkeypatch.setattr("ui.report.reply", fail)
    assert app.main(["reply", "a.wav"]) == app.EXIT_FAILED
    assert capsys.readouterr().err == "attune: no voice is installed: apt install flite\n"
    with pytest.raises(EngineUnavailable):
        app.main(["reply", "a.wav", "--debug"])


def test_an_interrupt_is_no_failure_of_the_program(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(settings: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("ui.report.reply", interrupted)
    assert app.main(["reply", "a.wav"]) == app.EXIT_INTERRUPTED
    assert "finished is kept" in capsys.readouterr().err


def test_doctor_says_what_works_as_json() -> None:
    finished = run("doctor", "--json")
    checks = json.loads(finished.stdout)
    assert checks["PyTorch"]["state"] == "works"
    assert checks["speech detection"]["state"] == "works"
    assert "free disk" in checks
    for part, check in checks.items():
        assert check["found"], part
        assert check["state"] == "works" or check["remedy"], part
    missing = any(check["state"] == "missing" for check in checks.values())
    assert finished.returncode == (1 if missing else 0)


def test_a_missing_model_names_the_remedy(tmp_path: Path) -> None:
    finished = run("reply", "--text", "hello", "--model", str(tmp_path / "nowhere"))
    assert finished.returncode == app.EXIT_FAILED
    assert "nowhere" in finished.stderr
    assert "Traceback" not in finished.stderr


PRINTING = [
    ["app.py", "--help"],
    ["app.py", "reply", "--help"],
    ["app.py", "voices", "list"],
    ["app.py", "doctor", "--json"],
    ["-m", "train"],
    ["-m", "train", "slim", "--help"],
]


def printing_into(output: int | IO[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", PRINTING)
def test_a_full_output_is_said_in_one_sentence(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        finished = printing_into(full, *arguments)
    assert finished.returncode == app.EXIT_FAILED
    assert finished.stderr.count("\n") == 1
    assert "the disk is full" in finished.stderr


@pytest.mark.parametrize("arguments", PRINTING)
def test_a_pipe_that_nobody_reads_ends_a_program_without_a_word(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        finished = printing_into(writing, *arguments)
    finally:
        os.close(writing)
    assert (finished.returncode, finished.stderr) == (app.EXIT_FAILED, "")


@pytest.mark.skipif(os.name != "posix", reason="a shell of posix closes the output")
@pytest.mark.parametrize("arguments", [["app.py", "reply", "--help"], ["-m", "train", "--help"]])
def test_a_program_without_an_output_runs(arguments: list[str]) -> None:
    finished = printing_into(
        subprocess.DEVNULL, "-c", CLOSED_OUTPUT.format([sys.executable, *arguments])
    )
    assert (finished.returncode, finished.stderr) == (0, "")


CLOSED_OUTPUT = "import os; os.close(1); command = {0}; os.execv(command[0], command)"
