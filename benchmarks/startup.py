"""How long the help of the program takes, in fresh processes.

python -m benchmarks.startup [--runs 20]
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.results import p50_p95, table, write_section

ROOT = Path(__file__).parents[1]


def seconds(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "app.py", *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    rows: list[list[object]] = []
    for arguments in (["--help"], ["reply", "--help"], ["doctor", "--help"]):
        seconds(arguments)
        times = [1_000 * seconds(arguments) for _ in range(runs)]
        rows.append([f"`app.py {' '.join(arguments)}`", p50_p95(times), runs])
    body = table(["command", "ms, p50 / p95", "runs"], rows)
    write_section("Start of the program", "python -m benchmarks.startup", body)


if __name__ == "__main__":
    main()
