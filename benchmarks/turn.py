"""One turn on the CPU: a 4 s utterance through model and voice, on one and on two threads.

    python -m benchmarks.turn [--runs 30] [--threads 1 2] [--wav FILE …] [--say TEXT …] [--write]

The recording holds what many say, to which mini gives a written reply; the text, which Attune's own
voice says first, is answered by the LLM. Each row is a process of its own, so that the
peak of its memory is its own.
"""

import argparse
import asyncio
import itertools
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app import WAITING
from benchmarks.results import p50_p95, table, write_section
from models.checkpoints.embedded import EMBEDDED

if TYPE_CHECKING:
    from assistant.engines.protocols import TextToSpeech

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "conversation.flac"
SAYING = "I moved my desk to the other window today, so now I can see the recycling bins."
UTTERANCE_S = 4.0
WARM_UP = 3
MARKS = ("heard", "first_token", "first_audio", "words", "reply", "spoken")


def utterance(waveform: np.ndarray) -> np.ndarray:
    """Returns 4 s from the first speech of a recording on, repeated if it is shorter."""
    start = int(np.argmax(np.abs(waveform) > 0.02))
    return np.resize(waveform[start:], int(UTTERANCE_S * 16_000)).astype(np.float32)


def recorded(path: Path) -> np.ndarray:
    """Returns a recording at 16 kHz."""
    from assistant.audio.soundfiles import Recording

    return np.concatenate(list(Recording(path).blocks()))


def spoken(text: str, voice: "TextToSpeech") -> np.ndarray:
    """Returns `text`, said by a voice, at 16 kHz."""
    from assistant.audio.waveform import SPEECH_RATE_HZ, resample
    from assistant.engines.protocols import Cancel, SpeakingStyle

    clips = voice.synthesize(text, SpeakingStyle(), Cancel())
    waveform = np.concatenate([clip.samples for clip in clips])
    return resample(waveform, from_hz=voice.sample_rate, to_hz=SPEECH_RATE_HZ)


async def measure(options: argparse.Namespace) -> None:
    """Runs turns in this process and prints their times as one line of JSON."""
    from assistant.assembly import open_engines
    from assistant.conversation.answering import Answering
    from assistant.engines.settings import ModelSettings
    from assistant.records.transcript import describe_latency
    from assistant.session import open_conversation
    from assistant.settings import ReplySettings
    from assistant.turns.cutter import SpokenTurn

    run = ModelSettings(threads=options.measure, dtype=options.dtype)
    engines = open_engines(ReplySettings(model=options.model, engine=options.engine, run=run))
    said = [recorded(path) for path in options.wav]
    said += [spoken(text, engines.voice) for text in options.say]
    question = SpokenTurn(0.0, UTTERANCE_S, utterance(said[0]))
    rows: list[dict[str, float]] = []
    words, source = 0, ""
    for index in range(options.runs + WARM_UP):
        answering = Answering(open_conversation(engines))
        answer = await answering.answer(question, lambda clip: None)
        words, source = len(answer.reply.split()), answer.source
        if index >= WARM_UP:
            rows.append(describe_latency(answer.marks_ms))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": rows, "peak_mb": peak_mb, "reply_words": words, "source": source}))


def in_process(
    options: argparse.Namespace, threads: int, *, wav: list[Path], say: list[str]
) -> dict[str, Any]:
    """Runs `measure` of one utterance in a process of its own; returns what it printed."""
    command = [sys.executable, "-m", "benchmarks.turn", "--measure", str(threads)]
    command += ["--model", options.model, "--engine", options.engine, "--dtype", options.dtype]
    command += ["--runs", str(options.runs), "--wav", *map(str, wav), "--say", *say]
    environment = {**WAITING, **os.environ, "OMP_NUM_THREADS": str(threads)}
    finished = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(finished.stdout.splitlines()[-1])


def main() -> None:
    """Measures and prints the table; `--write` puts it into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--engine", default="blsp_emo")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--wav", type=Path, nargs="*", default=[EXAMPLE])
    parser.add_argument("--say", nargs="*", default=[SAYING])
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.measure:
        asyncio.run(measure(options))
        return
    rows: list[list[object]] = []
    said = [([path], []) for path in options.wav] + [([], [text]) for text in options.say]
    for (wav, say), threads in itertools.product(said, options.threads):
        result = in_process(options, threads, wav=wav, say=say)
        times = [p50_p95([row[mark] for row in result["rows"]]) for mark in MARKS]
        told = [f"{result['peak_mb']:.0f}", result["reply_words"], result["source"]]
        rows.append([threads, *times, *told])
    marks = [mark.replace("_", " ") for mark in MARKS]
    head = ["threads", *marks, "peak MB", "reply words", "reply by"]
    body = (
        f"A {UTTERANCE_S:.0f} s utterance with `{options.model}` ({options.dtype}), default voice; "
        f"ms since the end of the utterance, p50 / p95 of {options.runs} turns after {WARM_UP} to "
        "warm up. `heard`: encoded, emotion known; `words`: transcript there; `reply`: its text "
        "is complete; `spoken`: its last clip exists. `reply by`: who made it; `written`: before "
        "the talk. No silence to wait for is counted.\n\n" + table(head, rows)
    )
    print(body)
    if options.write:
        write_section("One turn", "python -m benchmarks.turn", body)


if __name__ == "__main__":
    main()
