"""The measures of Full-Duplex-Bench, as its papers define them, from outputs with timed words.

v1 (arXiv 2503.04721, section 4): the assistant *takes the turn* (TOR) where it says something that
lasts a second or has more than three words; in pauses it should not, after turns and interruptions
it should, and soon. Latency counts from the end of the person's speech, and is 0 where the
assistant began before it. v1.5 (arXiv 2507.23159): *stop latency*, how long both talk at once, and
*response latency*, from the end of the person's speech to the next speech of the assistant.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from benchmarks.full_duplex.layout import Sample
from benchmarks.rooms.room import read

LEAST_S, LEAST_WORDS = 1.0, 3
"""A turn lasts at least so long or has more words."""
LONGEST_BACKCHANNEL_S, BACKCHANNEL_WORDS = 3.0, 2
PERSON_GAP_S, ASSISTANT_GAP_S = 0.6, 0.5
"""Of v1.5: speech with shorter gaps is one piece."""
WINDOW_S, SMALLEST = 0.2, 1e-10

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the assistant and when it was heard, in seconds."""

    text: str
    start_s: float
    end_s: float


def words(path: Path, *, from_s: float = 0.0) -> list[Word]:
    """Returns the timed words of an `output.json`, those that are over before `from_s` left out."""
    content: Any = json.loads(path.read_text(encoding="utf-8"))
    found: list[Word] = []
    for chunk in content["chunks"]:
        start, end = chunk["timestamp"]
        if start is not None:
            found.append(Word(chunk["text"], float(start), float(start if end is None else end)))
    return [word for word in found if word.end_s > from_s]


def takes_turn(said: Sequence[Word]) -> bool:
    """Whether what was said is a turn, not a brief sound."""
    if not said:
        return False
    return said[-1].end_s - said[0].start_s >= LEAST_S or len(said) > LEAST_WORDS


def latency_s(said: Sequence[Word], over_s: float) -> float:
    """Returns how long after `over_s` the first word began; 0 where it began before."""
    return max(0.0, said[0].start_s - over_s)


@dataclass(frozen=True, slots=True)
class Backchannels:
    """What a listener's sounds come to in one sample."""

    takes_turn: bool
    per_s: float
    divergence: float | None
    """From when people do so, as a Jensen-Shannon distance; None where that is not known."""


def backchannels(
    pieces: Sequence[Span], said: Sequence[Word], length_s: float, people: Sequence[float] = ()
) -> Backchannels:
    """Returns the figures of one sample.

    Args:
        pieces: When the assistant was heard.
        said: Its words.
        length_s: Of the sample.
        people: How often people responded in each part of it (`icc_gt_distribution.json`).
    """
    brief: list[Span] = []
    takes = False
    for start, end in pieces:
        count = sum(word.start_s <= end and word.end_s > start for word in said)
        if end - start > LONGEST_BACKCHANNEL_S:
            takes = True
            break
        takes |= end - start >= LEAST_S or count > BACKCHANNEL_WORDS
        brief.append((start, end))
    distance = _distance(brief, length_s, people) if len(people) else None
    return Backchannels(takes, len(brief) / length_s, distance)


def _distance(brief: Sequence[Span], length_s: float, people: Sequence[float]) -> float:
    from scipy.spatial.distance import jensenshannon

    if not brief:
        return 1.0
    counts = np.full(int(length_s / WINDOW_S) + 1, SMALLEST)
    for start, end in brief:
        counts[int(start / WINDOW_S) : int(end / WINDOW_S) + 1] += 1
    places = np.linspace(0, 1, len(counts))
    known = np.interp(places, np.linspace(0, 1, len(people)), people)
    return float(jensenshannon(counts / counts.sum(), known))


def speech_of(waveform: Waveform, *, gap_s: float = 0.0) -> list[Span]:
    """Returns when somebody speaks in a sound at 16 kHz, in seconds; Silero with its own settings.

    Args:
        waveform: (N,).
        gap_s: Shorter gaps between two pieces are closed.
    """
    import torch
    from silero_vad import get_speech_timestamps

    found: Any = get_speech_timestamps(
        torch.from_numpy(waveform), _detector(), sampling_rate=SPEECH_RATE_HZ
    )
    merged: list[Span] = []
    for piece in found:
        start, end = piece["start"] / SPEECH_RATE_HZ, piece["end"] / SPEECH_RATE_HZ
        if merged and start - merged[-1][1] <= gap_s:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


@cache
def _detector() -> Any:
    from silero_vad import load_silero_vad

    return load_silero_vad(onnx=True)


def stop_latency_s(
    person: Sequence[Span], assistant: Sequence[Span], overlap: Span
) -> float | None:
    """Returns how long the assistant talked on while the person did, in the overlap.

    None where it was not talking when the overlap began to be heard.
    """
    together = [
        (max(a, c), min(b, d))
        for a, b in person
        for c, d in assistant
        if min(b, d) > max(a, c) and b > overlap[0] and a < overlap[1]
    ]
    return together[0][1] - together[0][0] if together else None


def response_latency_s(
    person: Sequence[Span], assistant: Sequence[Span], overlap: Span
) -> float | None:
    """Returns from the end of the person's speech in the overlap to the assistant's next."""
    ends = [end for start, end in person if end > overlap[0] and start < overlap[1]]
    if not ends:
        return None
    nexts = [start for start, _ in assistant if start > ends[-1]]
    return nexts[0] - ends[-1] if nexts else None


def overlap_of(sample: Sample) -> tuple[float | None, float | None]:
    """Returns stop and response latency of one sample of v1.5."""
    person = speech_of(read(sample.input), gap_s=PERSON_GAP_S)
    assistant = speech_of(read(sample.output), gap_s=ASSISTANT_GAP_S)
    overlap = (sample.start_s, sample.end_s)
    return (
        stop_latency_s(person, assistant, overlap),
        response_latency_s(person, assistant, overlap),
    )
