"""False interruptions: sounds that are no turn, while the assistant talks over a loudspeaker.

    ATTUNE_DATA=… python -m benchmarks.interruptions [--minutes 4] [--write]

`--minutes` is the length for each kind of sound: steady noise (rooms, streets, a kitchen), sudden
sounds (ESC-10: dogs, sneezes, clocks, fire …), crying and crowing (voices, though no speech),
music-like sound (chords with vibrato, a melody and a beat, synthesised), and backchannels (240 to
320 ms cut from real speech, as long as "uh-huh", every 6 s). What is counted is the assistant
falling silent; that it lowers its voice for a moment is counted beside it.
"""

import argparse
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from assistant import events
from assistant.audio import SPEECH_RATE_HZ, Waveform
from benchmarks.results import table, write_section
from benchmarks.rooms import LEVEL_DB, at_level, read, voices
from benchmarks.talking_room import FIRST_S, overhear

ROOM = 0
BACKCHANNEL_EVERY_S = 6.0
SOUND_EVERY_S = 6.0
VOICES = ("Baby cry", "Rooster")
BEAT_S = 0.5


def noises(data: Path, _random: random.Random) -> Iterator[Waveform]:
    """Yields steady noise, 12 dB below a person's speech."""
    files = sorted((data / "noise" / "noise").glob("*.flac"))
    while True:
        for path in files:
            yield at_level(read(path), LEVEL_DB - 12.0)


def sudden(data: Path, chance: random.Random) -> Iterator[Waveform]:
    """Yields one sudden sound after the other, as loud as a person's speech, with gaps."""
    return _environment(data, chance, lambda kind: kind not in VOICES)


def voiced(data: Path, chance: random.Random) -> Iterator[Waveform]:
    """Yields crying and crowing, which are voices though not speech."""
    return _environment(data, chance, lambda kind: kind in VOICES)


def music(_data: Path, chance: random.Random) -> Iterator[Waveform]:
    """Yields bars of four beats: a chord with vibrato, a melody over it, a drum under it."""
    times = np.arange(round(4 * BEAT_S * SPEECH_RATE_HZ)) / SPEECH_RATE_HZ
    noise = np.random.default_rng(chance.randrange(2**32))
    while True:
        root = 110.0 * 2 ** (chance.choice([0, 3, 5, 7, 8, 10]) / 12)
        bar = sum(_tone(root * 2 ** (step / 12), times) for step in (0, 4, 7, 12))
        beats = times % BEAT_S
        for beat in range(4):
            note = root * 2 ** ((12 + chance.choice([0, 2, 4, 7, 9, 12])) / 12)
            bar += 2.0 * _tone(note, times) * (times // BEAT_S == beat) * np.exp(-3.0 * beats)
        bar += 3.0 * np.sin(2 * np.pi * 60.0 * beats) * np.exp(-18.0 * beats)
        bar += 0.8 * noise.standard_normal(len(times)) * np.exp(-40.0 * beats)
        yield at_level(np.asarray(bar, dtype=np.float32), LEVEL_DB - 3.0)


def backchannels(data: Path, chance: random.Random) -> Iterator[Waveform]:
    """Yields short pieces of real speech, faded in and out, with gaps."""
    for voice in voices(data, chance.randrange(1_000)):
        length = round(chance.uniform(0.24, 0.32) * SPEECH_RATE_HZ)
        start = int(np.argmax(np.convolve(np.abs(voice), np.ones(length), "valid")))
        piece = voice[start : start + length] * np.minimum(
            1.0, np.minimum(np.arange(length), np.arange(length)[::-1]) / 320.0
        )
        yield _with_gap(at_level(piece, LEVEL_DB - 3.0), BACKCHANNEL_EVERY_S)


KINDS: dict[str, Callable[[Path, random.Random], Iterator[Waveform]]] = {
    "steady noise": noises,
    "sudden sounds": sudden,
    "crying and crowing": voiced,
    "music-like": music,
    "backchannels": backchannels,
}


def measure(data: Path, kind: str, seconds: float) -> list[str]:
    """Returns the row of one kind of sound."""
    wanted = round(seconds * SPEECH_RATE_HZ)
    parts = [np.zeros(round(FIRST_S * SPEECH_RATE_HZ), dtype=np.float32)]
    pieces = 0
    for piece in KINDS[kind](data, random.Random(5)):
        parts.append(piece)
        pieces += 1
        if sum(len(part) for part in parts) >= wanted:
            break
    track = np.concatenate(parts)[:wanted]
    overheard = overhear(data, ROOM, track, min(seconds, len(track) / SPEECH_RATE_HZ))
    ended = overheard.happened[-2:]  # the last but one is the end of the measurement
    happened = [event for event in overheard.happened if event not in ended]
    false = sum(isinstance(e, events.Interrupted | events.UtteranceJoined) for e in happened)
    ducks = sum(isinstance(e, events.Ducked) and e.decibels < 0 for e in happened)
    minutes = overheard.played_s / 60
    return [
        kind,
        f"{minutes:.1f}",
        str(pieces),
        str(ducks),
        str(false),
        f"{10.0 * false / max(minutes, 1e-9):.1f}",
    ]


def _environment(
    data: Path, chance: random.Random, wanted: Callable[[str], bool]
) -> Iterator[Waveform]:
    folders = sorted((data / "noise" / "esc10").iterdir())
    files = [
        path
        for folder in folders
        if folder.is_dir() and wanted(folder.name.split(" - ")[-1])
        for path in sorted(folder.iterdir())
    ]
    chance.shuffle(files)
    for path in files:
        yield _with_gap(at_level(read(path), LEVEL_DB), SOUND_EVERY_S)


def _with_gap(sound: Waveform, every_s: float) -> Waveform:
    gap = max(0, round(every_s * SPEECH_RATE_HZ) - len(sound))
    return np.pad(sound, (0, gap)).astype(np.float32)


def _tone(hertz: float, times: np.ndarray) -> np.ndarray:
    """Returns a tone with overtones and a vibrato of 5 Hz."""
    phase = 2 * np.pi * hertz * times + 0.3 * np.sin(2 * np.pi * 5.0 * times)
    return sum(np.sin(order * phase) / order for order in range(1, 6))


def main() -> None:
    """Measures and prints the table; `--write` puts it into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=4.0, help="for each kind of sound")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    data = Path(os.environ["ATTUNE_DATA"])
    rows: list[list[str]] = []
    for kind in KINDS:
        rows.append(measure(data, kind, 60.0 * options.minutes))
        print(rows[-1], flush=True)
    head = ["sound", "minutes played", "sounds", "ducked", "fell silent", "per ten minutes"]
    text = table(head, rows)
    print(text)
    if options.write:
        command = f"python -m benchmarks.interruptions --minutes {options.minutes:g}"
        write_section("False interruptions", command, text)


if __name__ == "__main__":
    main()
