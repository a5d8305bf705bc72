"""A linear echo canceller that leaves a person's speech intact while the assistant speaks.

Source: the frequency-domain Kalman filter of Enzner and Vary, "Frequency-domain adaptive Kalman
filter for acoustic echo control in hands-free telephones" (Signal Processing 86, 2006), with the
filter cut into blocks (partitioned, overlap-save). Its step size follows from the uncertainty of
the filter and the power of everything that is not echo, so it slows down by itself in double talk.
"""

import numpy as np
from numpy.typing import NDArray

from assistant.audio import Waveform

BLOCK_SAMPLES = 256
"""16 ms: half a frame of speech detection."""
PARTITIONS = 28
"""Blocks of echo that are modelled: 448 ms from playback to the end of the reverberation."""
FORGETTING = 0.9995
"""How far the room stays as it was from one block to the next."""
FIRST_UNCERTAINTY = 0.1
"""Of each coefficient of the echo path before anything is known, as a power."""

_Spectrum = NDArray[np.complex64]
_Power = NDArray[np.float32]


class EchoFilter:
    """Estimates the echo of what was played and subtracts it."""

    def __init__(self) -> None:
        bins = BLOCK_SAMPLES + 1
        self._played: _Spectrum = np.zeros((PARTITIONS, bins), dtype=np.complex64)
        self._path: _Spectrum = np.zeros((PARTITIONS, bins), dtype=np.complex64)
        self._uncertainty: _Power = np.full((PARTITIONS, bins), FIRST_UNCERTAINTY, np.float32)
        self._rest: _Power = np.full(bins, 1e-3, dtype=np.float32)
        self._before: Waveform = np.zeros(BLOCK_SAMPLES, dtype=np.float32)

    def process(self, heard: Waveform, played: Waveform) -> tuple[Waveform, Waveform]:
        """Takes one block of the microphone and of what was played.

        Returns:
            What is heard beside the echo, and the echo as estimated; both (BLOCK_SAMPLES,).
        """
        self._played = np.roll(self._played, 1, axis=0)
        self._played[0] = np.fft.rfft(np.concatenate([self._before, played]))
        self._before = played
        echo = np.fft.irfft((self._path * self._played).sum(axis=0))[BLOCK_SAMPLES:]
        error = (heard - echo).astype(np.float32)
        self._adapt(error)
        return error, echo.astype(np.float32)

    def _adapt(self, error: Waveform) -> None:
        spectrum = np.fft.rfft(np.concatenate([np.zeros(BLOCK_SAMPLES), error]))
        power = np.abs(self._played) ** 2
        self._rest = (0.9 * self._rest + 0.1 * np.abs(spectrum) ** 2).astype(np.float32)
        expected = 0.5 * (power * self._uncertainty).sum(axis=0) + self._rest + 1e-8
        step = self._uncertainty / expected
        change = np.fft.irfft(step * self._played.conj() * spectrum, axis=1)
        change[:, BLOCK_SAMPLES:] = 0.0  # the path of one partition is one block long
        self._path = (self._path + np.fft.rfft(change, axis=1)).astype(np.complex64)
        kept = FORGETTING**2
        grown = kept * (1.0 - 0.5 * step * power) * self._uncertainty
        grown += (1.0 - kept) * np.abs(self._path) ** 2
        self._uncertainty = np.maximum(grown, 1e-9).astype(np.float32)
