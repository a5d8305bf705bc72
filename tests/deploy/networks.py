"""Networks of their own for tests, in which there is the loopback device alone."""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self, TypeVar

import psutil

Result = TypeVar("Result")
ROOT = Path(__file__).parents[2]
CLONE_NEWNET = 0x40000000
MAKE = ("unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
"""Its processes are in a space of their own too: they end with the first of them."""
UP = ("sh", "-c", "ip link set lo up && echo up && exec sleep infinity")
LOSE = "tc qdisc add dev lo root tbf rate 8bit burst 10b latency 1s"
"""Drops what is longer than 10 bytes: every packet."""
KEEP = "tc qdisc del dev lo root"


def is_possible() -> bool:
    """Whether this process may make networks, and has the programs for it."""
    if any(shutil.which(name) is None for name in ("unshare", "nsenter", "ip", "tc")):
        return False
    tried = [*MAKE, "sh", "-c", f"ip link set lo up && {LOSE}"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


class Network:
    """One of them, and threads of this process whose connections are in it."""

    def __enter__(self) -> Self:
        """Makes it."""
        self._holds = subprocess.Popen([*MAKE, *UP], stdout=subprocess.PIPE)
        assert self._holds.stdout is not None
        assert self._holds.stdout.readline() == b"up\n"
        (self.first,) = (one.pid for one in psutil.Process(self._holds.pid).children())
        target = str(self.first)
        # Else it would begin in the root folder of that network's mounts.
        self.enter = ("nsenter", "--target", target, "--net", "--pid", "--mount", f"--wd={ROOT}")
        """Put before a command, runs it there."""
        self._threads = ThreadPoolExecutor(5, initializer=self._join)
        return self

    def __exit__(self, *_: object) -> None:
        """Ends it and all that runs in it."""
        self._threads.shutdown()
        self._holds.kill()
        self._holds.wait(20)
        if self._holds.stdout is not None:
            self._holds.stdout.close()

    def submit(self, function: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """Calls a function on a thread that connects in this network."""
        return self._threads.submit(function, *arguments)

    def call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Likewise; returns what it returns."""
        return self.submit(function, *arguments).result()

    def lose(self, *, everything: bool) -> None:
        """Drops every packet from now on, or none any more."""
        rule = LOSE if everything else KEEP
        subprocess.run([*self.enter, *rule.split()], check=True)

    def _join(self) -> None:
        network = os.open(f"/proc/{self.first}/ns/net", os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(network, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "the network cannot be entered")
        finally:
            os.close(network)
