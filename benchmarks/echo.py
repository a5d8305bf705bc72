"""Echo and barge-in in one run with one setting: self-interruptions against interruptions caught.

    python -m benchmarks.echo [--minutes 10] [--ratio-db 0] [--write]

The assistant talks without end through a loudspeaker in four simulated rooms; people of a test
set interrupt it every 15 s. Data: `ATTUNE_DATA`, see the README.
"""

import argparse
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from assistant import events
from assistant.audio import SPEECH_RATE_HZ, Waveform
from assistant.clock import replay
from assistant.correction import EmotionPrior
from assistant.ear import Ear
from assistant.echo import EchoRemover
from assistant.empathy import load_policy
from assistant.engines.protocols import Cancel, EmotionEstimate, TextDelta, Transcript
from assistant.engines.silero import Silero
from assistant.engines.table import open_voice
from assistant.file_devices import FileSpeaker
from assistant.loop import TalkLoop, TalkParts, TalkSettings
from assistant.reply_parts import ReplyParts
from assistant.worker import Worker
from benchmarks.results import p50_p95, table, write_section
from benchmarks.rooms import Room, RoomMicrophone, at_level, read, voices

ROOMS = (("rir1", 1.0, 40.0), ("rir2", 3.0, 120.0), ("rir3", 2.0, 80.0), ("rir4", 3.0, 60.0))
"""Impulse response, drive of the loudspeaker, delay in ms."""
EVERY_S = 15.0
FIRST_S = 5.0


class Talker:
    """A dialogue that always has something to say; what it says is read from a list."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._next = 0

    def hear(self, utterance: Waveform, cancel: Cancel) -> Iterator[EmotionEstimate | Transcript]:
        """Hears nothing in particular."""
        yield EmotionEstimate((1.0, 0.0, 0.0, 0.0, 0.0))
        yield Transcript("")

    def read(self, text: str) -> None:
        """Takes the opening line."""

    def withdraw(self) -> None:
        """Forgets nothing."""

    def truncate(self, heard: str) -> None:
        """Forgets nothing."""

    def reply(self, cancel: Cancel) -> Iterator[TextDelta]:
        """Talks until it is stopped."""
        while not cancel.is_set():
            self._next += 1
            yield TextDelta(self._lines[self._next % len(self._lines)] + " ")


@dataclass
class Outcome:
    """What happened in one room."""

    played_s: float = 0.0
    interruptions: int = 0
    caught: int = 0
    self_interruptions: int = 0
    self_ducks: int = 0
    ducked_ms: list[float] = field(default_factory=list[float])
    silent_ms: list[float] = field(default_factory=list[float])
    reduction_db: list[float] = field(default_factory=list[float])

    def add(self, other: "Outcome") -> None:
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
        utterance = at_level(voice[: 2 * SPEECH_RATE_HZ], -26.0 + ratio_db)
        if start + len(utterance) + 3 * SPEECH_RATE_HZ > len(track):
            break
        track[start : start + len(utterance)] += utterance
        starts.append(start_s)
        start_s += EVERY_S + jitter.uniform(-2.0, 2.0)
    return track, starts


def measure(data: Path, index: int, seconds: float, ratio_db: float, lines: list[str]) -> Outcome:
    """Holds one conversation in room `index` and counts."""
    name, drive, delay_ms = ROOMS[index]
    room = Room(
        read(data / "noise" / "rirs" / f"{name}.flac"), drive=drive, delay_ms=delay_ms, echo_db=0.0
    )
    track, starts = people(data, seconds, ratio_db, seed=index)
    microphone = RoomMicrophone(track, room)
    speaker = FileSpeaker(room.play, ahead_s=0.5)
    microphone.speaker = speaker
    remover = EchoRemover()
    happened: list[events.Event] = []
    outcome = Outcome(interruptions=len(starts))

    def listen(event: events.Event) -> None:
        happened.append(event)
        if isinstance(event, events.LevelMeasured):
            outcome.played_s += 0.128 * (event.assistant_db > -60)
            outcome.reduction_db.append(remover.reduction_db)
            if FIRST_S <= event.at_s < FIRST_S + 0.13:
                loop.type_text("Talk.")
            if event.at_s >= seconds - 0.5:
                loop.stop()

    workers = [Worker(worker) for worker in ("ear", "model", "voice")]
    voice = open_voice("auto")
    dialogue = Talker(lines)
    reply = ReplyParts(
        dialogue, voice, load_policy(), speaker, EmotionPrior(), None, workers[1], workers[2]
    )
    loop = TalkLoop(
        TalkParts(microphone, speaker, Ear(Silero(), remover), workers[0], reply),
        TalkSettings(),
        listener=listen,
    )

    replay(loop.run(), workers=workers)
    for worker in workers:
        worker.close()
    _count(happened, starts, outcome)
    return outcome


def _count(happened: list[events.Event], starts: list[float], outcome: Outcome) -> None:
    began = {start: [e for e in happened if start <= e.at_s < start + 3.0] for start in starts}
    for start, during in began.items():
        cuts = [e for e in during if isinstance(e, events.Interrupted | events.UtteranceJoined)]
        ducks = [e for e in during if isinstance(e, events.Ducked) and e.decibels < 0]
        if cuts:
            outcome.caught += 1
            outcome.silent_ms.append(1_000 * (cuts[0].at_s - start))
        if ducks:
            outcome.ducked_ms.append(1_000 * (ducks[0].at_s - start))
    for event in happened[:-2]:  # the last but one is the end of the measurement
        if any(start <= event.at_s < start + 4.0 for start in starts):
            continue
        outcome.self_interruptions += isinstance(event, events.Interrupted)
        outcome.self_ducks += isinstance(event, events.Ducked) and event.decibels < 0


def main() -> None:
    """Measures and prints the table; `--write` puts it into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--ratio-db", type=float, default=0.0, help="person to echo")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    data = Path(os.environ["ATTUNE_DATA"])
    lines = [
        line.strip().strip('"')
        for line in (data / "text" / "vctk-sentences.txt").read_text().splitlines()[:400]
    ]
    rows: list[list[str]] = []
    total = Outcome()
    seconds = 60.0 * options.minutes / len(ROOMS)
    for index, (name, drive, delay_ms) in enumerate(ROOMS):
        began = time.process_time()
        outcome = measure(data, index, seconds, options.ratio_db, lines)
        total.add(outcome)
        rows.append(
            [
                f"{name}, drive {drive:g}, {delay_ms:g} ms",
                f"{outcome.played_s / 60:.1f}",
                str(outcome.self_interruptions),
                str(outcome.self_ducks),
                f"{outcome.caught}/{outcome.interruptions}",
                p50_p95(outcome.ducked_ms),
                p50_p95(outcome.silent_ms),
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
            f"{total.caught}/{total.interruptions}",
            p50_p95(total.ducked_ms),
            p50_p95(total.silent_ms),
            f"{np.median(total.reduction_db):.0f}",
        ]
    )
    head = [
        "room",
        "minutes played",
        "self-interruptions",
        "self-ducks",
        "caught",
        "ducked ms p50/p95",
        "silent ms p50/p95",
        "echo reduction dB",
    ]
    text = table(head, rows)
    print(text)
    if options.write:
        command = f"python -m benchmarks.echo --minutes {options.minutes:g}"
        write_section("Echo and barge-in", f"{command} --ratio-db {options.ratio_db:g}", text)


if __name__ == "__main__":
    main()
