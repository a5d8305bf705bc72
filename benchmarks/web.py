"""Many talks at once over the realtime socket: latency, admission, crossed wires, memory.

    python -m benchmarks.web [--model NAME] [--talks 1 2 4 8 16] [--turns 4] [--write]
    python -m benchmarks.web --soak-minutes 60 [--talks 4] [--write]

Clients speak the turns of the bundled recording at the pace of speech, each through a socket of
its own, to one server process. A soak holds talk after talk and looks at what is left of them.
"""

import argparse
import asyncio
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
from websockets.asyncio.client import connect

from assistant.audio.waveform import Waveform
from benchmarks.results import p50_p95, percentile, table, write_section
from benchmarks.rooms.web_clients import Talked, load_recordings, talk
from models.checkpoints.embedded import EMBEDDED

ROOT = Path(__file__).parents[1]
COLUMNS = (
    "talks",
    "last word → first sound at the client, p50 / p95 ms",
    "end of turn → first sound on the server, p50 / p95 ms",
    "turns",
    "not answered",
    "crossed wires",
    "MB a talk",
    "clients' own share of one core",
)
VISITORS = 16
SAMPLES = 12
"""Looks at the server over a soak."""


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


def stop(server: subprocess.Popen[str]) -> None:
    server.terminate()
    server.wait(60)


UNLIMITED = (
    *("--admission.most", "999", "--admission.first", "999"),
    *("--admission.most-load", "100", "--admission.budget-ms", "60000"),
)


def clients_s() -> float:
    """Returns the processor time that this process, which holds all clients, has taken so far."""
    times = psutil.Process().cpu_times()
    return times.user + times.system


def measure(options: argparse.Namespace, recordings: list[Waveform]) -> list[list[object]]:
    """Returns one row for each number of talks."""
    server, url = serve(options, *UNLIMITED)
    process = psutil.Process(server.pid)

    async def together(talks: int) -> tuple[list[Talked], float, float]:
        before, began_s, clients_before_s = process.memory_info().rss, time.time(), clients_s()
        running = [
            asyncio.ensure_future(talk(url, recordings, turns=options.turns, seed=seed))
            for seed in range(talks)
        ]
        peak = before
        while not all(task.done() for task in running):
            await asyncio.sleep(0.5)
            peak = max(peak, process.memory_info().rss)
        share = 100.0 * (clients_s() - clients_before_s) / (time.time() - began_s)
        return [task.result() for task in running], (peak - before) / talks / 2**20, share

    rows: list[list[object]] = []
    try:
        alone = asyncio.run(talk(url, recordings, turns=len(recordings), seed=0, in_order=True))
        for talks in options.talks:
            talked, megabytes, share = asyncio.run(together(talks))
            found = row(talks, talked, crossed(talked, alone), megabytes)
            rows.append([*found, f"{share:.0f} %"])
            print(rows[-1], flush=True)
    finally:
        stop(server)
    return rows


def row(talks: int, talked: list[Talked], wires: int, megabytes: float) -> list[object]:
    sound = [ms for one in talked for ms in one.sound_ms]
    answer = [ms for one in talked for ms in one.answer_ms]
    lost = sum(one.lost_turns for one in talked)
    times = (p50_p95(sound), p50_p95(answer)) if answer else ("–", "–")
    return [talks, *times, len(answer), lost, wires, f"{megabytes:.1f}"]


def crossed(talked: list[Talked], alone: Talked) -> int:
    """Returns how often one talk got what belongs to another.

    Counted are ids that two clients were told of, and turns with the very words that a talk alone
    understood of another recording, and never of the one that was spoken.
    """
    known: dict[str, set[int]] = {}
    for which, words in alone.words:
        known.setdefault(words, set()).add(which)
    wires, seen = 0, set[str]()
    for one in talked:
        wires += len(one.ids & seen)
        seen |= one.ids
        wires += sum(which not in known.get(words, {which}) for which, words in one.words)
    return wires


def admitted(options: argparse.Namespace, recordings: list[Waveform]) -> str:
    """Returns how many visitors were let in, and how late their answers were."""
    server, url = serve(options)

    async def arrive() -> list[Talked]:
        running: list[asyncio.Future[Talked]] = []
        for seed in range(VISITORS):
            visit = talk(url, recordings, turns=options.turns + 1, seed=seed)
            running.append(asyncio.ensure_future(visit))
            await asyncio.sleep(2.0)
        return await asyncio.gather(*running)

    try:
        talked = asyncio.run(arrive())
    finally:
        stop(server)
    inside = [one for one in talked if not one.refused]
    answer = [ms for one in inside for ms in one.answer_ms]
    return (
        f"{VISITORS} visitors, one every 2 s, under the default budget of 400 ms: {len(inside)} "
        f"were let in, {len(talked) - len(inside)} were told to wait; end of turn → first sound "
        f"{p50_p95(answer)} ms (p50 / p95 of {len(answer)} turns)."
    )


def soak(options: argparse.Namespace, recordings: list[Waveform]) -> str:
    """Returns what a long time of talks leaves behind in the server, as Markdown."""
    server, url = serve(options, *UNLIMITED)
    process = psutil.Process(server.pid)
    length_s, rows = 60.0 * options.soak_minutes, list[list[object]]()
    all_talked: list[Talked] = []

    def look(minute: float, talks: int) -> tuple[float, int, int]:
        memory = process.memory_info().rss / 2**20
        found = (memory, process.num_fds(), process.num_threads())
        rows.append([f"{minute:.0f}", talks, f"{memory:.0f}", *found[1:]])
        print(rows[-1], flush=True)
        return found

    async def visitor(seed: int, until_s: float) -> None:
        while time.perf_counter() < until_s:
            talked = await talk(url, recordings, turns=options.turns, seed=seed)
            for how in talked.lost_how:
                print(f"not answered, seed {seed}, {how}", flush=True)
            all_talked.append(talked)
            seed += 1_000

    async def visits() -> tuple[tuple[float, int, int], tuple[float, int, int]]:
        await talk(url, recordings, turns=2, seed=0)
        await asyncio.sleep(3.0)
        first, began_s = look(0.0, 0), time.perf_counter()
        coming = [visitor(seed, began_s + length_s) for seed in range(max(options.talks))]
        running = asyncio.gather(*coming)
        for sample in range(1, SAMPLES):
            await asyncio.sleep(began_s + length_s * sample / SAMPLES - time.perf_counter())
            look(length_s * sample / SAMPLES / 60.0, len(coming))
        await running
        await asyncio.sleep(3.0)
        return first, look(options.soak_minutes, 0)

    try:
        first, last = asyncio.run(visits())
    finally:
        stop(server)
    answer = [ms for one in all_talked for ms in one.answer_ms]
    lost = sum(one.lost_turns for one in all_talked)
    cut_off = sum(one.is_cut_off for one in all_talked)
    settled = [float(str(line[2])) for line in rows[1 + SAMPLES // 4 : -1]]
    spread = 100.0 * (max(settled) - min(settled)) / min(settled)
    late = percentile(answer, 0.95)
    return (
        table(["minute", "talks", "resident MiB", "open files", "threads"], rows)
        + f"\n\n{len(all_talked)} talks, {len(answer)} turns answered, {lost} not; connections "
        f"lost: {cut_off}. End of turn → first sound p95 {late:.0f} ms. After the first quarter "
        f"memory moves by {spread:.1f} %. Left over: {last[1] - first[1]} open "
        f"files, {last[2] - first[2]} threads."
    )


def main() -> None:
    """Measures and prints; `--write` puts it into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--talks", type=int, nargs="+")
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--soak-minutes", type=float)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    recordings = load_recordings()
    command = f"python -m benchmarks.web --model {Path(options.model).name}"
    if options.soak_minutes:
        title, command = "Talk after talk", f"{command} --soak-minutes {options.soak_minutes:g}"
        options.talks = options.talks or [4]
        body = soak(options, recordings)
    else:
        title = "Many talks at once"
        options.talks = options.talks or [1, 2, 4, 8, 16]
        body = f"{table(COLUMNS, measure(options, recordings))}\n\n{admitted(options, recordings)}"
    print(body)
    if options.write:
        write_section(title, command, body)


if __name__ == "__main__":
    main()
