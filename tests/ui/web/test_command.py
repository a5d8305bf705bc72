"""`app.py web` from outside: what it refuses, and a whole life of the server process."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from app import main
from assistant.checks.voices import close_voice
from tests.assistant.engines.tiny_checkpoint import write_tiny_checkpoint
from tests.assistant.engines.voices.voice_checks import LAST_RESORT_VOICE, voice_or_skip

ROOT = Path(__file__).parents[3]


def test_other_computers_need_a_password(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ATTUNE_AUTH", raising=False)
    assert main(["web", "--host", "0.0.0.0"]) == 2
    assert "ATTUNE_AUTH" in capsys.readouterr().err
    short = tmp_path / "password"
    short.write_text("anna:short\n", encoding="utf-8")
    assert main(["web", "--host", "0.0.0.0", "--auth", str(short)]) == 2
    assert "at least 8" in capsys.readouterr().err
    assert main(["web", "--auth", str(tmp_path / "missing")]) == 2
    assert "does not exist" in capsys.readouterr().err
    for empty in (tmp_path / "empty", Path("/dev/null")):
        if empty.parent == tmp_path:
            empty.write_text("\n", encoding="utf-8")
        assert main(["web", "--auth", str(empty)]) == 2
        assert "--auth" in capsys.readouterr().err


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["web", "--port", str(taken.getsockname()[1])]) == 1
    assert "name another one by --port" in capsys.readouterr().err


def test_records_that_cannot_be_written_are_refused_at_the_start(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    assert main(["web", "--port", "0", "--records", str(tmp_path / "file")]) == 1
    assert "name another folder by --records" in capsys.readouterr().err


@pytest.mark.slow
def test_it_serves_until_it_is_stopped(tmp_path: Path) -> None:
    close_voice(voice_or_skip(LAST_RESORT_VOICE))
    model = write_tiny_checkpoint(tmp_path)
    command = [sys.executable, "app.py", "web", "--port", "0"]
    command += ["--model", str(model), "--voice", LAST_RESORT_VOICE]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"http://localhost:\d+/", server.stdout.readline())
            assert found
            health = json.loads(read(found[0] + "health"))
            assert health == {
                "status": "ok",
                "model": tmp_path.name,
                "conversations": 0,
                "waiting": 0,
                "elsewhere": 0,
            }
            assert "attune.js" in read(found[0])
            assert len(json.loads(read(found[0] + "attune/examples"))) == 4
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(60) in (0, -signal.SIGTERM, 128 + signal.SIGTERM)


def read(url: str) -> str:
    """Returns an answer, as soon as the server listens."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                return answer.read().decode()
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{url} did not answer")
