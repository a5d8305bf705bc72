"""The line between a recording and a voice assistant of somebody else, in real time.

One sample of Full-Duplex-Bench is spoken at the pace of speech; what the assistant plays is written
down on the same clock, and may come back as echo. Runs in the environment of the assistant that is
measured, which has numpy and soundfile and nothing of Attune.

What a rival would load from a hub cannot be had everywhere, and its speed is not the question here:
its recogniser, its LLM and its voice are stand-ins that cost no time, the same for all. The words
are always understood, the answer is long, the voice is flite. What is measured is the rest: when
it takes its turn and when it gives it up.
"""

import argparse
import asyncio
import json
import shutil
import subprocess
import tempfile
import tomllib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from benchmarks.full_duplex.layout import Sample, samples

RATE_HZ = 16_000
FRAME_S = 0.02
FRAME = round(FRAME_S * RATE_HZ)
ECHO_DELAY_S = 0.08
"""From the loudspeaker's sound to its echo: that of a laptop."""
WORDS = "This is what the person said."
"""Of every stretch of speech: understood at once and without an error."""
TEXTS = Path(__file__).parents[1] / "data" / "full_duplex" / "sets.toml"

SoundSamples = NDArray[np.float32]


class AudioLine:
    """One sample: what is said, and what is heard of the answers."""

    def __init__(self, said: SoundSamples, echo_db: float | None = None) -> None:
        """Starts the clock at the first frame.

        Args:
            said: (N,) at 16 kHz.
            echo_db: How loud the answer comes back; None: not at all.
        """
        self._said = said
        self._gain = 0.0 if echo_db is None else 10 ** (echo_db / 20)
        self.heard = np.zeros(len(said), np.float32)
        """What the loudspeaker played, on the clock of what is said."""
        self.late_s = 0.0
        """By how much the latest frame came too late: how busy the machine was."""
        self._played_until = 0
        self._began_s = 0.0

    @property
    def now_s(self) -> float:
        """Seconds since the first frame."""
        return asyncio.get_running_loop().time() - self._began_s

    async def frames(self) -> "AsyncFrames":
        """Starts the clock; returns the microphone's frames (16-bit), each when it is due."""
        self._began_s = asyncio.get_running_loop().time()
        return AsyncFrames(self)

    def frame(self, number: int) -> bytes | None:
        """Returns the microphone's 16-bit samples of a frame; None behind the last one."""
        start = number * FRAME
        if start + FRAME > len(self._said):
            return None
        sound = self._said[start : start + FRAME].copy()
        echo = start - round(ECHO_DELAY_S * RATE_HZ)
        if self._gain and echo >= 0:
            sound += self._gain * self.heard[echo : echo + FRAME]
        return to_bytes(sound)

    def play(self, sound: SoundSamples) -> float:
        """Plays sound (16 kHz) now, or behind what is still playing; returns when it is over."""
        start = max(self._played_until, round(self.now_s * RATE_HZ))
        kept = sound[: max(0, len(self.heard) - start)]
        self.heard[start : start + len(kept)] = kept
        self._played_until = start + len(sound)
        return self._played_until / RATE_HZ

    @property
    def waiting_s(self) -> float:
        """How much was handed over and has not been heard yet."""
        return max(0.0, self._played_until / RATE_HZ - self.now_s)

    def clear(self) -> SoundSamples:
        """Takes back what was handed over and has not been heard yet."""
        now = round(self.now_s * RATE_HZ)
        taken = self.heard[now : max(now, self._played_until)].copy()
        self._played_until = min(self._played_until, now)
        self.heard[now:] = 0.0
        return taken


class AsyncFrames:
    """The frames of a microphone, at the pace of speech."""

    def __init__(self, line: AudioLine) -> None:
        self._line = line
        self._number = 0

    def __aiter__(self) -> "AsyncFrames":
        return self

    async def __anext__(self) -> bytes:
        frame = self._line.frame(self._number)
        if frame is None:
            raise StopAsyncIteration
        self._number += 1
        due_s = self._number * FRAME_S
        await asyncio.sleep(max(0.0, due_s - self._line.now_s))
        self._line.late_s = max(self._line.late_s, self._line.now_s - due_s)
        return frame


def to_bytes(sound: SoundSamples) -> bytes:
    """Returns 16-bit samples."""
    return (np.clip(sound, -1, 1) * 32_767).astype("<i2").tobytes()


def from_bytes(content: bytes) -> SoundSamples:
    """Returns a waveform of 16-bit samples."""
    return np.frombuffer(content, "<i2").astype(np.float32) / np.float32(32_768)


def answer() -> list[str]:
    """Returns the sentences of an answer that is longer than any sample."""
    lines: list[str] = tomllib.loads(TEXTS.read_text(encoding="utf-8"))["pauses"]
    return [line.replace("| ", "") for line in lines]


@cache
def spoken(text: str) -> SoundSamples:
    """Returns a sentence in flite's voice at 16 kHz; one that is known costs no time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        subprocess.run(["flite", "-voice", "slt", "-t", text, "-o", str(path)], check=True)
        content: Any = sf.read(path, dtype="float32")
    sound, rate = content
    assert rate == RATE_HZ, "flite's voice slt has 16 kHz"
    return sound


@dataclass(frozen=True)
class System:
    """What is measured."""

    name: str
    settings: str
    """What is not its default, and why; what stands in for what."""


Talk = Callable[[AudioLine], Awaitable[None]]
"""Holds one talk until the line's last frame."""


def run(system: System, talk: Talk) -> None:
    """Speaks every sample to an assistant and writes what was heard; the command of each rival."""
    parser = argparse.ArgumentParser(description=f"{system.name}: {system.settings}")
    parser.add_argument("data", type=Path, help="samples, as benchmarks.full_duplex --rebuild")
    parser.add_argument("out", type=Path, help="the same layout with output.wav")
    parser.add_argument("--echo-db", type=float, help="the answer comes back so loud")
    parser.add_argument("--together", type=int, default=4, help="talks at once")
    options = parser.parse_args()
    for sentence in answer():
        spoken(sentence)
    options.out.mkdir(parents=True, exist_ok=True)
    facts = {**vars(system), "echo_db": options.echo_db}
    (options.out / "system.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    asyncio.run(_run_all(list(_missing(options.data, options.out)), talk, options))


def _missing(data: Path, out: Path) -> Iterator[tuple[Sample, Path]]:
    drops: Counter[str] = Counter()
    for sample in samples(data, drops):
        folder = out / sample.folder.relative_to(data)
        if not (folder / "output.wav").is_file():
            yield sample, folder
    for reason, count in drops.items():
        print(f"left out: {count} {reason}")


async def _run_all(
    wanted: list[tuple[Sample, Path]], talk: Talk, options: argparse.Namespace
) -> None:
    places = asyncio.Semaphore(options.together)

    async def one(sample: Sample, folder: Path) -> None:
        async with places:
            said: Any = sf.read(sample.input, dtype="float32")
            line = AudioLine(said[0], options.echo_db)
            await talk(line)
            folder.mkdir(parents=True, exist_ok=True)
            for path in sample.folder.glob("*"):
                if path.name not in ("output.wav", "output.json", "talk.json"):
                    shutil.copy(path, folder / path.name)
            sf.write(folder / "output.wav", line.heard, RATE_HZ, subtype="PCM_16")
            facts = {"late_s": round(line.late_s, 3)}
            (folder / "line.json").write_text(json.dumps(facts) + "\n", encoding="utf-8")
            print(f"{sample.task}/{sample.folder.name}", flush=True)

    await asyncio.gather(*(one(sample, folder) for sample, folder in wanted))
