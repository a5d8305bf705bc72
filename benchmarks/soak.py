"""A long conversation at many times real time: memory, threads and files must stay as they are.

python -m benchmarks.soak [--minutes 60] [--model NAME] [--write]
"""

import argparse
import gc
import os
import threading
import time
from pathlib import Path

import psutil

from assistant import events
from assistant.assembly import open_engines
from assistant.audio.file_devices import FileMicrophone, FileSpeaker
from assistant.audio.protocols import Ends
from assistant.clock import replay
from assistant.engines.settings import ModelSettings
from assistant.session import open_talk
from assistant.settings import TalkCommandSettings
from benchmarks.results import table, write_section
from benchmarks.talk import GAP_S, people
from models.checkpoints.embedded import EMBEDDED

SAMPLES = 12
"""Measurements of memory over the run."""


def main() -> None:
    """Measures and prints the table; `--write` puts it into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    length_s = 60.0 * options.minutes
    settings = TalkCommandSettings(model=options.model, run=ModelSettings(threads=1))
    process = psutil.Process()
    threads = threading.active_count()
    engines = open_engines(settings, judging=settings)
    files = process.num_fds()
    counts: dict[str, int] = {}
    memory: list[tuple[float, float]] = []

    def listen(event: events.Event) -> None:
        name = type(event).__name__
        counts[name] = counts.get(name, 0) + 1
        if event.at_s >= len(memory) * length_s / SAMPLES:
            gc.collect()
            memory.append((event.at_s, process.memory_info().rss / 2**20))

    speaker = FileSpeaker(sample_rate=engines.voice.sample_rate)
    turns = round(length_s / (GAP_S + 4.0))
    ends = Ends(FileMicrophone(people(turns)), speaker)

    async def hold() -> None:
        talk = open_talk(engines, ends, settings.talk)
        talk.follow(listen)
        await talk.run()

    began = time.perf_counter()
    replay(hold(), workers=engines.workers)
    took_s = time.perf_counter() - began
    engines.close_workers()
    left_files = process.num_fds() - files
    engines.close()
    after = (left_files, threading.active_count() - threads)
    body = report(memory, counts, after, took_s)
    print(body)
    if options.write:
        command = f"python -m benchmarks.soak --minutes {options.minutes:g} --model "
        write_section("Long conversation", command + Path(options.model).name, body)


def report(
    memory: list[tuple[float, float]],
    counts: dict[str, int],
    after: tuple[int, int],
    took_s: float,
) -> str:
    """Returns memory over time and the counts, as Markdown."""
    rows = [[f"{at_s / 60:.0f}", f"{mebibytes:.0f}"] for at_s, mebibytes in memory]
    settled = [mebibytes for _, mebibytes in memory[len(memory) // 4 :]]
    spread = 100.0 * (max(settled) - min(settled)) / min(settled)
    answered = counts.get("ReplyFinished", 0) + counts.get("Interrupted", 0)
    turns = counts.get("UtteranceEnded", 0) - counts.get("UtteranceJoined", 0)
    length_s = memory[-1][0] if memory else 0.0
    return (
        table(["minute", "resident MiB"], rows)
        + f"\n\nAfter the first quarter memory moves by {spread:.1f} %. {turns} turns, {answered} "
        f"answered, {counts.get('TurnFailed', 0)} failed. Left over: {after[0]} open files, "
        f"{after[1]} threads. {length_s / took_s:.0f} times real time."
    )


if __name__ == "__main__":
    if not os.environ.get("OMP_NUM_THREADS"):
        os.environ["OMP_NUM_THREADS"] = "1"
    main()
