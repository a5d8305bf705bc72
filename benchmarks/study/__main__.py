"""A whole study by simulated participants, through the real conversation loop: is all as designed?

python -m benchmarks.study [--real] [--participants 24] [--turns 6] [--write]
"""

import argparse
import contextlib
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from assistant.csv_text import csv_rows
from assistant.study.design.scaffold import new_study
from assistant.study.keeping.store import StudyFolder, read_lines
from assistant.study.report.write import write_report
from assistant.study.run.engines import StudyEngines
from assistant.study.settings import StudyEngineSettings, StudySettings
from assistant.study.simulated.command import Crowd, StudyOutcome, copy_study, simulate
from benchmarks.results import p50_p95, table, write_section

TABLES = ("participants", "answers", "scores", "turns", "happenings", "signs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", action="store_true", help="mini answers instead of a script")
    parser.add_argument("--participants", type=int, default=24)
    parser.add_argument("--turns", type=int, default=6)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--out", type=Path, help="a new folder that keeps study and report")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix="attune-study-")
        folder = given.out or stack.enter_context(temporary)
        study = made(Path(folder) / "study", given.participants, given.turns)
        began = time.perf_counter()
        copy = copy_study(study, Path(folder) / "run")
        engines = StudyEngines(copy.path, StudyEngineSettings(), scripted=not given.real)
        with contextlib.closing(engines):
            crowd = Crowd(StudySettings().talk)
            outcome = simulate(copy, engines, crowd, tell=lambda line: print(line, file=sys.stderr))
        took_s = time.perf_counter() - began
        began = time.perf_counter()
        report = write_report(outcome.tables, Path(folder) / "report")
        rows = [*found(copy, outcome, took_s), ["report", f"{report.stat().st_size / 1e3:.0f} kB"]]
        rows.append(["time of the report", f"{time.perf_counter() - began:.0f} s"])
    engines = "mini and Piper, people with Kokoro's voices" if given.real else "a script"
    body = f"The example study (2 × 2, within participants); {engines} answered.\n\n"
    flag = " --real" if given.real else ""
    counts = f" --participants {given.participants} --turns {given.turns}"
    body += table(["what", "found"], rows)
    if given.write:
        title = "A simulated study with mini" if given.real else "A simulated study"
        write_section(title, f"python -m benchmarks.study{flag}{counts}", body)
    else:
        print(body)


def made(folder: Path, participants: int, turns: int) -> Path:
    """Returns the example study, of another size."""
    path = new_study(folder)
    text = path.read_text(encoding="utf-8")
    text = text.replace("participants = 24", f"participants = {participants}")
    path.write_text(text.replace("turns = 6", f"turns = {turns}"), encoding="utf-8")
    return folder


def found(folder: StudyFolder, outcome: StudyOutcome, took_s: float) -> list[list[object]]:
    """Returns what came of a study, row by row."""
    counts = {name: read(outcome.tables, name) for name in TABLES}
    turns = [row for row in counts["turns"] if row["block"]]
    by_condition = Counter(row["condition"] for row in turns)
    waits = [float(row["first_audio_ms"]) for row in turns if row["first_audio_ms"]]
    seals = read_lines(folder.seals)
    unsealed = [f"{line['by']} with {line['left']} left" for line in seals]
    return [
        ["completed", outcome.completed],
        ["by cell", ", ".join(f"{cell} {n}" for cell, n in sorted(outcome.cells.items()))],
        ["turns by condition", ", ".join(f"{c} {n}" for c, n in sorted(by_condition.items()))],
        ["turns that failed", sum(row["failed"] == "1" for row in turns)],
        ["words understood", f"{sum(bool(row['words']) for row in turns)} of {len(turns)} turns"],
        ["first sound of an answer, p50 / p95", f"{p50_p95(waits)} ms"],
        ["rows", ", ".join(f"{name} {len(rows)}" for name, rows in counts.items())],
        ["rows whose log line does not bear them out", len(outcome.untraced)],
        ["key unsealed by", ", ".join(unsealed)],
        ["time, people to tables", f"{took_s:.0f} s"],
    ]


def read(folder: Path, name: str) -> list[dict[str, str | None]]:
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return [row for _, row in csv_rows(file)]


if __name__ == "__main__":
    main()
