"""A small client of the realtime socket, and a server for it."""

import asyncio
import base64
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Generator
from typing import IO, Any, Self

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from assistant.audio.waveform import Waveform

RATE_HZ = 24_000
FRAME_S = 0.02
STARTS_S = 240.0
"""In which the server must have loaded its model, on a busy machine."""
NO_LIMITS = {
    "--admission.most": "100",
    "--admission.first": "100",
    "--admission.most-load": "100",
    "--admission.budget-ms": "60000",
}


def free_port() -> int:
    """Returns a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def server(*options: str) -> Generator[int]:
    """Runs `app.py web` in a process of its own, visitors unlimited but for `options`.

    Yields its port.
    """
    port = free_port()
    unlimited = [
        part for name, most in NO_LIMITS.items() if name not in options for part in (name, most)
    ]
    command = [sys.executable, "app.py", "web", "--port", str(port), *unlimited, *options]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(command, env=environment, stdout=told, stderr=told)
        try:
            _wait_until_it_answers(process, port, told)
            yield port
        finally:
            process.terminate()
            process.wait(30)


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int, told: IO[bytes]) -> None:
    """Waits for the server.

    Raises:
        RuntimeError: It ended, or takes too long; the message says what it told.
    """
    deadline_s = time.monotonic() + STARTS_S
    while True:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()
            return
        if process.poll() is not None or time.monotonic() > deadline_s:
            told.seek(0)
            last = told.read().decode(errors="replace")[-1_000:]
            raise RuntimeError(f"the server did not start (status {process.poll()}): {last}")
        time.sleep(0.2)


def raw(sound: Waveform) -> bytes:
    """Returns 16-bit samples."""
    return (np.clip(sound, -1, 1) * 32_767).astype("<i2").tobytes()


def encoded(data: bytes) -> str:
    """Returns bytes as the socket takes them."""
    return base64.b64encode(data).decode()


class Client:
    """One connection; everything that came stands in `events`, with its time in `at_s`."""

    def __init__(self, port: int, query: str = "") -> None:
        self._url = f"ws://127.0.0.1:{port}/v1/realtime{query}"
        self.events: list[dict[str, Any]] = []

    async def __aenter__(self) -> Self:
        self.socket: ClientConnection = await connect(self._url, max_size=None)
        self._began_s = time.monotonic()
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._reading.cancel()
        await self.socket.close()

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in self.socket:
                at_s = round(time.monotonic() - self._began_s, 2)
                self.events.append(json.loads(message) | {"at_s": at_s})

    async def send(self, kind: str, **fields: Any) -> None:
        """Sends one event."""
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def append(self, sound: Waveform) -> None:
        """Appends sound at once."""
        await self.send("input_audio_buffer.append", audio=encoded(raw(sound)))

    async def stream(self, sound: Waveform) -> None:
        """Appends 24 kHz sound at the pace of speech."""
        size, due_s = round(FRAME_S * RATE_HZ), time.monotonic()
        for start in range(0, len(sound), size):
            await self.append(sound[start : start + size])
            due_s += FRAME_S
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))

    async def until(
        self, *kinds: str, timeout_s: float = 20.0, after: int = 0
    ) -> dict[str, Any] | None:
        """Returns the first event of `kinds`, of those from number `after` on; None in time."""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            for event in self.events[after:]:
                if event["type"] in kinds:
                    return event
            await asyncio.sleep(0.01)
        return None

    @property
    def words(self) -> list[str]:
        """What was understood of the person."""
        return [
            event["transcript"]
            for event in self.events
            if event["type"].endswith("transcription.completed")
        ]

    @property
    def answers(self) -> list[str]:
        """What was answered."""
        return [
            item["content"][0].get("transcript") or item["content"][0].get("text") or ""
            for event in self.events
            if event["type"] == "response.done"
            for item in event["response"]["output"]
            if item.get("content")
        ]

    @property
    def errors(self) -> list[str]:
        """Messages of the errors that came."""
        return [event["error"]["message"] for event in self.events if event["type"] == "error"]
