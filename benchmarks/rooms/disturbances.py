"""Sounds that are no turn, each without end, to be heard while the assistant talks."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from benchmarks.rooms.brief_speech import ACKNOWLEDGEMENTS, CHOSEN_WITH, CLAIMS, HELD_OUT, said
from benchmarks.rooms.room import LEVEL_DB, at_level, read, voices

EVERY_S = 6.0
"""From one sound to the next, where they are sudden."""
VOICES = ("Baby cry", "Rooster")
BEAT_S = 0.5


@dataclass(frozen=True, slots=True)
class Half:
    """Half of the recordings and voices: one to choose thresholds with, one to measure."""

    data: Path
    is_held_out: bool

    def of(self, files: list[Path]) -> list[Path]:
        """Returns this half of `files`."""
        return files[int(self.is_held_out) :: 2]

    def chance(self) -> random.Random:
        """Returns the dice of this half."""
        return random.Random(5 + self.is_held_out)


def noises(half: Half) -> Iterator[Waveform]:
    """Yields steady noise, 12 dB below a person's speech."""
    files = half.of(sorted((half.data / "noise" / "noise").glob("*.flac")))
    while True:
        for path in files:
            yield at_level(read(path), LEVEL_DB - 12.0)


def sudden(half: Half) -> Iterator[Waveform]:
    """Yields one sudden sound after the other, as loud as a person's speech, with gaps."""
    return _environment(half, lambda kind: kind not in VOICES)


def voiced(half: Half) -> Iterator[Waveform]:
    """Yields crying and crowing, which are voices though not speech."""
    return _environment(half, lambda kind: kind in VOICES)


def music(half: Half) -> Iterator[Waveform]:
    """Yields bars of four beats: a chord with vibrato, a melody over it, a drum under it."""
    chance = half.chance()
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


def pieces(half: Half) -> Iterator[Waveform]:
    """Yields pieces of real speech as long as an "uh-huh", faded in and out, with gaps."""
    chance = half.chance()
    for voice in voices(half.data, chance.randrange(1_000)):
        length = round(chance.uniform(0.24, 0.48) * SPEECH_RATE_HZ)
        if len(voice) <= length:
            continue
        start = int(np.argmax(np.convolve(np.abs(voice), np.ones(length), "valid")))
        edge = np.minimum(np.arange(length), np.arange(length)[::-1]) / 320.0
        piece = voice[start : start + length] * np.minimum(1.0, edge)
        yield _with_gap(at_level(piece, LEVEL_DB - 3.0), EVERY_S)


def acknowledgements(half: Half) -> Iterator[Waveform]:
    """Yields "mm hm", "yeah", "I see" and the like by several voices, with gaps."""
    return _said(half, ACKNOWLEDGEMENTS)


def claims(half: Half) -> Iterator[Waveform]:
    """Yields "stop", "wait", "why" and the like: these are to interrupt."""
    return _said(half, CLAIMS)


KINDS: dict[str, Callable[[Half], Iterator[Waveform]]] = {
    "steady noise": noises,
    "sudden sounds": sudden,
    "crying and crowing": voiced,
    "music-like": music,
    "pieces of speech, 240 to 480 ms": pieces,
    "“mm hm”, “yeah”, “I see” …": acknowledgements,
}


def _said(half: Half, texts: Sequence[str]) -> Iterator[Waveform]:
    speakers = HELD_OUT if half.is_held_out else CHOSEN_WITH
    for _text, sound in said(texts, speakers, LEVEL_DB, half.chance()):
        yield _with_gap(sound, EVERY_S)


def _environment(half: Half, wanted: Callable[[str], bool]) -> Iterator[Waveform]:
    folders = sorted((half.data / "noise" / "esc10").iterdir())
    files = [
        path
        for folder in folders
        if folder.is_dir() and wanted(folder.name.split(" - ")[-1])
        for path in half.of(sorted(folder.iterdir()))
    ]
    half.chance().shuffle(files)
    for path in files:
        yield _with_gap(at_level(read(path), LEVEL_DB), EVERY_S)


def _with_gap(sound: Waveform, every_s: float) -> Waveform:
    gap = max(0, round(every_s * SPEECH_RATE_HZ) - len(sound))
    return np.pad(sound, (0, gap)).astype(np.float32)


def _tone(hertz: float, times: np.ndarray) -> np.ndarray:
    """Returns a tone with overtones and a vibrato of 5 Hz."""
    phase = 2 * np.pi * hertz * times + 0.3 * np.sin(2 * np.pi * 5.0 * times)
    orders = np.arange(1, 6)[:, None]
    return np.sum(np.sin(orders * phase) / orders, axis=0)
