"""What is done to any sound before somebody listens to it: no odd samples, no constant offset."""

import numpy as np

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform

SETTLES_S = 1.0
"""Over how long the offset of a microphone is averaged; speech itself has none over so long."""
LEAST_OFFSET = 1e-3
"""An offset below it, -60 dB, changes nothing that is heard, and is left alone."""


class Steadier:
    """Takes the constant offset of a microphone out of its sound as it comes in.

    A cheap one adds .02 to every sample; features, detectors and level meters take that for sound.
    Samples that are no finite number become silence.
    """

    def __init__(self) -> None:
        self._offset = 0.0
        self._removed = 0.0
        self._samples = 0
        self.spoilt = 0
        """Samples so far that were no finite number."""

    def steady(self, samples: Waveform) -> Waveform:
        """Returns the next 16 kHz `samples`; the same array where nothing is wrong with them."""
        count = len(samples)
        if not count:
            return samples
        is_finite = np.isfinite(samples)
        if not is_finite.all():
            self.spoilt += int(count - is_finite.sum())
            samples = np.where(is_finite, samples, 0.0).astype(np.float32)
        self._samples += count
        share = max(count / self._samples, count / (count + SETTLES_S * SPEECH_RATE_HZ))
        self._offset += share * (float(samples.mean(dtype=np.float64)) - self._offset)
        before = self._removed
        self._removed = self._offset if abs(self._offset) >= LEAST_OFFSET else 0.0
        if before == self._removed == 0.0:
            return samples
        if self._samples == count:
            before = self._removed  # it was there from the first sample on
        ramp = np.linspace(before, self._removed, count, dtype=np.float32)
        return (samples - ramp).astype(np.float32)


def steadied(sound: Waveform) -> Waveform:
    """Returns a whole 16 kHz `sound` without offset; the same array where there is none."""
    finite = np.where(np.isfinite(sound), sound, 0.0).astype(np.float32, copy=False)
    offset = float(finite.mean(dtype=np.float64)) if len(finite) else 0.0
    if abs(offset) < LEAST_OFFSET:
        return sound if np.isfinite(sound).all() else finite
    return (finite - np.float32(offset)).astype(np.float32)
