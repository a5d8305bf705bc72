"""How often real speech shows the signs by which machine-made speech is marked in a study.

ATTUNE_DATA=FOLDER python -m benchmarks.study.signs [--clips 120] [--write]
"""

import argparse
import itertools
import os
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform, resample
from assistant.engines.protocols import Cancel, SpeakingStyle
from assistant.engines.table import open_voice
from assistant.study.signs.sound import (
    DEEPEST_DB,
    LEAST_S,
    LENGTHS,
    REPLAYED,
    TurnSound,
    depth_db,
    levels_db,
    likeness,
)
from benchmarks.results import table, write_section

CORPORA = (
    "asr/librispeech",
    "asr/librispeech-speakers",
    "asr/speechocean762",
    "asr/ljspeech32",
    "emotion/tess",
    "emotion/ravdess",
)
VOICES = ("piper", "kokoro", "flite:rms", "espeak")
SAID = (
    "I went to the market this morning and bought some apples.",
    "My neighbour was so loud again, nobody ever listens to me.",
    "I found a letter from my brother! I really did not expect that.",
)
MOVED_S, SOFTER, NOISE_DB = 0.057, 0.7, -40.0
"""A replay: begun so much later, so much softer, with so much noise."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=120)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    data = Path(os.environ["ATTUNE_DATA"])
    rows = [row(name, clips(data / name, given.clips), is_real=True) for name in CORPORA]
    rows += [row(f"voice {name}", list(spoken(name)), is_real=False) for name in VOICES]
    head = [
        "speech",
        "clips",
        "depth, median / 90 %",
        f"`no_room` (above {DEEPEST_DB:g} dB)",
        "pairs",
        "most alike",
        f"`replayed` (above {REPLAYED:g})",
        "replays found",
    ]
    body = (
        "Depth: dB between speech and the pauses in it. Pairs: different recordings of like length "
        "compared with each other, those of TESS with one phrase by two speakers. Replays: each "
        f"clip against itself, {1000 * MOVED_S:g} ms later, {SOFTER:g} times as loud, with noise "
        f"at {NOISE_DB:g} dB. RAVDESS was cut in a studio that mutes pauses.\n\n"
        + table(head, rows)
    )
    command = f"python -m benchmarks.study.signs --clips {given.clips}"
    if given.write:
        write_section("Signs of machine-made speech", command, body)
    else:
        print(body)


def clips(folder: Path, most: int) -> list[Waveform]:
    """Returns recordings of a corpus chosen by chance, 16 kHz."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix in (".opus", ".flac", ".wav"))
    random.Random(1).shuffle(paths)
    return [_read(path) for path in paths[:most]]


def _read(path: Path) -> Waveform:
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return resample(np.asarray(sound[:, 0], dtype=np.float32), from_hz=rate, to_hz=SPEECH_RATE_HZ)


def spoken(name: str) -> Iterator[Waveform]:
    voice = open_voice(name)
    for text in SAID:
        made = list(voice.synthesize(text, SpeakingStyle(), Cancel()))
        sound = np.concatenate([clip.samples for clip in made])
        yield resample(sound, from_hz=voice.sample_rate, to_hz=SPEECH_RATE_HZ)


def row(name: str, sounds: list[Waveform], *, is_real: bool) -> list[object]:
    long = [sound for sound in sounds if len(sound) >= LEAST_S * SPEECH_RATE_HZ]
    courses = [_course(sound) for sound in long]
    # As it is recorded: with 16 bits, in which what is softer than the last one is nothing.
    depths = [
        depth_db(levels_db((np.round(sound * 32768) / 32768).astype(np.float32), SPEECH_RATE_HZ))
        for sound in long
    ]
    alike = [
        likeness(one, other)
        for one, other in itertools.combinations(courses, 2)
        if _fits(one, other)
    ]
    chance = np.random.default_rng(1)
    again = [likeness(_course(sound), _course(replay(sound, chance))) for sound in long[:40]]
    found = sum(value > REPLAYED for value in again)
    return [
        name.partition("/")[2] or name,
        len(long),
        f"{np.median(depths):.0f} / {np.percentile(depths, 90):.0f} dB",
        f"{sum(depth > DEEPEST_DB for depth in depths)} of {len(depths)}",
        len(alike) if is_real else "–",
        f"{max(alike):.3f}" if is_real else "–",
        f"{sum(value > REPLAYED for value in alike)}" if is_real else "–",
        f"{found} of {len(again)}" if is_real else "–",
    ]


def _course(sound: Waveform) -> np.ndarray:
    return TurnSound("", "", "", levels_db(sound, SPEECH_RATE_HZ)).course


def _fits(one: np.ndarray, other: np.ndarray) -> bool:
    return max(len(one), len(other)) <= LENGTHS * min(len(one), len(other))


def replay(sound: Waveform, chance: np.random.Generator) -> Waveform:
    rest = sound[round(MOVED_S * SPEECH_RATE_HZ) :]
    level = np.sqrt((rest**2).mean()) * 10 ** (NOISE_DB / 20)
    return (SOFTER * (rest + level * chance.normal(size=len(rest)))).astype(np.float32)


if __name__ == "__main__":
    main()
