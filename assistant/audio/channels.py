"""One channel out of several: what carries speech, and never a sum that cancels itself."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from assistant.audio.waveform import Waveform

FRAME_S = 0.02
REMEMBERED_S = 4.0
"""How much of the past counts for what the channels are like."""
FADE_S = 0.02
"""From one mix to another: no longer than a syllable's onset, and without a click."""
ALIVE = 1e-3
"""Power of a channel, relative to the loudest, below which nothing is on it."""
CANCELS = 0.4
"""Power of the mean, relative to that of the channels, below which they cancel each other; that of
two people, one in each channel, is 0.5."""
STEADY, LIVELY = 0.4, 0.6
"""How much the level of a channel moves, relative to the liveliest: below the first it is a hum or
a noise, and left out; above the second it is taken again. Speech moves by ten decibels."""
FLOOR = 1e-8
"""Power below which levels do not count, -80 dB: digital silence would seem to be livelier than
any speech."""


class ToMono:
    """Mixes sound of several channels as it comes in.

    Channels are averaged where all carry the same talk. A silent one, or one with a hum or a noise
    beside speech in another, is left out; of channels that cancel, the livelier one is taken.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._weights: NDArray[np.float64] | None = None
        self._moments: deque[tuple[int, NDArray[np.float64]]] = deque()
        self._levels: deque[NDArray[np.float64]] = deque(maxlen=round(REMEMBERED_S / FRAME_S))

    def mix(self, block: NDArray[np.float32]) -> Waveform:
        """Returns the next `block` (samples, channels) as one channel; odd samples are zeros."""
        sound = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float64)
        count, channels = sound.shape
        if channels == 1 or count == 0:
            return sound.mean(axis=1).astype(np.float32)
        self._remember(sound)
        before, self._weights = self._weights, self._chosen(channels)
        if before is None or np.array_equal(before, self._weights):
            return (sound @ self._weights).astype(np.float32)
        steps = np.arange(count, dtype=np.float64)
        fade = np.minimum(steps / (FADE_S * self._rate_hz), 1.0)
        mixed = (1.0 - fade) * (sound @ before) + fade * (sound @ self._weights)
        return mixed.astype(np.float32)

    def _remember(self, sound: NDArray[np.float64]) -> None:
        self._moments.append((len(sound), sound.T @ sound))
        while len(self._moments) > 1 and sum(n for n, _ in self._moments) > (
            REMEMBERED_S * self._rate_hz
        ):
            self._moments.popleft()
        size = max(1, round(FRAME_S * self._rate_hz))
        for start in range(0, len(sound), size):
            self._levels.append(
                np.log10(np.mean(np.square(sound[start : start + size]), axis=0) + FLOOR)
            )

    def _chosen(self, channels: int) -> NDArray[np.float64]:
        """Returns the weight of each channel."""
        moments = np.zeros((channels, channels))
        for _, products in self._moments:
            moments += products
        powers: NDArray[np.float64] = np.diag(moments)
        lively = np.std(np.array(self._levels), axis=0)
        is_alive = powers > ALIVE * powers.max()
        if not powers.max() > 0.0:
            return np.full(channels, 1.0 / channels)
        most = float(lively[is_alive].max())
        was_taken = self._weights is None or self._weights > 0.0
        least = np.where(was_taken, STEADY, LIVELY) * most
        taken = is_alive & (lively >= least)
        weights = taken / taken.sum()
        mean_power = float(weights @ moments @ weights)
        if mean_power < CANCELS * float(powers[taken].mean()):
            # The one that is heard already counts double: changing sides changes the sign.
            favour = 1.0 if self._weights is None else 1.0 + 3.0 * (self._weights == 1.0)
            best = np.argmax(np.where(taken, favour * powers, -1.0))
            weights = np.eye(channels)[best]
        return weights
