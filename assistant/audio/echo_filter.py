"""A linear echo canceller that leaves a person's speech intact while the assistant speaks.

Source: the frequency-domain Kalman filter of Enzner and Vary, "Frequency-domain adaptive Kalman
filter for acoustic echo control in hands-free telephones" (Signal Processing 86, 2006), with the
filter cut into blocks (partitioned, overlap-save). Its step size follows from the uncertainty of
the filter and the power of everything that is not echo, so it slows down by itself in double talk.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assistant.audio.waveform import Waveform

BLOCK_SAMPLES = 256
"""16 ms: half a frame of speech detection."""
PARTITIONS = 28
"""Blocks of echo that are modelled: 448 ms from playback to the end of the reverberation."""
FORGETTING = 0.998
"""How far the room stays as it was from one block to the next; two clocks that drift
apart by 100 ppm need as much."""
FADING = 0.8
"""Of the power of an echo path from one block to the next, before anything is known: rooms fade by
60 dB within a second."""

_Spectrum = NDArray[np.complex64]
_Power = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Path:
    """A way from loudspeaker to microphone, as a filter knows it."""

    spectra: _Spectrum
    """Of each block of its impulse response, (PARTITIONS, BLOCK_SAMPLES + 1)."""
    uncertainty: _Power
    """Of the same shape."""

    @property
    def response(self) -> Waveform:
        """The impulse response at 16 kHz, (PARTITIONS * BLOCK_SAMPLES,)."""
        blocks = np.fft.irfft(self.spectra, axis=1)[:, :BLOCK_SAMPLES]
        return blocks.reshape(-1).astype(np.float32)


class EchoFilter:
    """Estimates the echo of what was played and subtracts it."""

    def __init__(self, coupling: float = 1.0) -> None:
        """Knows of the path only how loud its echo is: `coupling` is echo to played, as a power."""
        bins = BLOCK_SAMPLES + 1
        share = coupling * (1.0 - FADING) * FADING ** np.arange(PARTITIONS)
        self._played: _Spectrum = np.zeros((PARTITIONS, bins), dtype=np.complex64)
        self._path: _Spectrum = np.zeros((PARTITIONS, bins), dtype=np.complex64)
        self._uncertainty: _Power = np.repeat(share[:, None], bins, axis=1).astype(np.float32)
        self._rest: _Power = np.full(bins, 1e-5, dtype=np.float32)
        self._before: Waveform = np.zeros(BLOCK_SAMPLES, dtype=np.float32)

    @property
    def path(self) -> Path:
        """What is known of the way from loudspeaker to microphone, to `return_to` later."""
        return Path(self._path, self._uncertainty)

    def return_to(self, path: Path) -> None:
        """Goes on from what was known before."""
        self._path, self._uncertainty = path.spectra, path.uncertainty

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
        unknown = 0.5 * (power * self._uncertainty).sum(axis=0)
        # what the filter does not know yet of the path explains a part of what is left
        rest = np.maximum(np.abs(spectrum) ** 2 - unknown, 0.0)
        self._rest = (0.9 * self._rest + 0.1 * rest).astype(np.float32)
        expected = unknown + self._rest + 1e-8
        step = self._uncertainty / expected
        change = np.fft.irfft(step * self._played.conj() * spectrum, axis=1)
        change[:, BLOCK_SAMPLES:] = 0.0  # the path of one partition is one block long
        self._path = (self._path + np.fft.rfft(change, axis=1)).astype(np.complex64)
        kept = FORGETTING**2
        grown = kept * (1.0 - 0.5 * step * power) * self._uncertainty
        grown += (1.0 - kept) * np.abs(self._path) ** 2
        self._uncertainty = np.maximum(grown, 1e-9).astype(np.float32)
