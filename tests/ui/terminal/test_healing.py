"""A terminal after `kill -9`: made sane by the next program in it."""

import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

from ui.terminal.healing import SANE

ROOT = Path(__file__).parents[3]
KILLED = """
import os, tty
from ui.terminal.healing import note_taken
note_taken()
tty.setcbreak(0)
os.kill(os.getpid(), 9)
"""
NEXT = "from ui.terminal.healing import heal; print('healed' if heal() else 'well')"


def run(code: str, terminal: int, home: Path) -> int:
    finished = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "HOME": str(home)},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        check=False,
        timeout=120,
    )
    return finished.returncode


def test_the_next_program_makes_sane_what_a_killed_one_left(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    try:
        assert run(NEXT, slave, tmp_path) == 0
        assert os.read(master, 4096).decode().strip() == "well", "nothing is sent to a sane one"
        assert run(KILLED, slave, tmp_path) == -9
        assert termios.tcgetattr(slave)[3] != before[3], "the scene is as it should be"
        assert run(NEXT, slave, tmp_path) == 0
        assert os.read(master, 4096).decode().strip() == f"{SANE}healed"
        assert termios.tcgetattr(slave)[3] == before[3]
        assert run(NEXT, slave, tmp_path) == 0
        assert os.read(master, 4096).decode().strip() == "well", "once is enough"
    finally:
        os.close(slave)
        os.close(master)
