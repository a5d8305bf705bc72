"""A voice: a beep for each word."""

from collections.abc import Iterator

import numpy as np

from assistant.audio.waveform import AudioClip
from assistant.engines.protocols import Cancel, SpeakingStyle

BEEP_S, GAP_S = 0.1, 0.05


class Beeper:
    """Beeps at a pitch; a style moves it by semitones, as that of every voice."""

    sample_rate = 16_000

    def __init__(self, pitch_hz: str = "440") -> None:
        self._pitch_hz = float(pitch_hz)

    def synthesize(self, text: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        """Yields one clip a word, until `cancel` is set."""
        time = np.arange(round(BEEP_S * self.sample_rate)) / self.sample_rate
        hertz = self._pitch_hz * 2 ** (style.pitch / 12)
        beep = (0.3 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)
        gap = np.zeros(round(GAP_S * self.sample_rate), dtype=np.float32)
        for _ in text.split():
            if cancel.is_set():
                return
            yield AudioClip(np.concatenate([beep, gap]), self.sample_rate)
