"""How long lists, searches and exports of many recorded talks take, on made-up talks.

python -m benchmarks.records [--talks 10000] [--turns 6] [--runs 20]
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from assistant import events
from assistant.engines.protocols import EmotionEstimate, SpeakingStyle, Transcript
from assistant.event_lines import to_record
from assistant.records.database import FILE_NAME
from assistant.records.exporting import write_exports
from assistant.records.index import Index, Query, rebuild
from assistant.records.reading import find_records
from assistant.records.recording import LOG_NAME, Consent, LogHead
from benchmarks.results import p50_p95, table, write_section
from models.emotions import Emotion

ROOT = Path(__file__).parents[1]
TURN_S = 8.0
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = (
    "I failed my driving test today and my sister laughed about it all evening long while we "
    "were cooking dinner for our parents who had come from far away to see the new garden"
).split()
RARE = "hippopotamus"
"""Said in one talk of a thousand."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--talks", type=int, default=10_000)
    parser.add_argument("--turns", type=int, default=6)
    parser.add_argument("--runs", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="attune-records-") as folder:
        root = Path(folder) / "records"
        made_s = timed(lambda: make(root, given.talks, given.turns))
        print(f"{given.talks} talks made in {made_s:.0f} s", file=sys.stderr)
        rows = [*index_rows(root, given.runs), *export_rows(root, Path(folder))]
        sizes = sum(path.stat().st_size for path in root.glob(f"*/{LOG_NAME}"))
        index_mb = (root / FILE_NAME).stat().st_size / 1e6
    body = (
        f"{given.talks:,} made-up talks of {given.turns} turns, {sizes / 1e6:.0f} MB of logs, no "
        f"sound; the index has {index_mb:.0f} MB (SQLite). p50 / p95 of {given.runs} runs where "
        "there are two figures, else one run. A command's time includes the start of Python.\n\n"
    )
    command = f"python -m benchmarks.records --talks {given.talks} --turns {given.turns}"
    write_section("Recorded talks", command, body + table(["what", "seconds"], rows))


def index_rows(root: Path, runs: int) -> Iterator[list[object]]:
    yield ["index made from the logs", f"{timed(lambda: rebuild(root)):.1f}"]
    with Index(root) as index:
        look = [timed(lambda: index.sync()) for _ in range(runs)]
        yield ["look for what changed in the folder, nothing did", p50_p95(look, 3)]
        for name, query in (
            ("list of the latest 50", Query(most=50)),
            ("search for a rare word, 50 at most", Query(text=RARE, most=50)),
            ("search for a word that is in most talks", Query(text="driving", most=50)),
            ("search for a word and an emotion", Query(text="garden", emotion="sad", most=50)),
            ("talks of one day", Query(since="2026-01-05", until="2026-01-06")),
        ):
            times = [timed(lambda query=query: index.search(query)) for _ in range(runs)]
            yield [name, p50_p95(times, 3)]
    for arguments in (["list"], ["list", "--text", RARE]):
        command = [sys.executable, "app.py", "records", *arguments, "--records", str(root)]
        times = [timed(lambda command=command: ran(command)) for _ in range(max(3, runs // 4))]
        yield [f"`app.py records {' '.join(arguments)}`", p50_p95(times, 2)]


def export_rows(root: Path, folder: Path) -> Iterator[list[object]]:
    found = find_records(root)
    for form in ("csv", "jsonl"):
        seconds = timed(
            lambda form=form: write_exports(found, form, folder / form, lambda text: print(text))
        )
        yield [f"export of all talks as {form}", f"{seconds:.1f}"]
    few = found[:100]
    for form in ("md", "vtt", "textgrid", "html"):
        seconds = timed(
            lambda form=form: write_exports(few, form, folder / form, lambda text: print(text))
        )
        yield [f"export of 100 talks as {form}", f"{seconds:.2f}"]


def ran(command: list[str]) -> None:
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def make(root: Path, talks: int, turns: int) -> None:
    """Writes talks that begin ten minutes after each other."""
    chance = random.Random(11)
    for number in range(talks):
        began = BEGAN + timedelta(minutes=10 * number)
        folder = root / f"{began:%Y%m%d-%H%M%S}"
        folder.mkdir(parents=True, mode=0o700)
        lines = [LogHead(consent=Consent(audio=False)).model_dump()]
        for event in talk(chance, began, turns, is_rare=number % 1_000 == 500):
            utc = (began + timedelta(seconds=event.at_s)).isoformat(timespec="milliseconds")
            lines.append({**to_record(event), "wall_utc": utc})
        text = "".join(f"{json.dumps(line)}\n" for line in lines)
        (folder / LOG_NAME).write_text(text, encoding="utf-8")


def talk(
    chance: random.Random, began: datetime, turns: int, *, is_rare: bool
) -> Iterator[events.Event]:
    in_force = {"model": "mini", "voice": "piper", "policy": "empathetic"}
    utc = began.isoformat(timespec="milliseconds")
    yield events.ConversationStarted(0.0, "mini", "piper", "empathetic", utc, {}, in_force)
    for turn in range(turns):
        start = TURN_S * turn
        words = " ".join(chance.choices(WORDS, k=12)) + (f" {RARE}" if is_rare else "")
        reply = " ".join(chance.choices(WORDS, k=18))
        emotion = chance.choice(list(Emotion))
        probabilities = tuple(0.8 if one is emotion else 0.05 for one in Emotion)
        yield events.SpeechStarted(start + 0.3, start, False)
        yield events.UtteranceEnded(start + 3.0, turn, start, 2.8, 2.6, "silence", in_force)
        yield events.EmotionHeard(start + 3.1, turn, EmotionEstimate(probabilities))
        yield events.WordsHeard(start + 3.2, turn, Transcript(words, 0.9))
        yield events.StyleChosen(start + 3.2, turn, SpeakingStyle(emotion, 0.5))
        for piece in reply.split():
            yield events.ReplyText(start + 3.4, turn, f"{piece} ")
        yield events.ReplyStarted(start + 3.6, turn)
        yield events.ReplyFinished(start + 7.5, turn, reply, reply)
        yield events.TurnTimed(start + 7.5, turn, {"first_audio": 800.0})
    yield events.ConversationEnded(TURN_S * turns, "stopped")


if __name__ == "__main__":
    main()
