"""False interruptions: sounds that are no turn, while the assistant talks over a loudspeaker.

    ATTUNE_DATA=… python -m benchmarks.interruptions [--minutes 4] [--model NAME] [--write]

`--minutes` is the length for each kind of sound: steady noise (rooms, streets, a kitchen), sudden
sounds (ESC-10: dogs, sneezes, clocks, fire …), crying and crowing (voices, though no speech),
music-like sound (chords with vibrato, a melody and a beat, synthesised), pieces cut from real
speech as long as "uh-huh", and acknowledgements said by several voices; what is sudden comes every
6 s. A person hears the assistant lower its voice (ducked), stop and go on where it stopped
(paused), or stop for good. An interruption is false where it is for good, or longer than a second.
The last row takes all kinds together, but for the pieces of speech, which may well be meant.

Beside them, words that are as short and do interrupt ("stop", "wait", "why"): how many do, with
`--model` to tell what was said. Thresholds were chosen with one half of the recordings and voices
(`--tuning`), and what is written are the figures of the other half.
"""

import argparse
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from assistant import events
from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.engines.protocols import SpeechModel
from benchmarks.results import p50_p95, table, write_section
from benchmarks.rooms.disturbances import KINDS, Half, claims
from benchmarks.rooms.talking import FIRST_S, overhear, silenced
from models.checkpoints.embedded import EMBEDDED

ROOM = 0
PIECES = "pieces of speech"
"""How the kind begins that may be meant as an interruption."""
BEGUN_S = 3.0
"""After the assistant was asked to talk it does: earlier sounds would interrupt nothing."""
REPAIRED_S = 1.0
"""An answer that goes on within this time was not interrupted."""


@dataclass
class InterruptionCount:
    """What became of the answer."""

    minutes: float
    sounds: int
    ducks: int = 0
    pauses_ms: list[float] = field(default_factory=list[float])
    """Of those after which it went on."""
    interruptions: int = 0
    silent_ms: list[float] = field(default_factory=list[float])
    """From the beginning of a sound to the silence before an interruption."""

    @property
    def false_per_ten_minutes(self) -> float:
        """Interruptions, were they for good or long."""
        long = sum(pause_ms > 1_000.0 * REPAIRED_S for pause_ms in self.pauses_ms)
        return 10.0 * (self.interruptions + long) / max(self.minutes, 1e-9)


def measure(
    data: Path, sounds: Iterator[Waveform], seconds: float, model: SpeechModel | None
) -> InterruptionCount:
    """Lets the assistant talk in a room with `sounds` and counts."""
    wanted = round((seconds + FIRST_S + BEGUN_S) * SPEECH_RATE_HZ)
    parts = [np.zeros(round((FIRST_S + BEGUN_S) * SPEECH_RATE_HZ), dtype=np.float32)]
    starts_s: list[float] = []
    length = len(parts[0])
    for sound in sounds:
        starts_s.append(length / SPEECH_RATE_HZ)
        parts.append(sound)
        length += len(sound)
        if length >= wanted:
            break
    track = np.concatenate(parts)[:wanted]
    overheard = overhear(data, ROOM, track, len(track) / SPEECH_RATE_HZ, transcriber=model)
    happened = overheard.happened[:-2]  # the last but one is the end of the measurement
    count = InterruptionCount(overheard.played_s / 60, len(starts_s))
    count.ducks = sum(isinstance(e, events.Ducked) and e.decibels < 0 for e in happened)
    began_s = 0.0
    for event in happened:
        match event:
            case events.Yielded(yielded=True, at_s=at_s):
                began_s = at_s
            case events.Yielded(at_s=at_s) if silenced(happened, at_s) is None:
                count.pauses_ms.append(1_000 * (at_s - began_s))
            case events.Interrupted(at_s=at_s) | events.UtteranceJoined(at_s=at_s):
                count.interruptions += 1
                silent_s = silenced(happened, at_s)
                start_s = max((start for start in starts_s if start <= at_s), default=at_s)
                count.silent_ms.append(1_000 * ((silent_s or at_s) - start_s))
            case _:
                pass
    return count


def together(counts: Iterable[InterruptionCount]) -> InterruptionCount:
    """Returns what became of the answer over all `counts`."""
    total = InterruptionCount(0.0, 0)
    for count in counts:
        total.minutes += count.minutes
        total.sounds += count.sounds
        total.ducks += count.ducks
        total.pauses_ms += count.pauses_ms
        total.interruptions += count.interruptions
        total.silent_ms += count.silent_ms
    return total


def row(kind: str, count: InterruptionCount) -> list[str]:
    """Returns the row of one kind of sound that is not to interrupt."""
    paused = f"{len(count.pauses_ms)} ({p50_p95(count.pauses_ms)})" if count.pauses_ms else "0"
    return [
        kind,
        f"{count.minutes:.1f}",
        str(count.sounds),
        str(count.ducks),
        paused,
        str(count.interruptions),
        f"{count.false_per_ten_minutes:.1f}",
    ]


def claim_row(title: str, count: InterruptionCount) -> list[str]:
    """Returns the row of words that are to interrupt."""
    caught = f"{count.interruptions}/{count.sounds}"
    silent = p50_p95(count.silent_ms) if count.silent_ms else "–"
    return [title, caught, silent, str(len(count.pauses_ms))]


def main() -> None:
    """Measures and prints the tables; `--write` puts them into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=4.0, help="for each kind of sound")
    parser.add_argument("--model", default=EMBEDDED, help="tells what was said briefly")
    parser.add_argument("--tuning", action="store_true", help="the half to choose thresholds with")
    parser.add_argument("--only", nargs="*", default=(), help="kinds that begin so; all if omitted")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    from assistant.engines.blsp_emo import BlspEmoModel

    half = Half(Path(os.environ["ATTUNE_DATA"]), is_held_out=not options.tuning)
    model, seconds = BlspEmoModel(options.model), 60.0 * options.minutes
    counts: dict[str, InterruptionCount] = {}
    for kind, sounds in KINDS.items():
        if options.only and not kind.startswith(tuple(options.only)):
            continue
        counts[kind] = measure(half.data, sounds(half), seconds, model)
        print(row(kind, counts[kind]), flush=True)
    rows = [row(kind, count) for kind, count in counts.items()]
    undoubted = [count for kind, count in counts.items() if not kind.startswith(PIECES)]
    rows.append(row(f"all but {PIECES}", together(undoubted)))
    claimed: list[list[str]] = []
    for title, judge in (("by their words", model), ("by their length alone", None)):
        claimed.append(claim_row(title, measure(half.data, claims(half), seconds, judge)))
        print(claimed[-1], flush=True)
    head = ["sound", "minutes played", "sounds", "ducked", "paused (ms p50 / p95)", "interrupted"]
    text = table([*head, "false per ten minutes"], rows)
    head = ["“stop”, “wait”, “why” …", "interrupted", "silent ms p50 / p95", "went on"]
    text = f"{text}\n\nWords that are to interrupt:\n\n{table(head, claimed)}"
    print(text)
    if options.write:
        command = f"python -m benchmarks.interruptions --minutes {options.minutes:g}"
        write_section("False interruptions", f"{command} --model {options.model}", text)


if __name__ == "__main__":
    main()
