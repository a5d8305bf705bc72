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
    ("heard", "encoded, emotion known"),
    ("first_token", "first token of the answer"),
    ("first_sentence", "first speakable piece"),
    ("first_audio", "first clip of speech"),
    ("words", "words known"),
    ("completeness", "end of turn judged"),
    ("endpoint", "turn declared over"),
    ("played", "first sample played"),
)
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
    rows = [
        [meaning, p50_p95([marks[stage] for marks in timed if stage in marks])]
        for stage, meaning in STAGES
        if any(stage in marks for marks in timed)
    ]
    ours = [marks["played"] - marks["endpoint"] for marks in timed]
    rows.append(["of this after the end of the turn was declared", p50_p95(ours)])
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
        "Milliseconds since the last sample of speech.\n\n"
        + table(["reached", "p50 / p95 ms"], rows)
        + f"\n\n{len(timed)} turns: {notes}; {underruns} gaps in playback. "
        f"{length_s:.0f} s of conversation took {took_s:.0f} s."
    )


if __name__ == "__main__":
    main()
