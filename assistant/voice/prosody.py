"""Style on any voice's output: gain, pauses and the silence around a sentence."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from assistant.audio.waveform import AudioClip, Waveform

_Sample = TypeVar("_Sample", np.int16, np.float32)

LEAD_S = 0.03
"""Silence kept before the first sound of a sentence."""
TAIL_S = 0.05
"""Silence kept after its last sound."""

_KNEE = 0.7
_SILENCE_LEVEL = 0.005
"""-46 dB of full scale."""
_SHORTEST_PAUSE_S = 0.08
"""Shorter gaps lie within words, before a `t` or a `k`, and are left as they are."""
_SENTENCE_PAUSE_S, _CLAUSE_PAUSE_S, _WORD_PAUSE_S = 0.26, 0.14, 0.05
"""Behind pieces that are spoken one by one, by the mark that ends them."""


def apply_gain(waveform: Waveform, decibels: float) -> Waveform:
    """Returns `waveform` louder or softer by `decibels`; peaks bend smoothly below full scale.

    Samples below 0.7 of full scale are untouched; above, a tanh curve with the same slope at the
    knee limits them to 1. The curve has no memory, so blocks may be treated one by one.
    """
    louder = np.asarray(waveform * 10.0 ** (decibels / 20.0), dtype=np.float32)
    magnitude = np.abs(louder)
    if magnitude.size == 0 or float(magnitude.max()) <= _KNEE:
        return louder
    headroom = 1.0 - _KNEE
    bent = np.sign(louder) * (_KNEE + headroom * np.tanh((magnitude - _KNEE) / headroom))
    return np.where(magnitude <= _KNEE, louder, bent).astype(np.float32)


def closing_pause(spoken: str, pause: float, sample_rate: int) -> AudioClip:
    """Returns the silence after the words `spoken`: longest after a sentence, times `pause`."""
    ending = spoken.rstrip("\"')]")[-1:]
    if ending in set(".!?。！？"):
        seconds = _SENTENCE_PAUSE_S
    else:
        seconds = _CLAUSE_PAUSE_S if ending in set(",;:") else _WORD_PAUSE_S
    return AudioClip(np.zeros(round(seconds * pause * sample_rate), np.float32), sample_rate)


@dataclass(frozen=True, slots=True)
class Silence:
    """A stretch of silence in a voice's output and the length it is to have, in samples."""

    start: int
    end: int
    length: int


class SilenceEditor:
    """Shortens or lengthens known silences in a stream of blocks, at their middles."""

    def __init__(self, silences: Sequence[Silence]) -> None:
        """Takes silences in order of time that do not overlap."""
        self._edits = deque[tuple[int, int, int]]()
        for silence in silences:
            kept = max(0, min(silence.end - silence.start, silence.length))
            cut = silence.start + kept // 2
            cut_end = silence.end - (kept - kept // 2)
            self._edits.append((cut, cut_end, max(0, silence.length - kept)))
        self._position = 0

    def edit(self, block: NDArray[_Sample]) -> NDArray[_Sample]:
        """Returns the next block of the stream with its silences at their new lengths."""
        pieces: list[NDArray[_Sample]] = []
        end = self._position + len(block)
        cursor = self._position
        while self._edits and self._edits[0][0] < end:
            cut, cut_end, extra = self._edits[0]
            if cursor <= cut:
                pieces.append(block[cursor - self._position : cut - self._position])
                pieces.append(np.zeros(extra, block.dtype))
            cursor = max(cursor, min(cut_end, end))
            if cut_end > end:
                break
            self._edits.popleft()
        pieces.append(block[cursor - self._position :])
        self._position = end
        return np.concatenate(pieces)


def find_silences(waveform: Waveform, sample_rate: int, pause: float) -> list[Silence]:
    """Returns the inner pauses of a sentence, each to become `pause` times as long.

    A pause is at least 80 ms below -46 dB of full scale: longer than the closure of a plosive.
    """
    if pause == 1.0:
        return []
    loud = np.flatnonzero(np.abs(waveform) >= _SILENCE_LEVEL)
    gaps = np.flatnonzero(np.diff(loud) >= _SHORTEST_PAUSE_S * sample_rate)
    found: list[Silence] = []
    for gap in gaps:
        start, end = int(loud[gap]) + 1, int(loud[gap + 1])
        found.append(Silence(start, end, round((end - start) * pause)))
    return found


def trim_silence(waveform: Waveform, sample_rate: int) -> Waveform:
    """Returns `waveform` without its silent ends, but for 30 ms before and 50 ms after."""
    loud = np.flatnonzero(np.abs(waveform) >= _SILENCE_LEVEL)
    if loud.size == 0:
        return waveform[:0]
    start = max(0, int(loud[0]) - round(LEAD_S * sample_rate))
    return waveform[start : int(loud[-1]) + 1 + round(TAIL_S * sample_rate)]
