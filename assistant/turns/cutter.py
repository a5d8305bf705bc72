"""Cuts a recording into the turns of a person, with the same endpointing as live talk."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from assistant.audio.incoming import Steadier
from assistant.audio.playout import level_db
from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.engines.protocols import VoiceActivityDetector
from assistant.turns.endpointing import Endpointer
from assistant.turns.endpointing_settings import EndpointingSettings
from assistant.turns.marks import Boundary

_SILENCE_PEAK = 10 ** (-60 / 20)
"""A recording that never exceeds -60 dBFS holds nothing a microphone has heard."""


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """One utterance of a recording."""

    start_s: float
    end_s: float
    waveform: Waveform
    """16 kHz, a little silence before and after the speech included."""


class TurnCutter:
    """Finds the turns in one recording; its memory is bounded by the longest turn."""

    def __init__(self, vad: VoiceActivityDetector, settings: EndpointingSettings) -> None:
        if vad.sample_rate != SPEECH_RATE_HZ:
            raise ValueError(f"a detector at {SPEECH_RATE_HZ} Hz is needed, not {vad.sample_rate}")
        self._vad = vad
        self._frame = vad.frame_samples
        self._endpointer = Endpointer(settings, frame_samples=self._frame)
        longest_onset_ms = settings.speech_ms * (1 + settings.drop_ms * 16 // self._frame)
        self._idle_frames = 2 + (settings.lead_ms + longest_onset_ms) * 16 // self._frame
        self._steadier = Steadier()
        self._kept: deque[Waveform] = deque()
        self._kept_from = 0
        self.heard_samples = 0
        """Samples of the recording taken in so far."""
        self.peak = 0.0
        """Largest magnitude so far."""

    @property
    def is_silent(self) -> bool:
        """Whether nothing louder than -60 dBFS has been heard."""
        return self.peak < _SILENCE_PEAK

    def turns(self, blocks: Iterable[Waveform]) -> Iterator[SpokenTurn]:
        """Yields each turn as soon as its end is known; `blocks` may have any lengths."""
        for ended in self.ended(blocks):
            yield from ended

    def ended(self, blocks: Iterable[Waveform]) -> Iterator[list[SpokenTurn]]:
        """Yields for each of the blocks the turns that ended in it, and those left at the end.

        So a worker has something else to do between two blocks.
        """
        self._vad.reset()
        self._steadier = Steadier()
        pending = np.zeros(0, dtype=np.float32)
        for block in blocks:
            self.heard_samples += len(block)
            pending = np.concatenate([pending, block])
            whole = len(pending) // self._frame * self._frame
            frames = pending[:whole].reshape(-1, self._frame)
            yield [turn for frame in frames for turn in self._feed(frame)]
            pending = pending[whole:]
        yield list(self._rest(pending))

    def _rest(self, pending: Waveform) -> Iterator[SpokenTurn]:
        if len(pending):
            yield from self._feed(np.pad(pending, (0, self._frame - len(pending))))
        for mark in self._endpointer.finish():
            if mark.boundary is Boundary.ENDED:
                yield self._cut(mark.start_samples, mark.end_samples)

    def _feed(self, frame: Waveform) -> Iterator[SpokenTurn]:
        frame = self._steadier.steady(frame)
        self.peak = max(self.peak, float(np.abs(frame).max(initial=0.0)))
        self._kept.append(frame)
        probability = self._vad.probability(frame)
        for mark in self._endpointer.feed(probability, level_db=level_db(frame)):
            if mark.boundary is Boundary.ENDED:
                yield self._cut(mark.start_samples, mark.end_samples)
        if not self._endpointer.in_turn:
            while len(self._kept) > self._idle_frames:
                self._kept.popleft()
                self._kept_from += self._frame

    def _cut(self, start: int, end: int) -> SpokenTurn:
        end = min(end, self.heard_samples)
        start = max(start, self._kept_from)
        joined = np.concatenate(self._kept)[start - self._kept_from : end - self._kept_from]
        return SpokenTurn(start / SPEECH_RATE_HZ, end / SPEECH_RATE_HZ, joined)
