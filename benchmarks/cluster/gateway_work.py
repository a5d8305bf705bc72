"""What a talk by voice takes of the gateway that owns it: socket, ear, turns, requests."""

import asyncio
import time

import psutil

from benchmarks.cluster.started import Started
from benchmarks.results import table
from benchmarks.rooms.web_clients import Talked, load_recordings, talk

COLUMNS = ("talks by voice", "of one core for each, at their gateways", "answers", "not answered")
TURNS = 4


def gateway_row(started: Started, many: int) -> list[object]:
    """Holds so many talks at once, spread over the gateways; returns what they took."""
    urls = [f"ws://{host}/v1/realtime" for host in started.hosts]
    recordings = load_recordings()

    async def together() -> list[Talked]:
        held = (talk(urls[n % len(urls)], recordings, turns=TURNS, seed=n) for n in range(many))
        return await asyncio.gather(*held)

    gateways = [_listening(started.process, host) for host in started.hosts]
    before_s, began_s = sum(map(_worked_s, gateways)), time.perf_counter()
    talked = asyncio.run(together())
    share = (sum(map(_worked_s, gateways)) - before_s) / (time.perf_counter() - began_s) / many
    answers = sum(len(one.answer_ms) for one in talked)
    return [many, f"{share:.1%}", answers, sum(one.lost_turns for one in talked)]


def gateway_table(rows: list[list[object]]) -> str:
    """Returns the rows as Markdown."""
    return table(COLUMNS, rows)


def _listening(parent: int, host: str) -> psutil.Process:
    """Returns the process below `parent` that serves `host`."""
    port = host.rpartition(":")[2]
    for process in psutil.Process(parent).children(recursive=True):
        words = process.cmdline()
        if "web" in words and words[-2:] == ["--port", port]:
            return process
    raise SystemExit(f"there is no gateway at {host}")


def _worked_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
