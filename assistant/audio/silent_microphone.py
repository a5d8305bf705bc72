"""A microphone that gives frames without any sound: muted by a key of its own, or asleep."""

import numpy as np

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform

SILENT_S = 10.0
"""Exact zeros for so long are no quiet room: even a cheap microphone has some noise."""
LEAST_PEAK = 0.5 / 32_768
"""Below it, half a step of 16-bit sound, a frame counts as zeros."""
SILENT = (
    "the microphone gives only silence: it may be muted or asleep. "
    "Open it in the system's sound settings, or choose another one"
)
BACK = "the microphone is heard again"


class SilentMicrophone:
    """Notices once that a microphone gives only silence, and once that it is back."""

    def __init__(self) -> None:
        self._silent = 0
        self._is_told = False

    def hear(self, frame: Waveform) -> str | None:
        """Takes the next 16 kHz frame that came; returns what is to be said, most often nothing."""
        if np.abs(frame).max(initial=0.0) >= LEAST_PEAK:
            self._silent = 0
            was_told, self._is_told = self._is_told, False
            return BACK if was_told else None
        self._silent += len(frame)
        if self._is_told or self._silent < SILENT_S * SPEECH_RATE_HZ:
            return None
        self._is_told = True
        return SILENT
