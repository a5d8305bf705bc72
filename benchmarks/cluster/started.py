"""What is measured, started by its own commands: one process, and a cluster of several."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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
    options += ["--models", str(replicas), "--gateways", str(gateways)]
    command = [sys.executable, "-m", "deploy.ray", *options]
    ports = list(range(first, first + gateways))
    with _running([*command, "--", "--turn-judge", "words", *UNLIMITED], ports) as started:
        yield started


def _same() -> list[str]:
    """Returns the options that all have in common."""
    generation = ["--generation.longest-tokens", str(TOKENS)]
    return ["--run.threads", "1", "--voice", "espeak", *generation]


@contextmanager
def _running(command: Sequence[str], ports: Sequence[int]) -> Generator[Started]:
    began_s = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=sys.stderr)
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
