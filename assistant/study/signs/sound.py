"""Signs in the sound of what was said: the same recording twice, and pauses without a room."""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from assistant.audio.waveform import Waveform
from assistant.study.signs.sign import Sign

FRAME_S = 0.02
LEAST_S = 1.0
"""Shorter turns are alike by chance."""
REPLAYED = 0.99
"""Likeness of the courses of loudness of two turns: see `benchmarks.study.signs`."""
SHIFTS = 15
"""Frames by which the end of speech may have been found elsewhere."""
COARSE, OUTLINE = 5, 0.8
"""Frames that are one in the outline, and the likeness of outlines from which on it is worth while
to look closer."""
MOST_TURNS = 2_000
"""Turns of a study up to which those of all people are compared; beyond, those of each person."""
LENGTHS = 1.1
"""Turns whose lengths differ by more than this factor are not compared."""
DEEPEST_DB = 85.0
"""Between the loud fifth and the quiet twentieth of the frames of speech: half of real recordings
have about 45, voices of machines 100, and so has a studio that mutes pauses: see
`benchmarks.study.signs`."""
MOST_ZEROS = 0.25
"""Share of frames of a turn that are nothing at all: of machine-made speech at most 0.16; beyond
that, sound was lost on its way, and silence stands for it."""
SILENT_DB = -120.0
LOUD, QUIET = 80, 5
FrameLevels = NDArray[np.float64]


@dataclass(frozen=True)
class TurnSound:
    """A turn that was recorded with its sound."""

    participant: str
    step: str
    source: str
    levels: FrameLevels
    """dB of full scale of each frame, shape (frames,)."""

    @cached_property
    def course(self) -> FrameLevels:
        """The levels as they are compared: what is soft counts no less than what is silent."""
        return np.maximum(self.levels, self.levels.max() - 50.0)

    @cached_property
    def outline(self) -> FrameLevels:
        """The course by tenths of a second."""
        return self.course[: len(self.course) // COARSE * COARSE].reshape(-1, COARSE).mean(axis=1)


def sound_signs(folder: Path, turns: Sequence[Mapping[str, Any]]) -> Iterator[Sign]:
    """Yields the signs in the sound of all turns; none where no sound was kept.

    Args:
        folder: The study.
        turns: Rows of the table of turns.
    """
    spoken = list(_spoken(folder, turns))
    yield from _replayed(spoken)
    by_person: defaultdict[str, list[TurnSound]] = defaultdict(list)
    for turn in spoken:
        if (turn.levels <= SILENT_DB).mean() <= MOST_ZEROS:
            by_person[turn.participant].append(turn)
    for name, said in by_person.items():
        depth = depth_db(np.concatenate([turn.levels for turn in said]))
        if depth > DEEPEST_DB:
            yield Sign(name, "no_room", "", round(depth, 1), DEEPEST_DB, said[0].source)


def _spoken(folder: Path, turns: Sequence[Mapping[str, Any]]) -> Iterator[TurnSound]:
    by_log: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in turns:
        by_log[row["source"].rpartition(":")[0]].append(row)
    for log, rows in by_log.items():
        path = (folder / log).with_name("audio.wav")
        if path.exists():
            yield from _of_record(path, rows)


def _of_record(path: Path, rows: Sequence[Mapping[str, Any]]) -> Iterator[TurnSound]:
    # A file that was cut off by a crash is read as far as it goes.
    try:
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        return
    for row in rows:
        start, end = (round(float(row[key]) * rate) for key in ("start_s", "end_s"))
        said = sound[max(0, start) : end, 0]
        if len(said) >= LEAST_S * rate:
            levels = levels_db(said.astype(np.float32, copy=False), rate)
            yield TurnSound(row["participant"], row["step"], row["source"], levels)


def levels_db(sound: Waveform, rate: int) -> FrameLevels:
    """Returns the level of each frame of `sound`, in dB of full scale."""
    length = round(FRAME_S * rate)
    frames = sound[: len(sound) // length * length].reshape(-1, length).astype(np.float64)
    return 10 * np.log10(np.maximum((frames**2).mean(axis=1), 10 ** (SILENT_DB / 10)))


def depth_db(levels: FrameLevels) -> float:
    """Returns how far the pauses lie below the speech."""
    loud = levels[levels >= np.percentile(levels, LOUD)].mean()
    return float(loud - np.percentile(levels, QUIET))


def _replayed(spoken: Sequence[TurnSound]) -> Iterator[Sign]:
    best: dict[int, float] = {}
    for i, j in itertools.combinations(range(len(spoken)), 2):
        one, other = spoken[i], spoken[j]
        if len(spoken) > MOST_TURNS and one.participant != other.participant:
            continue
        if not _may_be_one(one, other):
            continue
        alike = likeness(one.course, other.course)
        for index in (i, j):
            best[index] = max(best.get(index, -1.0), alike)
    for index, alike in sorted(best.items()):
        if alike > REPLAYED:
            turn = spoken[index]
            value = round(alike, 4)
            yield Sign(turn.participant, "replayed", turn.step, value, REPLAYED, turn.source)


def _may_be_one(one: TurnSound, other: TurnSound) -> bool:
    """Whether two turns may be one recording, by a quick look at lengths and outlines."""
    lengths = sorted((len(one.course), len(other.course)))
    if lengths[1] > LENGTHS * lengths[0]:
        return False
    return likeness(one.outline, other.outline, shifts=SHIFTS // COARSE) > OUTLINE


def likeness(one: FrameLevels, other: FrameLevels, *, shifts: int = SHIFTS) -> float:
    """Returns the greatest correlation of two courses, either moved by up to `shifts` frames."""
    greatest = -1.0
    least = min(len(one), len(other)) / 2
    for shift in range(-shifts, shifts + 1):
        a, b = one[max(0, shift) :], other[max(0, -shift) :]
        size = min(len(a), len(b))
        if size < least:
            continue
        a, b = a[:size] - a[:size].mean(), b[:size] - b[:size].mean()
        power = float(np.sqrt((a @ a) * (b @ b)))
        greatest = max(greatest, float(a @ b) / power if power > 0 else -1.0)
    return greatest
