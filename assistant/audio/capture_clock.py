"""When sound was captured: told by the count of its samples, not by when it arrives.

Frames of a network come in bursts, and a busy machine takes them late; none comes early. Whoever
went by their arrival would tear what was played apart from its echo.
"""

import asyncio
from dataclasses import replace

from assistant.audio.waveform import SPEECH_RATE_HZ, AudioFrame, Framer, Waveform

SETTLING_S = 0.5
"""Frames that were all late for so long will not catch up: the microphone lost sound."""
STEP_S, CREEP_S = 0.02, 0.0004
"""By how much they have to be; below it a clock that is slow by up to 400 ppm is followed."""


def passed_s(captured_s: float | None) -> float:
    """Returns how long ago sound was captured; 0 where it is not known."""
    if captured_s is None:
        return 0.0
    return max(0.0, asyncio.get_running_loop().time() - captured_s)


class CaptureClock:
    """Finds the least delay of one microphone's sound, and by it when each sample was captured."""

    def __init__(self) -> None:
        self._received = 0
        self._offset_s: float | None = None
        self._window_ends = 0
        self._least_s = 0.0

    def captured_s(self, samples: int, now_s: float) -> float:
        """Returns when the last of the next `samples` at 16 kHz was captured.

        It is `now_s`, or earlier as far as is known that they come late; a delay that all sound has
        cannot be known.
        """
        self._received += samples
        counted_s = self._received / SPEECH_RATE_HZ
        offset_s = now_s - counted_s
        if self._offset_s is None or offset_s <= self._offset_s:
            self._offset_s = offset_s
            self._begin_window(offset_s)
        self._least_s = min(self._least_s, offset_s)
        if self._received >= self._window_ends:
            late_s = self._least_s - self._offset_s
            self._offset_s += late_s if late_s > STEP_S else min(late_s, CREEP_S)
            self._begin_window(offset_s)
        return counted_s + self._offset_s

    def _begin_window(self, offset_s: float) -> None:
        self._window_ends = self._received + round(SETTLING_S * SPEECH_RATE_HZ)
        self._least_s = offset_s


class TimedFramer:
    """Cuts 16 kHz sound into frames that say when they were captured."""

    def __init__(self, frame_samples: int) -> None:
        self._framer = Framer(frame_samples)
        self._clock = CaptureClock()
        self._received = 0

    def begin_anew(self) -> None:
        """Other sound follows, with a delay of its own."""
        self._clock = CaptureClock()

    def push(self, sound: Waveform, now_s: float) -> list[AudioFrame]:
        """Returns the frames that are full with `sound`, which came at `now_s`."""
        self._received += len(sound)
        end_s = self._clock.captured_s(len(sound), now_s)
        frames = self._framer.push(sound)
        return [replace(frame, captured_s=end_s - self._after_s(frame)) for frame in frames]

    def _after_s(self, frame: AudioFrame) -> float:
        """Returns how much sound came after `frame`."""
        return (self._received - frame.start_samples - len(frame.samples)) / SPEECH_RATE_HZ
