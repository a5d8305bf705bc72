"""Firefox without a driver beside it: it speaks WebDriver BiDi by itself, over a socket."""

import asyncio
import contextlib
import itertools
import json
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
PATIENT_S = 90.0
PREFERENCES = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    "remote.active-protocols": 1,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.enabled": False,
}


class Firefox:
    """One window. Its microphone gives a tone."""

    def __init__(self, line: ClientConnection) -> None:
        self._line = line
        self._ids = itertools.count(1)
        self._window = ""
        self.faults: list[str] = []
        """What its scripts broke of."""

    async def open(self) -> None:
        """Takes the window that is there."""
        await self.call("session.new", capabilities={})
        await self.call("session.subscribe", events=["log.entryAdded"])
        self._window = (await self.call("browsingContext.getTree"))["contexts"][0]["context"]

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Asks for something, and waits until it is done."""
        number = next(self._ids)
        await self._line.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            async with asyncio.timeout(PATIENT_S):
                told = json.loads(await self._line.recv())
            if told.get("method") == "log.entryAdded" and told["params"]["level"] == "error":
                self.faults.append(str(told["params"]["text"]))
            if told.get("id") == number:
                assert told["type"] == "success", told
                return told["result"]

    async def go(self, address: str) -> None:
        """Opens a page and waits until it is there."""
        await self.call(
            "browsingContext.navigate", context=self._window, url=address, wait="complete"
        )

    async def value(self, script: str) -> Any:
        """Returns what an expression is on the page."""
        target = {"context": self._window}
        told = await self.call(
            "script.evaluate", expression=script, target=target, awaitPromise=True,
            userActivation=True,
        )  # fmt: skip
        assert told["type"] == "success", told["exceptionDetails"]["text"]
        return told["result"].get("value")

    async def until(self, condition: str) -> None:
        """Waits until an expression is true on the page."""
        async with asyncio.timeout(PATIENT_S):
            while not await self.value(f"Boolean({condition})"):
                await asyncio.sleep(0.1)

    async def click(self, selector: str) -> None:
        """Presses something."""
        await self.value(f"document.querySelector({json.dumps(selector)}).click()")


@contextlib.asynccontextmanager
async def firefox(environment: Mapping[str, str]) -> AsyncGenerator[Firefox]:
    """Yields a Firefox; its sound goes where `environment` says."""
    assert FIREFOX is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in PREFERENCES.items()]
        (Path(profile) / "user.js").write_text("\n".join(lines), encoding="utf-8")
        command = [FIREFOX, "--headless", "--no-remote", "--profile", profile]
        command += ["--remote-debugging-port", str(port)]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                async with await _line(port) as line:
                    opened = Firefox(line)
                    await opened.open()
                    yield opened
            finally:
                process.terminate()


async def _line(port: int) -> ClientConnection:
    async with asyncio.timeout(PATIENT_S):
        while True:
            with contextlib.suppress(OSError):
                return await connect(f"ws://127.0.0.1:{port}/session", max_size=None)
            await asyncio.sleep(0.2)
