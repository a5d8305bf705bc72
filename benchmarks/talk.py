"""Voice to voice: from the last sample of a person's speech to the first sample of the answer.

    python -m benchmarks.talk [--model NAME] [--voice auto] [--turns 30] [--write]

Holds conversations on a clock that jumps over waits and counts all work as it really takes, each of
them with and without captions, by which an answer is begun while the person still speaks:

- clear voices: held-out wordings of the domain, said by voices of espeak-ng that no recipe trains
  on;
- people: whole sentences of different learners of English (speechocean762, test speakers); left
  out where `ATTUNE_DATA` is absent.

All sentences are said to their ends: somebody who stops in the middle of one is waited for.
"""

import argparse
import itertools
import os
import random
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np

from assistant import events
from assistant.assembly import open_engines
from assistant.audio.file_devices import FileMicrophone, FileSpeaker
from assistant.audio.protocols import Ends
from assistant.audio.waveform import SPEECH_RATE_HZ, AudioFrame, Waveform
from assistant.clock import replay
from assistant.engines.settings import ModelSettings
from assistant.session import open_talk
from assistant.settings import TalkCommandSettings
from benchmarks.results import p50_p95, table, write_section
from benchmarks.rooms.room import LEVEL_DB, at_level, read
from models.checkpoints.embedded import EMBEDDED
from train.language.domain import draw_values, fill, read_domain, templates
from train.synthetic.voices import HELD_OUT_ESPEAK_VARIANTS, SyntheticVoice, speak

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
INTRODUCTION = (
    "Milliseconds since the last sample of speech, and since the stage was waited for. A stage "
    "that was reached only after the first sample was played is not counted."
)


def clear(turns: int) -> Iterator[Waveform]:
    """Yields held-out wordings of the domain with pauses for the answers between them."""
    generator = np.random.default_rng(0)
    wordings = list(templates(read_domain(), "wording"))
    for turn in range(turns):
        intent, template = wordings[int(generator.integers(len(wordings)))]
        text = fill(template, draw_values(intent, template, generator))
        variant = HELD_OUT_ESPEAK_VARIANTS[turn % len(HELD_OUT_ESPEAK_VARIANTS)]
        waveform = speak(text, SyntheticVoice("espeak", f"en-us+{variant}"))
        yield _with_gap(waveform, generator)


def people(turns: int) -> Iterator[Waveform]:
    """Yields real sentences, likewise; clear voices where there are no data."""
    data = os.environ.get("ATTUNE_DATA")
    if data is None:
        yield from clear(turns)
        return
    generator = np.random.default_rng(0)
    folder = Path(data) / "asr" / "speechocean762"
    speakers = (folder / "test" / "spk2gender").read_text(encoding="utf-8").split()[::2]
    files = [path for name in speakers for path in sorted((folder / f"SPEAKER{name}").iterdir())]
    random.Random(11).shuffle(files)
    for turn in range(turns):
        yield _with_gap(read(files[turn % len(files)]), generator)


def _with_gap(waveform: Waveform, generator: np.random.Generator) -> Waveform:
    gap = np.zeros(round(GAP_S * SPEECH_RATE_HZ), dtype=np.float32)
    sound = np.concatenate([at_level(waveform, LEVEL_DB), gap])
    return (sound + 3e-4 * generator.standard_normal(len(sound))).astype(np.float32)


def main() -> None:
    """Measures and prints the waterfall; `--write` puts it into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--voice", default="auto")
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    settings = TalkCommandSettings(
        model=options.model, voice=options.voice, run=ModelSettings(threads=options.threads)
    )
    said = {"Clear voices": clear}
    if "ATTUNE_DATA" in os.environ:
        said["People"] = people
    parts: list[str] = []
    for (who, sound), captions in itertools.product(said.items(), (True, False)):
        talk = settings.talk.model_copy(update={"captions": captions})
        held = measure(settings.model_copy(update={"talk": talk}), sound(options.turns))
        parts.append(f"{who}, {'with' if captions else 'without'} captions:\n\n{held}")
    body = "\n\n".join([INTRODUCTION, *parts])
    print(body)
    if options.write:
        command = f"python -m benchmarks.talk --model {options.model} --turns {options.turns}"
        write_section("Voice to voice", command, body)


class LiveMicrophone:
    """Plays a file, and is taken for one that somebody stands before."""

    def __init__(self, sound: Iterator[Waveform]) -> None:
        """Plays `sound`, 16 kHz."""
        self._file = FileMicrophone(sound)
        self.dropped_frames = 0

    def frames(self) -> AsyncIterator[AudioFrame]:
        """See `Microphone.frames`."""
        return self._file.frames()


def measure(settings: TalkCommandSettings, sound: Iterator[Waveform]) -> str:
    """Holds one conversation with `sound`; returns what became of it."""
    engines = open_engines(settings, judging=settings)
    happened: list[events.Event] = []
    ends = Ends(LiveMicrophone(sound), FileSpeaker(sample_rate=engines.voice.sample_rate))

    async def hold() -> None:
        talk = open_talk(engines, ends, settings.talk)
        talk.follow(happened.append)
        await talk.run()

    began = time.perf_counter()
    try:
        replay(hold(), workers=engines.workers, counts_work=True)
    finally:
        engines.close()
    return report(happened, time.perf_counter() - began)


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
        table(["reached", "at, p50 / p95", "took, p50 / p95", "turns"], rows)
        + f"\n\n{len(timed)} turns: {notes}; {underruns} gaps in playback. "
        f"{length_s:.0f} s of conversation took {took_s:.0f} s."
    )


if __name__ == "__main__":
    main()
