"""What is measured, started by its own commands: one process, and a cluster of several."""

import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from benchmarks.web import UNLIMITED

ROOT = Path(__file__).parents[2]
START_S = 600.0
TOKENS = 32


@dataclass(frozen=True)
class Started:
    """What answers, and how long it took to come."""

    hosts: tuple[str, ...]
    start_s: float
    process: int
    """Of the command that started it."""
    update: tuple[str, ...] = ()
    """The command that brings replicas of a new version in place of these."""


@contextmanager
def one_process(model: str) -> Generator[Started]:
    """Starts `app.py web` with the model in it."""
    port = _free_ports(1)
    options = ["--model", model, *_same(), "--port", str(port)]
    command = [sys.executable, "app.py", "web", *options, "--turn-judge", "words", *UNLIMITED]
    with _running(command, [port]) as started:
        yield started


@contextmanager
def cluster(model: str, *, replicas: int, gateways: int) -> Generator[Started]:
    """Starts `python -m deploy.ray`."""
    first = _free_ports(gateways)
    options = ["--model", model, *_same(), "--port", str(first), "--cpus", "0.1"]
    options += ["--models", str(replicas)]
    command = [sys.executable, "-m", "deploy.ray", *options]
    ports = list(range(first, first + gateways))
    # What has no part in the answers but is no longer the same is a new version.
    newer = (*command, "--together", "3", "--gateways", "0", "--address")
    command += ["--gateways", str(gateways), "--", "--turn-judge", "words", *UNLIMITED]
    with tempfile.TemporaryFile("w+") as told, _running(command, ports, told) as started:
        told.seek(0)
        found = re.search(r"on the cluster at (\S+)", told.read())
        assert found is not None, "it says so before its gateways answer"
        yield replace(started, update=(*newer, found[1]))


def _same() -> list[str]:
    """Returns the options that all have in common."""
    generation = ["--generation.longest-tokens", str(TOKENS)]
    return ["--run.threads", "1", "--voice", "espeak", *generation]


@contextmanager
def _running(
    command: Sequence[str], ports: Sequence[int], told: IO[str] = sys.stderr
) -> Generator[Started]:
    began_s = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=told)
    hosts = tuple(f"127.0.0.1:{port}" for port in ports)
    try:
        for host in hosts:
            _wait_for(host, process)
        yield Started(hosts, time.perf_counter() - began_s, process.pid)
    finally:
        process.terminate()
        process.wait(120)


def _wait_for(host: str, process: "subprocess.Popen[bytes]") -> None:
    until_s = time.monotonic() + START_S
    while True:
        try:
            urllib.request.urlopen(f"http://{host}/health", timeout=5)
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > until_s:
                raise SystemExit(f"nothing answers at {host}") from None
            time.sleep(0.2)


def _free_ports(many: int) -> int:
    """Returns the first of several ports that are free, one after the other."""
    while True:
        held: list[socket.socket] = []
        try:
            held.append(socket.create_server(("127.0.0.1", 0)))
            first = held[0].getsockname()[1]
            for port in range(first + 1, first + many):
                held.append(socket.create_server(("127.0.0.1", port)))
            return first
        except OSError:
            continue
        finally:
            for one in held:
                one.close()
