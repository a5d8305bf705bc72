"""Voice to voice: from the last sample of a person's speech to the first sample of the answer.

    python -m benchmarks.talk [--model nano] [--voice auto] [--turns 30] [--write]

Holds one conversation with recordings of different speakers (or the example conversation where
`ATTUNE_DATA` is absent), on a clock that jumps over waits and counts all work as it really takes.
"""

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from assistant import events
from assistant.assembly import open_engines
from assistant.audio import SPEECH_RATE_HZ, Waveform
from assistant.clock import replay
from assistant.file_devices import FileMicrophone, FileSpeaker
from assistant.session import Ends, Watchers, Workers, open_talk
from assistant.settings import ModelSettings, TalkCommandSettings
from benchmarks.results import p50_p95, table, write_section
from benchmarks.rooms import read, trimmed, voices

EXAMPLE = Path(__file__).parents[1] / "examples" / "conversation.flac"
STAGES = (
    ("heard", (), "encoded, emotion known (begun after 192 ms of silence)"),
    ("first_token", ("heard",), "first token of the answer"),
    ("first_sentence", ("first_token",), "first speakable piece"),
    ("first_audio", ("first_sentence",), "first clip of speech"),
    ("words", ("first_sentence",), "words known, beside the voice"),
    ("completeness", ("words",), "end of turn judged"),
    ("endpoint", (), "turn declared over"),
    ("played", ("endpoint", "first_audio"), "first sample played"),
)
"""Stages, what each waits for, and what it means."""
GAP_S = 9.0


def people(turns: int) -> Iterator[Waveform]:
    """Yields utterances with pauses for the answers between them."""
    data = os.environ.get("ATTUNE_DATA")
    noise = np.random.default_rng(0)
    utterances = voices(Path(data), 11) if data else iter([trimmed(read(EXAMPLE))] * turns)
    for _, utterance in zip(range(turns), utterances, strict=False):
        silence = np.zeros(round(GAP_S * SPEECH_RATE_HZ), dtype=np.float32)
        sound = np.concatenate([utterance[: 4 * SPEECH_RATE_HZ], silence])
        yield (sound + 3e-4 * noise.standard_normal(len(sound))).astype(np.float32)


def main() -> None:
    """Measures and prints the waterfall; `--write` puts it into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="nano")
    parser.add_argument("--voice", default="auto")
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    settings = TalkCommandSettings(
        model=options.model, voice=options.voice, run=ModelSettings(threads=options.threads)
    )
    engines = open_engines(settings)
    workers = Workers()
    happened: list[events.Event] = []
    speaker = FileSpeaker(sample_rate=engines.voice.sample_rate)
    ends = Ends(FileMicrophone(people(options.turns)), speaker)

    async def hold() -> None:
        await open_talk(settings, engines, workers, ends, Watchers((happened.append,))).run()

    began = time.perf_counter()
    replay(hold(), workers=list(workers), counts_work=True)
    took_s = time.perf_counter() - began
    workers.close()
    engines.close()
    body = report(happened, took_s)
    print(body)
    if options.write:
        command = f"python -m benchmarks.talk --model {options.model} --turns {options.turns}"
        write_section("Voice to voice", command, body)


def report(happened: list[events.Event], took_s: float) -> str:
    """Returns the waterfall and what went wrong, as Markdown."""
    timed = [event.marks_ms for event in happened if isinstance(event, events.TurnTimed)]
    rows: list[list[str]] = []
    for stage, after, meaning in STAGES:
        reached = [marks for marks in timed if stage in marks]
        if reached:
            times = [marks[stage] for marks in reached]
            steps = [
                marks[stage] - max((marks.get(name, 0.0) for name in after), default=0.0)
                for marks in reached
            ]
            rows.append([meaning, p50_p95(times), p50_p95(steps), str(len(reached))])
    ours = [marks["played"] - marks["endpoint"] for marks in timed]
    rows.append(["after the turn was declared over", "", p50_p95(ours), str(len(ours))])
    counts = {
        kind.__name__: sum(isinstance(event, kind) for event in happened)
        for kind in (
            events.UtteranceEnded,
            events.ReplyFinished,
            events.Interrupted,
            events.UtteranceJoined,
            events.TurnFailed,
        )
    }
    underruns = sum(
        event.underruns for event in happened if isinstance(event, events.ReplyFinished)
    )
    length_s = happened[-1].at_s
    notes = ", ".join(f"{name} {count}" for name, count in counts.items())
    return (
        "Milliseconds since the last sample of speech, and since the stage was waited for. A stage "
        "that was reached only after the first sample was played is not counted.\n\n"
        + table(["reached", "at, p50 / p95", "took, p50 / p95", "turns"], rows)
        + f"\n\n{len(timed)} turns: {notes}; {underruns} gaps in playback. "
        f"{length_s:.0f} s of conversation took {took_s:.0f} s."
    )


if __name__ == "__main__":
    main()
