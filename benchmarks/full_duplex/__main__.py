"""Full-Duplex-Bench v1 and v1.5: does it talk into pauses, how soon does it answer, does it stop.

    python -m benchmarks.full_duplex DIR [--rebuild 20] [--model mini] [--voice auto] [--write]

`--measure-only --name SYSTEM` measures the outputs of any other system: `output.wav` in each
folder is enough, and `output.json` is made of the sound where it is missing.

DIR holds the benchmark's data (`v1_0/…`, `v1_5/…`). Each `input.wav` is spoken to Attune, a
stranger's conversation of its own; `output.wav` and `output.json` are written beside it, those that
are there already are kept, of Attune or of any other system, and measured. `--rebuild N` first
makes up to N samples of each task by the benchmark's recipes where the data cannot be had
(`rebuilt.py` says of what); such figures stand beside the published ones, not among them.

`--work wall` counts the work of model and voice as long as it takes, which wants a quiet machine;
otherwise by the processor time of all threads.

`--model none` measures turn-taking alone: a model that talks at once and without end, flite's
voice, ends judged by the sound and never by words, no time counted for any work. It says what the
waiting costs; nothing of that row is an answer.

Not measured: what GPT-4o says of the answers (v1), and prosody and kinds of behaviour (v1.5).
"""

import argparse
import json
import os
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from assistant.assembly import open_engines
from assistant.conversation.engines import Engines
from assistant.empathy import load_policy
from assistant.engines.settings import ModelSettings
from assistant.engines.silero import Silero
from assistant.engines.table import open_turn_judge, open_voice
from assistant.settings import TalkCommandSettings
from benchmarks.endpointing.pauses import recordings
from benchmarks.full_duplex.layout import Kind, Sample, answered, samples, seconds
from benchmarks.full_duplex.measures import (
    backchannels,
    latency_s,
    overlap_of,
    speech_of,
    takes_turn,
    words,
)
from benchmarks.full_duplex.playing import Work, answer, write_words
from benchmarks.full_duplex.rebuilt import TEXTS, rebuild
from benchmarks.results import table, write_section
from benchmarks.rooms.room import read
from benchmarks.rooms.talking import Talker
from models.checkpoints.embedded import EMBEDDED
from train.metrics import share

INTRODUCTION = (
    "Our row is of sets that were rebuilt by the benchmark's recipes (synthetic: flite and "
    "espeak-ng; learners: real people in place of CANDOR, a third with pauses made longer), the "
    "others' of its own data, by its own table. In brackets the 95 % interval."
)
ALONE_TOLD = (
    "Turn-taking alone: the model talks at once and without end, ends are judged by the sound "
    "and not by words, no work takes time. None of it is an answer of Attune's."
)
ALONE = "none"
"""Of `--model`: turn-taking alone."""
HEAD = [
    "",
    "pauses: TOR ↓",
    "backchannel: TOR ↓",
    "turns: TOR ↑, latency s ↓",
    "interruptions: TOR ↑, latency s ↓",
]
PUBLISHED = (
    ("PersonaPlex", "synthetic .584, CANDOR .662", ".327", ".992, .070", "1.000, .400"),
    ("Moshi", "synthetic .985, CANDOR .980", "1.000", ".941, .265", "1.000, .257"),
    ("Freeze-Omni", "synthetic .642, CANDOR .481", ".636", ".336, .953", ".867, 1.409"),
    ("Gemini Live 2.0", "synthetic .255, CANDOR .310", ".091", ".655, 1.301", ".891, 1.183"),
    ("GPT-Realtime", "synthetic .010, CANDOR .120", ".000", "1.000, 1.470", ".970, 1.500"),
)
"""Of the benchmark's own table, February 2026, on its own data."""


def taken(found: Sequence[Sample], from_end: bool) -> tuple[str, list[float]]:
    """Returns the take-over rate with its interval and n, and the latencies of those taken.

    Args:
        found: Samples of one task.
        from_end: Count from the end of the sample's event (interruptions) or its start (turns).
    """
    flags, latencies = list[bool](), list[float]()
    for sample in found:
        over_s = sample.end_s if from_end else sample.start_s
        # Only what is heard after an interruption can be an answer to it.
        said = words(sample.folder / "output.json", from_s=over_s if from_end else 0.0)
        flags.append(takes_turn(said))
        if flags[-1]:
            latencies.append(latency_s(said, over_s))
    rate = share(flags)
    return f"{rate.value:.3f} [{rate.low:.2f}, {rate.high:.2f}] (n {rate.count})", latencies


def with_latency(told: tuple[str, list[float]]) -> str:
    """Returns a rate with the mean latency behind it."""
    rate, latencies = told
    mean = f"{sum(latencies) / len(latencies):.3f}" if latencies else "–"
    return f"{rate}, {mean}"


def version_1(found: Sequence[Sample], root: Path) -> list[str]:
    """Returns the cells of our row in the table of v1."""

    def of(kind: Kind) -> dict[str, list[Sample]]:
        tasks: dict[str, list[Sample]] = {}
        for sample in found:
            if sample.kind == kind:
                tasks.setdefault(sample.task, []).append(sample)
        return tasks

    def cell(kind: Kind, told: Callable[[list[Sample]], str]) -> str:
        parts = [f"{task.split('_')[0]} {told(some)}" for task, some in of(kind).items()]
        return ", ".join(parts) or "–"

    return [
        cell("pause", lambda some: taken(some, False)[0]),
        cell("backchannel", lambda some: _listening(some, root)),
        cell("turn", lambda some: with_latency(taken(some, False))),
        cell("interruption", lambda some: with_latency(taken(some, True))),
    ]


def _listening(found: Sequence[Sample], root: Path) -> str:
    known = next(iter(root.rglob("icc_gt_distribution.json")), None)
    people = json.loads(known.read_text(encoding="utf-8")) if known else {}
    figures = [
        backchannels(
            speech_of(read(sample.output)),
            words(sample.folder / "output.json"),
            seconds(sample.output),
            people.get(sample.folder.name, ()),
        )
        for sample in found
    ]
    rate = sum(figure.takes_turn for figure in figures) / len(figures)
    often = sum(figure.per_s for figure in figures) / len(figures)
    distances = [f.divergence for f in figures if f.divergence is not None]
    away = f", JSD {sum(distances) / len(distances):.3f}" if distances else ""
    return f"{rate:.3f} (n {len(figures)}), {often:.3f} a second{away}"


def version_1_5(found: Sequence[Sample]) -> list[list[str]]:
    """Returns a row for each task of v1.5."""
    tasks: dict[str, list[Sample]] = {}
    for sample in found:
        if sample.kind == "overlap":
            tasks.setdefault(sample.task, []).append(sample)
    rows: list[list[str]] = []
    for task, some in tasks.items():
        stops, responses = zip(*(overlap_of(sample) for sample in some), strict=True)
        rows.append([task, str(len(some)), _mean(stops), _mean(responses), _kept(some)])
    return rows


def _mean(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{sum(known) / len(known):.2f} ({len(known)})" if known else "–"


def _kept(found: Sequence[Sample]) -> str:
    """How many answers were given up, by the log that Attune leaves beside its outputs."""
    logs = [sample.folder / "talk.json" for sample in found]
    if not all(log.is_file() for log in logs):
        return "–"
    talks = [json.loads(log.read_text(encoding="utf-8")) for log in logs]
    return f"{sum(talk['interrupted'] > 0 for talk in talks)} of {len(talks)}"


def report(root: Path, name: str) -> str:
    """Returns all tables of the outputs below a folder."""
    drops: Counter[str] = Counter()
    found = answered(samples(root, drops), drops)
    add_words(found)
    parts = [table(HEAD, [[f"**{name}**", *version_1(found, root)], *PUBLISHED])]
    pauses = [sample for sample in found if sample.kind == "pause"]
    if pauses:
        begun = sum(bool(words(sample.folder / "output.json")) for sample in pauses)
        parts.append(f"Began to speak at all in {begun} of {len(pauses)} inputs with pauses.")
    if went := where_it_went(found):
        parts.append(went)
    overlaps = version_1_5(found)
    if overlaps:
        head = [
            "v1.5",
            "n",
            "stop latency s, mean (n)",
            "response latency s, mean (n)",
            "answers given up",
        ]
        parts.append(table(head, overlaps))
    if drops:
        told = "; ".join(f"{count} {reason}" for reason, count in drops.items())
        parts.append(f"Left out: {told}.")
    return "\n\n".join(parts)


STAGES = ("the end of the turn", "the model", "the voice")
"""What an answer is waited for."""


def where_it_went(found: Sequence[Sample]) -> str:
    """Returns what the time from the last sound of speech to the first of the answer consists of.

    Of turns that Attune answered itself; empty where there are none.
    """
    parts = {name: list[float]() for name in STAGES}
    for sample in found:
        log = sample.folder / "talk.json"
        timed = json.loads(log.read_text(encoding="utf-8")).get("timed") if log.is_file() else None
        if sample.kind == "turn" and timed:
            for name, milliseconds in stages(timed[-1]).items():
                parts[name].append(milliseconds)
    count = len(parts[STAGES[0]])
    if not count:
        return ""
    told = [f"{name} {sum(ms) / count / 1_000:.2f} s" for name, ms in parts.items()]
    return f"Where the latency of turns goes, mean of {count}: {', '.join(told)}."


def stages(marks_ms: Mapping[str, float]) -> dict[str, float]:
    """Returns how long each was waited for: what is ready before the turn is over costs nothing.

    Args:
        marks_ms: Moments of a turn since its last sound, see `TurnTimed`.
    """
    end = marks_ms["endpoint"]
    text = max(end, marks_ms.get("first_sentence", end))
    played = max(text, marks_ms.get("played", text))
    return dict(zip(STAGES, (end, text - end, played - text), strict=True))


def add_words(found: Sequence[Sample]) -> None:
    """Makes the `output.json` of those that have only sound."""
    for sample in found:
        if not (sample.folder / "output.json").is_file():
            write_words(sample)


def answer_all(root: Path, options: argparse.Namespace, drops: Counter[str]) -> None:
    """Lets Attune answer every input that has no output yet."""
    missing = [sample for sample in samples(root, drops) if not sample.output.is_file()]
    if not missing:
        return
    settings = TalkCommandSettings(
        model=options.model, voice=options.voice, run=ModelSettings(threads=options.threads)
    )
    talk = settings.talk
    update = {"stranger_ms": 0} if options.known else dict(options.patience)
    patience = type(talk.patience)(**{**talk.patience.model_dump(), **update})
    talk = talk.model_copy(update={"patience": patience})
    is_alone = options.model == ALONE
    work = Work.NOTHING if is_alone else Work(options.work)
    engines = turn_taking_alone() if is_alone else open_engines(settings, judging=settings)
    if options.echo_db is not None:
        facts = {"name": "Attune", "settings": "its echo canceller", "echo_db": options.echo_db}
        (root / "system.json").write_text(json.dumps(facts) + "\n", encoding="utf-8")
    try:
        for number, sample in enumerate(missing, start=1):
            answer(sample, engines, talk, work=work, echo_db=options.echo_db)
            print(f"{sample.task}/{sample.folder.name}: {number} of {len(missing)}", flush=True)
    finally:
        engines.close()


def turn_taking_alone() -> Engines:
    """Returns engines whose answers cost nothing and never end."""
    content = tomllib.loads(TEXTS.read_text(encoding="utf-8"))
    lines = [sentence.replace("| ", "") for sentence in content["pauses"]]
    return Engines(
        Talker(lines),
        open_voice("flite"),
        load_policy(),
        Silero(),
        "flite",
        judge=open_turn_judge(),
    )


def _title(options: argparse.Namespace) -> str:
    """Returns the heading of the section in RESULTS.md."""
    parts = ["Full-Duplex-Bench"]
    if options.model == ALONE:
        parts.append("turn-taking alone")
    if options.known:
        parts.append("known speakers")
    return ", ".join([*parts, *([options.name] if options.name else [])])


def _further(options: argparse.Namespace) -> str:
    known = " --known" if options.known else ""
    work = "" if options.work == Work.PROCESSOR or options.model == ALONE else " --work wall"
    threads = f" --threads {options.threads}" if options.threads > 1 else ""
    patience = "".join(f" {name}={value:g}" for name, value in options.patience)
    patience = f" --patience{patience}" if patience else ""
    return known + work + threads + patience


def _setting(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    return name, float(value)


def main() -> None:
    """Makes the sets where asked to, answers, measures and prints; `--write` keeps it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--rebuild", type=int, default=0, metavar="N")
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--voice", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", choices=(Work.PROCESSOR, Work.WALL), default=Work.PROCESSOR)
    parser.add_argument("--known", action="store_true", help="no longer silence for strangers")
    parser.add_argument(
        "--patience", type=_setting, nargs="*", default=[], metavar="NAME=VALUE", help="of talks"
    )
    parser.add_argument("--echo-db", type=float, help="what it plays comes back so loud")
    parser.add_argument("--name", default="", help="of another system, with its version")
    parser.add_argument("--measure-only", action="store_true", help="the outputs that are there")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.rebuild:
        data = os.environ.get("ATTUNE_DATA")
        learners = recordings(Path(data), 4 * options.rebuild, is_held_out=True) if data else []
        rebuild(options.data, learners, options.rebuild)
    if not options.measure_only:
        answer_all(options.data, options, Counter())
    name = "Attune's turn-taking alone" if options.model == ALONE else f"Attune, {options.model}"
    name += ", no longer silence for strangers" if options.known else ""
    name += "".join(f", {setting} {value:g}" for setting, value in options.patience)
    name = options.name or name
    told = [INTRODUCTION, *([ALONE_TOLD] if options.model == ALONE else [])]
    text = "\n\n".join([*told, report(options.data, name)])
    print(text)
    if options.write:
        command = f"python -m benchmarks.full_duplex DIR --rebuild {options.rebuild}"
        command += f" --model {options.model}{_further(options)}"
        write_section(_title(options), command, text)


if __name__ == "__main__":
    main()
