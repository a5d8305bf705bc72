"""Voice assistants side by side, from what each played to the same recordings.

    python -m benchmarks.rivals OUT… [--write]

Each OUT holds the samples of Full-Duplex-Bench with what one assistant played: those of rivals are
made by their own command (README.md beside this file), Attune's by `benchmarks.full_duplex`. An OUT
that was made with echo is measured for answers that cut themselves off: of the turns, those after
which an answer of twenty seconds and more falls silent although nobody speaks.
"""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.full_duplex.__main__ import add_words, taken, with_latency
from benchmarks.full_duplex.layout import Sample, answered, samples, seconds
from benchmarks.full_duplex.measures import Span, overlap_of, speech_of
from benchmarks.results import table, write_section
from benchmarks.rooms.room import read

LATE_S = 0.1
"""A frame that came so late was late for the assistant, too: the machine was busy."""
CUT_S = 0.7
"""Silence of this length within an answer is no pause between sentences."""
HEAD = [
    "",
    "pauses: answered ↓",
    "turns: answered ↑, first sound s ↓",
    "interruptions: answered ↑, first sound s ↓",
    "told to stop, talks on s ↓",
    "uh-huh: falls silent ↓",
    "cuts itself off by echo ↓",
]


def system_of(folder: Path) -> dict[str, Any]:
    """Returns what is known of who played: name, settings, echo; Attune where nothing is."""
    path = folder / "system.json"
    if not path.is_file():
        return {"name": f"Attune ({folder.name})", "settings": "", "echo_db": None}
    return json.loads(path.read_text(encoding="utf-8"))


def row(folder: Path, drops: Counter[str]) -> list[str]:
    """Returns the cells of one assistant behind its name."""
    found = answered(samples(folder, drops), drops)
    add_words(found)
    kinds = {kind: [s for s in found if s.kind == kind] for kind in ("pause", "turn")}
    interrupted = [s for s in found if s.kind == "interruption"]
    if system_of(folder)["echo_db"] is not None:
        return ["–"] * 5 + [cuts(kinds["turn"])]
    pauses, turns = kinds["pause"], kinds["turn"]
    return [
        taken(pauses, False)[0] if pauses else "–",
        with_latency(taken(turns, False)) if turns else "–",
        with_latency(taken(interrupted, True)) if interrupted else "–",
        _stops([s for s in found if s.task == "user_interruption"]),
        _silenced([s for s in found if s.task == "user_backchannel"]),
        "–",
    ]


def _stops(found: Sequence[Sample]) -> str:
    known = [stop for stop, _ in map(overlap_of, found) if stop is not None]
    return f"{sum(known) / len(known):.2f} ({len(known)} of {len(found)})" if known else "–"


def _silenced(found: Sequence[Sample]) -> str:
    """How many of the answers that an "uh-huh" fell into were silent behind it."""
    silent, count = 0, 0
    for sample in found:
        assistant = speech_of(read(sample.output))
        if any(start < sample.start_s < end for start, end in assistant):
            count += 1
            silent += is_silent(assistant, sample.end_s)
    return f"{silent} of {count}" if count else "–"


def is_silent(assistant: Sequence[Span], from_s: float) -> bool:
    """Whether nothing is heard for a while from a moment on."""
    return not any(start < from_s + CUT_S and end > from_s for start, end in assistant)


def cuts(turns: Sequence[Sample]) -> str:
    """Returns how many of the answers to turns fell silent by themselves."""
    flags = [cut_itself(speech_of(read(s.output)), s.start_s, seconds(s.output)) for s in turns]
    known = [flag for flag in flags if flag is not None]
    return f"{sum(known)} of {len(known)}" if known else "–"


def cut_itself(assistant: Sequence[Span], from_s: float, length_s: float) -> bool | None:
    """Whether an answer that should last to the end fell silent; None where there was none."""
    spans = [span for span in assistant if span[1] > from_s]
    if not spans:
        return None
    ends = [*(start for start, _ in spans[1:]), length_s]
    return any(after - end > CUT_S for (_, end), after in zip(spans, ends, strict=True))


def late(folder: Path) -> tuple[int, int]:
    """Returns how many samples had a frame that came late, of how many where that is known."""
    known = [json.loads(path.read_text(encoding="utf-8")) for path in folder.rglob("line.json")]
    return sum(one["late_s"] > LATE_S for one in known), len(known)


def report(folders: Sequence[Path]) -> str:
    """Returns the table and what must be known beside it."""
    drops: Counter[str] = Counter()
    rows, notes = list[list[str]](), list[str]()
    for folder in folders:
        system = system_of(folder)
        echo = f", echo {system['echo_db']:g} dB" if system["echo_db"] is not None else ""
        rows.append([f"{system['name']}{echo}", *row(folder, drops)])
        if system["settings"]:
            notes.append(f"- {system['name']}: {system['settings']}.")
        were_late, of = late(folder)
        if were_late:
            told = f"the machine was busy, in {were_late} of {of} talks sound came too late"
            notes.append(f"- {system['name']}{echo}: {told}.")
    notes += [f"- Left out: {count} {reason}." for reason, count in drops.items()]
    return "\n\n".join([table(HEAD, rows), "\n".join(dict.fromkeys(notes))])


def main() -> None:
    """Measures and prints; `--write` puts it into RESULTS.md."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, nargs="+")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    text = report(options.out)
    print(text)
    if options.write:
        names = " ".join(folder.name for folder in options.out)
        write_section("Beside other assistants", f"python -m benchmarks.rivals {names}", text)


if __name__ == "__main__":
    main()
