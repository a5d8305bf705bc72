"""Many talks at once over the realtime socket: latency, admission, crossed wires, memory.

    python -m benchmarks.web [--model nano] [--talks 1 2 4 8 16] [--turns 6]

Clients speak the turns of the bundled recording at the pace of speech, each through a socket of
its own, to one server process.
"""

import argparse
import asyncio
import base64
import json
import random
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from websockets.asyncio.client import ClientConnection, connect

from assistant.audio import Waveform, resample, to_int16
from benchmarks.results import p50_p95, table, write_section

ROOT = Path(__file__).parents[1]
RATE_HZ = 16_000
FRAME = 512
COLUMNS = (
    "talks",
    "last word → first sound at the client, p50 / p95 ms",
    "end of turn → first sound on the server, p50 / p95 ms",
    "turns",
    "words unlike those of one talk alone",
    "MB a talk",
)


@dataclass
class Talked:
    """What one client saw."""

    sound_ms: list[float] = field(default_factory=list[float])
    """From the last sample of speech sent to the first sound that came."""
    answer_ms: list[float] = field(default_factory=list[float])
    """From the end of the turn to the first sound, by the server's own marks."""
    words: dict[int, set[str]] = field(default_factory=dict[int, set[str]])
    """What was understood of each recording."""
    refused: bool = False


class Client:
    """One person at one socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._events: asyncio.Queue[tuple[float, dict[str, Any]]] = asyncio.Queue()
        self._sound: Waveform = np.zeros(0, dtype=np.float32)
        self.spoken_until_s = 0.0

    async def receive(self) -> None:
        """Takes events in, for ever."""
        async for message in self._socket:
            await self._events.put((time.perf_counter(), json.loads(message)))

    async def stream(self) -> None:
        """Sends a frame every 32 ms: speech if there is some to say, silence otherwise."""
        next_s = time.perf_counter()
        while True:
            frame, self._sound = self._sound[:FRAME], self._sound[FRAME:]
            if len(frame):
                self.spoken_until_s = time.perf_counter()
            frame = np.pad(frame, (0, FRAME - len(frame)))
            audio = base64.b64encode(to_int16(frame).tobytes()).decode()
            await self.send("input_audio_buffer.append", audio=audio)
            next_s += FRAME / RATE_HZ
            await asyncio.sleep(max(0.0, next_s - time.perf_counter()))

    async def send(self, kind: str, **fields: Any) -> None:
        """Sends one event."""
        await self._socket.send(json.dumps({"type": kind, **fields}))

    def say(self, sound: Waveform) -> None:
        """Speaks from the next frame on."""
        self._sound = sound

    async def until(self, *kinds: str) -> list[tuple[float, dict[str, Any]]]:
        """Returns events with their times, up to the first of `kinds`."""
        seen: list[tuple[float, dict[str, Any]]] = []
        while not seen or seen[-1][1]["type"] not in kinds:
            seen.append(await asyncio.wait_for(self._events.get(), 60.0))
        return seen


async def talk(url: str, turns: int, recordings: list[Waveform], seed: int) -> Talked:
    """Holds one conversation."""
    talked, order = Talked(), random.Random(seed)
    async with connect(url, max_size=None) as socket:
        client = Client(socket)
        tasks = [asyncio.ensure_future(client.receive())]
        try:
            first = await client.until("session.created", "error")
            if first[-1][1]["type"] == "error":
                talked.refused = True
                return talked
            await client.send(
                "session.update",
                session={"audio": {"input": {"format": {"type": "audio/pcm", "rate": RATE_HZ}}}},
            )
            tasks.append(asyncio.ensure_future(client.stream()))
            for _ in range(turns):
                await asyncio.sleep(order.uniform(0.2, 2.0))
                await one_turn(client, talked, order.randrange(len(recordings)), recordings)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return talked


async def one_turn(client: Client, talked: Talked, which: int, recordings: list[Waveform]) -> None:
    client.say(recordings[which])
    has_sounded = False
    for at_s, event in await client.until("output_audio_buffer.stopped", "error"):
        match event["type"]:
            case "response.output_audio.delta" if not has_sounded:
                has_sounded = True
                talked.sound_ms.append(1_000 * (at_s - client.spoken_until_s))
            case "attune.timing":
                marks = event["marks_ms"]
                talked.answer_ms.append(max(0.0, marks["played"] - marks["endpoint"]))
            case "conversation.item.input_audio_transcription.completed":
                talked.words.setdefault(which, set()).add(event["transcript"])
            case "error":
                raise SystemExit(event["error"]["message"])
            case _:
                pass


def load_recordings() -> list[Waveform]:
    """Returns the bundled recording's turns, ended at their last loud sample."""
    import io

    import soundfile

    from ui.web_examples import EXAMPLES, example_wav

    recordings: list[Waveform] = []
    for index in range(len(EXAMPLES)):
        wav = example_wav(index)
        assert wav is not None
        samples, rate = soundfile.read(io.BytesIO(wav), dtype="float32")
        sound = resample(np.asarray(samples, dtype=np.float32), from_hz=rate, to_hz=RATE_HZ)
        recordings.append(sound[: int(np.flatnonzero(np.abs(sound) > 0.02)[-1]) + 1])
    return recordings


def serve(options: argparse.Namespace, *extra: str) -> tuple[subprocess.Popen[str], str]:
    """Starts a server process; returns it and its socket's address."""
    command = [sys.executable, "app.py", "web", "--port", "0", "--model", options.model]
    server = subprocess.Popen([*command, *extra], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    for line in server.stdout:
        if found := re.search(r"http://localhost:(\d+)/", line):
            url = f"ws://127.0.0.1:{found[1]}/v1/realtime"
            asyncio.run(until_open(url))
            return server, url
    raise SystemExit("the server did not start")


async def until_open(url: str) -> None:
    for _ in range(600):
        try:
            async with connect(url) as socket:
                await socket.recv()
                return
        except OSError:
            await asyncio.sleep(0.2)


def measure(options: argparse.Namespace, recordings: list[Waveform]) -> list[list[object]]:
    """Returns one row for each number of talks."""
    server, url = serve(options, "--admission.most", "999", "--admission.budget-ms", "60000")
    process = psutil.Process(server.pid)

    async def together(talks: int) -> tuple[list[Talked], float]:
        before = process.memory_info().rss
        running = [
            asyncio.ensure_future(talk(url, options.turns, recordings, seed))
            for seed in range(talks)
        ]
        peak = before
        while not all(task.done() for task in running):
            await asyncio.sleep(0.5)
            peak = max(peak, process.memory_info().rss)
        return [task.result() for task in running], (peak - before) / talks / 2**20

    rows: list[list[object]] = []
    alone: dict[int, set[str]] = {}
    try:
        asyncio.run(together(1))
        for talks in options.talks:
            talked, megabytes = asyncio.run(together(talks))
            unlike = 0
            for one in talked:
                for which, words in one.words.items():
                    unlike += len(words - alone.setdefault(which, words))
            sound = [ms for one in talked for ms in one.sound_ms]
            answer = [ms for one in talked for ms in one.answer_ms]
            rows.append(
                [talks, p50_p95(sound), p50_p95(answer), len(answer), unlike, f"{megabytes:.1f}"]
            )
    finally:
        server.terminate()
        server.wait(60)
    return rows


def admitted(options: argparse.Namespace, recordings: list[Waveform]) -> str:
    """Returns how many of 16 visitors were let in, and how late their answers were."""
    server, url = serve(options)

    async def arrive() -> list[Talked]:
        running: list[asyncio.Future[Talked]] = []
        for seed in range(16):
            running.append(asyncio.ensure_future(talk(url, 2 * options.turns, recordings, seed)))
            await asyncio.sleep(2.0)
        return await asyncio.gather(*running)

    try:
        talked = asyncio.run(arrive())
    finally:
        server.terminate()
        server.wait(60)
    inside = [one for one in talked if not one.refused]
    answer = [ms for one in inside for ms in one.answer_ms]
    return (
        f"Sixteen visitors, one every 2 s, under the default budget of 400 ms: {len(inside)} were "
        f"let in, {len(talked) - len(inside)} were told to wait; end of turn → first sound "
        f"{p50_p95(answer)} ms (p50 / p95 of {len(answer)} turns)."
    )


def main() -> None:
    """Measures and writes the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="nano")
    parser.add_argument("--talks", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--turns", type=int, default=6)
    options = parser.parse_args()
    recordings = load_recordings()
    rows = measure(options, recordings)
    body = f"{table(COLUMNS, rows)}\n\n{admitted(options, recordings)}"
    write_section("Many talks at once", "python -m benchmarks.web", body)


if __name__ == "__main__":
    main()
