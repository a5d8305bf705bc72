"""A cluster on this machine, started by its command, and what runs in it."""

import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.ui.calling import Line

ROOT = Path(__file__).parents[2]
START_S = 500.0
QUESTIONS = ("how are you", "and then what", "tell me more", "is that so")
LONGEST_TOKENS = 24
INTERRUPTED = 130


@dataclass(frozen=True)
class Cluster:
    """A running one."""

    process: "subprocess.Popen[bytes]"
    first: int
    """Port of the first of two gateways."""
    log: Path
    options: tuple[str, ...]
    """With which it was deployed."""

    @property
    def hosts(self) -> tuple[str, str]:
        return (f"127.0.0.1:{self.first}", f"127.0.0.1:{self.first + 1}")

    @property
    def head(self) -> str:
        """Address of its head."""
        (address,) = re.findall(r"on the cluster at (\S+)", self.log.read_text())
        return address

    def gateway(self, host: str) -> int:
        """Returns the number of a gateway's process."""
        port = host.rpartition(":")[2]
        (found,) = self._processes(rf"app\.py web .*--port {port}\b")
        return found

    def replicas(self, deployment: str = "SpeechModel") -> set[int]:
        """Returns the numbers of the processes of a deployment's replicas."""
        return set(self._processes(rf"ServeReplica:attune:{deployment}"))

    def wait_for(self, host: str) -> None:
        """Waits until a gateway answers."""
        until_s = time.monotonic() + START_S
        while True:
            try:
                urllib.request.urlopen(f"http://{host}/health", timeout=5)
                return
            except OSError:
                assert self.process.poll() is None, self.log.read_text()
                assert time.monotonic() < until_s, self.log.read_text()
                time.sleep(0.5)

    def _processes(self, pattern: str) -> list[int]:
        """Returns those of this cluster: others may run beside it on this machine."""
        found: list[int] = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if re.search(pattern, " ".join(process.cmdline())):
                    found.append(process.pid)
            except psutil.Error:  # it ended meanwhile
                continue
        return found


@contextmanager
def running(
    checkpoint: Path,
    folder: Path,
    *,
    options: Sequence[str] = (),
    of_gateways: Sequence[str] = (),
    within: Sequence[str] = (),
) -> Generator[Cluster]:
    """Starts a cluster with a tiny model; yields it once it is deployed, and ends it."""
    first, log = free_ports(), folder / "log.txt"
    given = ("--model", str(checkpoint), "--run.threads", "1", "--cpus", "0.1")
    given += ("--generation.longest-tokens", str(LONGEST_TOKENS), "--voice", "espeak", *options)
    command = [*within, sys.executable, "-m", "deploy.ray", *given, "--port", str(first)]
    with log.open("wb") as told:
        process = subprocess.Popen(
            [*command, "--", "--turn-judge", "words", *of_gateways],
            cwd=ROOT,
            stdout=told,
            stderr=told,
        )
    try:
        yield Cluster(process, first, log, given)
    finally:
        process.terminate()
        process.wait(90)
    # As with Ctrl+C: all of it ends, and Ray prints no trace of its own. What stands between in
    # `within` is ended in its place.
    assert within or (process.returncode == INTERRUPTED and "SIGTERM" not in log.read_text())


def free_ports() -> int:
    """Returns the first of two ports that are free."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            try:
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


def answer(there: Line, question: str) -> str:
    """Asks, and returns the words of the answer."""
    there.say(question)
    there.until("response.created")
    told = there.until("response.done")
    assert told["response"]["status"] == "completed", told
    (item,) = told["response"]["output"]
    return next(part.get("transcript") or part.get("text") for part in item["content"])
