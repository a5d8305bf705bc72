"""Ctrl-Z where another program, such as `make`, stands between the shell and the talk."""

import os
import sys

SHELL = """
import os, signal, subprocess, sys
process = subprocess.Popen([sys.executable, "-c", sys.argv[1]], process_group=0)
_, status = os.waitpid(process.pid, os.WUNTRACED)
print("stopped by", signal.Signals(os.WSTOPSIG(status)).name, flush=True)
os.tcsetpgrp(0, process.pid)
os.kill(process.pid, signal.SIGCONT)
_, status = os.waitpid(process.pid, os.WUNTRACED)
print("ended well" if status == 0 else "did not end", "and so did the shell", flush=True)
process.kill()
"""
TALK = """
import os, signal, termios
from ui.terminal.suspension import SUSPENSION
def leave():
    termios.tcsetattr(0, termios.TCSADRAIN, termios.tcgetattr(0))
    os.write(1, b"given back, ")
SUSPENSION.add(leave, lambda: os.write(1, b"taken again, "))
signal.raise_signal(signal.SIGTSTP)
assert signal.getsignal(signal.SIGTTOU) is signal.SIG_DFL
"""


def test_the_terminal_is_given_back_though_the_shell_has_it_already() -> None:
    child, terminal = os.forkpty()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-c", SHELL, TALK])
    shown = b""
    while b"so did the shell" not in shown:
        shown += os.read(terminal, 1_000)
    os.waitpid(child, 0)
    os.close(terminal)
    told = shown.decode()
    assert told.index("given back") < told.index("stopped by SIGTSTP"), told
    assert told.index("stopped by") < told.index("taken again")
    assert "ended well" in told
