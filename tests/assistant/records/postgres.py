"""A real PostgreSQL on a socket of its own; tests skip where it is not installed."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path
from urllib.parse import quote

import pytest

USERS = ("postgres", "nobody")
"""Who runs it where the tests are root's: it refuses to be."""


class Server:
    """A server on a database of its own, which can go away and come back."""

    def __init__(self, url: str, control: list[str], options: str) -> None:
        self.url = url
        self._control, self._options = control, options

    def start(self) -> None:
        _run([*self._control, "-o", self._options, "start"])

    def stop(self) -> None:
        _run([*self._control, "-m", "immediate", "stop"])


@contextlib.contextmanager
def postgres() -> Generator[str]:
    """Starts a server on a fresh database; yields its URL."""
    with postgres_server() as server:
        yield server.url


@contextlib.contextmanager
def postgres_server() -> Generator[Server]:
    """Starts a server on a fresh database; stopped at the end unless it is already."""
    programs = _programs()
    # A short path: that of a Unix socket may be 107 bytes long.
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        home = Path(folder)
        as_user = _owner(home)
        data = str(home / "data")
        _run([*as_user, str(programs / "initdb"), "-D", data, "-A", "trust", "-U", "attune", "-N"])
        options = f"-k {home} -c listen_addresses='' -c fsync=off"
        control = [*as_user, str(programs / "pg_ctl"), "-D", data, "-w", "-l", str(home / "log")]
        server = Server(f"postgresql://attune@/postgres?host={quote(folder)}", control, options)
        server.start()
        try:
            yield server
        finally:
            if (home / "data" / "postmaster.pid").exists():
                server.stop()


def _programs() -> Path:
    on_path = shutil.which("pg_ctl")
    found = [Path(on_path).parent] if on_path else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found or not (found[-1] / "initdb").exists():
        pytest.skip("PostgreSQL is not installed")
    pytest.importorskip("psycopg")
    return found[-1]


def _owner(home: Path) -> list[str]:
    """Gives `home` to whom the server will run as; returns what to put before its commands."""
    if os.geteuid() != 0:
        return []
    names = {user.pw_name: user for user in pwd.getpwall()}
    user = next((names[name] for name in USERS if name in names), None)
    if user is None or shutil.which("runuser") is None:
        pytest.skip("PostgreSQL cannot run as root, and there is no other user for it")
    os.chown(home, user.pw_uid, user.pw_gid)
    return ["runuser", "-u", user.pw_name, "--"]


def _run(command: list[str]) -> None:
    finished = subprocess.run(
        command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
