"""Echo and barge-in in one run with one setting: self-interruptions against interruptions caught.

    python -m benchmarks.echo [--minutes 10] [--ratio-db 0] [--model NAME] [--write]

The assistant talks without end through a loudspeaker in five simulated rooms, of which the last one
drifts and jumps as sound servers do; people of a test set interrupt it every 15 s with a sentence,
of which the first four seconds are said. Times count from their first audible speech
(`benchmarks.rooms.room.trimmed`, `without_breath`); where the assistant happened to have
lowered its voice before, none is taken. It may fall silent, go on where the person says a word and
then nothing for a while, and fall silent again: *silent* is the first time, *for good* the last.
`--model` tells what was said briefly. Data: `ATTUNE_DATA`, see the README.
"""

import argparse
import os
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from assistant import events
from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.engines.protocols import SpeechModel
from assistant.engines.silero import Silero
from benchmarks.results import p50_p95, table, write_section
from benchmarks.rooms.room import at_level, voices
from benchmarks.rooms.talking import FIRST_S, ROOMS, overhear, silenced
from models.checkpoints.embedded import EMBEDDED

EVERY_S, SAID_S = 15.0, 4.0


@dataclass
class RoomOutcome:
    """What happened in one room."""

    played_s: float = 0.0
    interruptions: int = 0
    caught: int = 0
    self_interruptions: int = 0
    self_ducks: int = 0
    self_pauses: int = 0
    ducked_ms: list[float] = field(default_factory=list[float])
    silent_ms: list[float] = field(default_factory=list[float])
    silent_for_good_ms: list[float] = field(default_factory=list[float])
    reduction_db: list[float] = field(default_factory=list[float])

    def add(self, other: "RoomOutcome") -> None:
        """Adds what happened in another room."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


def people(data: Path, seconds: float, ratio_db: float, seed: int) -> tuple[Waveform, list[float]]:
    """Returns a track of people who interrupt, and when each begins."""
    track = np.zeros(round(seconds * SPEECH_RATE_HZ), dtype=np.float32)
    jitter = random.Random(seed)
    starts: list[float] = []
    start_s = FIRST_S + 10.0
    for voice in voices(data, seed):
        start = round(start_s * SPEECH_RATE_HZ)
        said = without_breath(voice)[: round(SAID_S * SPEECH_RATE_HZ)]
        utterance = at_level(said, -26.0 + ratio_db)
        if start + len(utterance) + 3 * SPEECH_RATE_HZ > len(track):
            break
        track[start : start + len(utterance)] += utterance
        starts.append(start_s)
        start_s += EVERY_S + jitter.uniform(-2.0, 2.0)
    return track, starts


def without_breath(voice: Waveform) -> Waveform:
    """Returns `voice` without what Silero does not take for speech even where nothing else sounds.

    64 ms before its first speech stay, so that its own delay is not taken off the times.
    """
    detector = Silero()
    size = detector.frame_samples
    for start in range(0, len(voice) - size + 1, size):
        if detector.probability(voice[start : start + size]) >= 0.5:
            return voice[max(0, start - 2 * size) :]
    return voice


def measure(
    data: Path, index: int, seconds: float, ratio_db: float, model: SpeechModel | None
) -> RoomOutcome:
    """Holds one conversation in room `index` and counts."""
    track, starts = people(data, seconds, ratio_db, seed=index)
    overheard = overhear(data, index, track, seconds, transcriber=model)
    outcome = RoomOutcome(
        played_s=overheard.played_s,
        interruptions=len(starts),
        reduction_db=overheard.reduction_db,
    )
    _count(overheard.happened, starts, outcome)
    return outcome


def _count(happened: list[events.Event], starts: list[float], outcome: RoomOutcome) -> None:
    until_s = SAID_S + 1.0
    began = {start: [e for e in happened if start <= e.at_s < start + until_s] for start in starts}
    for start, during in began.items():
        cuts = [e for e in during if isinstance(e, events.Interrupted | events.UtteranceJoined)]
        ducks = [e for e in during if isinstance(e, events.Ducked) and e.decibels < 0]
        outcome.caught += bool(cuts)
        before = [e for e in happened if isinstance(e, events.Ducked) and e.at_s < start]
        if before and before[-1].decibels < 0:
            continue  # its own echo had lowered its voice already: no time to learn from
        if cuts:
            silent_s = silenced(happened, cuts[0].at_s) or cuts[0].at_s
            outcome.silent_for_good_ms.append(1_000 * (silent_s - start))
            yields = [e.at_s for e in during if isinstance(e, events.Yielded) and e.yielded]
            outcome.silent_ms.append(1_000 * (min([*yields, silent_s]) - start))
        if ducks:
            outcome.ducked_ms.append(1_000 * (ducks[0].at_s - start))
    for event in happened[:-2]:  # the last but one is the end of the measurement
        if any(start <= event.at_s < start + until_s + 1.0 for start in starts):
            continue
        outcome.self_interruptions += isinstance(event, events.Interrupted)
        outcome.self_ducks += isinstance(event, events.Ducked) and event.decibels < 0
        outcome.self_pauses += isinstance(event, events.Yielded) and event.yielded


def main() -> None:
    """Measures and prints the table; `--write` puts it into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--ratio-db", type=float, default=0.0, help="person to echo")
    parser.add_argument("--model", default=EMBEDDED, help="tells what was said briefly")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    from assistant.engines.blsp_emo import BlspEmoModel

    data, model = Path(os.environ["ATTUNE_DATA"]), BlspEmoModel(options.model)
    rows: list[list[str]] = []
    total = RoomOutcome()
    seconds = 60.0 * options.minutes / len(ROOMS)
    for index, place in enumerate(ROOMS):
        began = time.process_time()
        outcome = measure(data, index, seconds, options.ratio_db, model)
        total.add(outcome)
        rows.append(
            [
                str(place),
                f"{outcome.played_s / 60:.1f}",
                str(outcome.self_interruptions),
                str(outcome.self_ducks),
                str(outcome.self_pauses),
                f"{outcome.caught}/{outcome.interruptions}",
                p50_p95(outcome.ducked_ms),
                p50_p95(outcome.silent_ms),
                p50_p95(outcome.silent_for_good_ms),
                f"{np.median(outcome.reduction_db):.0f}",
            ]
        )
        print(rows[-1], f"cpu {time.process_time() - began:.0f} s", flush=True)
    rows.append(
        [
            "all",
            f"{total.played_s / 60:.1f}",
            str(total.self_interruptions),
            str(total.self_ducks),
            str(total.self_pauses),
            f"{total.caught}/{total.interruptions}",
            p50_p95(total.ducked_ms),
            p50_p95(total.silent_ms),
            p50_p95(total.silent_for_good_ms),
            f"{np.median(total.reduction_db):.0f}",
        ]
    )
    head = [
        "room",
        "minutes played",
        "self-interruptions",
        "self-ducks",
        "self-pauses",
        "caught",
        "ducked ms p50/p95",
        "silent ms p50/p95",
        "for good ms p50/p95",
        "echo reduction dB",
    ]
    text = table(head, rows)
    print(text)
    if options.write:
        command = f"python -m benchmarks.echo --minutes {options.minutes:g}"
        command = f"{command} --ratio-db {options.ratio_db:g} --model {options.model}"
        write_section("Echo and barge-in", command, text)


if __name__ == "__main__":
    main()
