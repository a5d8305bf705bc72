"""Whether what was played is in the microphone at all, and how late: found by cross-correlation.

Source: the generalised cross-correlation with phase transform of Knapp and Carter, "The generalized
correlation method for estimation of time delay" (IEEE Trans. ASSP 24, 1976).
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform

HEARD_SAMPLES, JUST_HEARD_SAMPLES = 8_192, 4_096
"""What was heard lately, that is looked for: half a second, which a reverberant room needs, and
half of it, in which an echo that jumped is found before it silences the assistant."""
PLAYED_SAMPLES = 32_768
"""What was played lately, where it is looked for: echo may be 1.5 s late."""
MEAN_SHARE = 0.1
"""Of a new look in the mean of the last ones, about half a second and their length."""
EVERY_FRAMES = 2
"""A look costs about a millisecond; so often the echo of a first answer is found within 250 ms."""
AUDIBLE_POWER = 1e-5
"""Power of the played signal (of full scale) that can be looked for: -50 dB."""
HEARABLE_POWER = 1e-8
"""Power of the microphone, -80 dB, below which nothing is found, nor missed."""
BLOCK_SAMPLES, LEAST_BLOCKS, BLOCK_SHARE = 256, 6, 0.02
"""A look needs so many blocks of 16 ms with more than the share of the loudest one's power: two
sounds that have just begun resemble each other."""
HIGHEST_HZ = 4_000
"""Above it loudspeakers, rooms and clocks leave little to compare."""
LIKELY, EVIDENT, SURE = 10.0, 12.0, 20.0
"""Height of the peak, in standard deviations of the correlation. Two looks that agree are echo from
the first on where there was echo before, from the second on, in the mean, where there was none;
from the third on nearly all that is heard is. Echo alone has 25 to 60 on a sound server, 12 to 50
in rooms; people who speak into an answer without echo reach 15 for a moment, 21 once."""
AGREEING_SAMPLES = 32
"""Two looks agree within 2 ms."""
FAITHFUL = 0.5
"""A room has several reflections of like strength: another one must be so much higher."""

_HALF = PLAYED_SAMPLES // 2
_BINS = PLAYED_SAMPLES * HIGHEST_HZ // SPEECH_RATE_HZ
_MOST_LAG = PLAYED_SAMPLES - HEARD_SAMPLES


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found."""

    lag: int | None
    """Samples at 16 kHz from what was played to its echo; None where no echo is evident."""
    is_early: bool = False
    """Whether something was heard, but too little of it yet."""
    delay: int | None = None
    """Samples at 16 kHz by which what was played has to be delayed for the known path to give what
    is heard; None where no path is known or none fits."""
    heights: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    """Of the correlation from lag 0 on, at 8 kHz, in its standard deviations."""

    @property
    def may_be_echo(self) -> bool:
        """Whether another look should tell."""
        return self.is_early or float(self.heights.max()) >= LIKELY

    @property
    def is_pure(self) -> bool:
        """Whether hardly anything but echo was heard."""
        return float(self.heights.max()) >= SURE

    def still_holds(self, lag: int) -> bool:
        """Whether there is echo at another `lag` too: a room has reflections of like strength."""
        at = lag * HIGHEST_HZ * 2 // SPEECH_RATE_HZ
        near = self.heights[max(0, at - AGREEING_SAMPLES // 2) : at + AGREEING_SAMPLES // 2]
        return bool(len(near)) and float(near.max()) >= FAITHFUL * float(self.heights.max())


class EchoFinder:
    """Compares what was heard with what was played, a few times a second."""

    def __init__(self) -> None:
        self.heard: Waveform = np.zeros(2 * HEARD_SAMPLES, dtype=np.float32)
        """The last second of the microphone."""
        self.played: Waveform = np.zeros(PLAYED_SAMPLES + 2 * HEARD_SAMPLES, dtype=np.float32)
        """What was played in the last 2.5 s, its end at the end of `heard`."""
        self.is_audible = False
        """Whether something was played in the last quarter of a second."""
        self._frames = 0
        self._mean: NDArray[np.float64] = np.zeros(2 * _BINS)
        self._last: dict[str, int | None] = {}

    def take(self, frame: Waveform, played: Waveform) -> None:
        """Takes the next frame and what was played with it."""
        self.heard = np.concatenate([self.heard, frame])[-len(self.heard) :]
        self.played = np.concatenate([self.played, played])[-len(self.played) :]
        self._frames += 1
        self.is_audible = _power(self.played[-JUST_HEARD_SAMPLES:]) >= AUDIBLE_POWER

    def look(self, *, is_known: bool, is_urgent: bool, path: Waveform | None) -> Look | None:
        """Returns what is found, or None where it is not the time to look.

        Args:
            is_known: Whether there was echo before.
            is_urgent: Whether to look although one did a frame ago.
            path: Impulse response of the way from loudspeaker to microphone, as far as known.
        """
        if not self.is_audible or (self._frames % EVERY_FRAMES and not is_urgent):
            return None
        is_long = self._frames % EVERY_FRAMES == 0
        heard = self.heard[-(HEARD_SAMPLES if is_long else JUST_HEARD_SAMPLES) :]
        if _power(heard) < HEARABLE_POWER:
            return Look(None)
        if _is_too_brief(heard):
            return Look(None, is_early=True)
        cross = _cross(heard, self.played)
        correlation = _correlation(cross)
        self._mean += MEAN_SHARE * (correlation - self._mean)
        if not is_known:
            correlation = self._mean  # the same lag again and again, which chance does not give
        lag, heights = _peak(correlation)
        is_likely = heights.max() >= (LIKELY if is_known else EVIDENT)
        found = self._confirmed(f"lag {is_long}", lag if is_likely else None)
        return Look(found, delay=self._delay(cross, path, is_long), heights=heights)

    def _delay(
        self, cross: NDArray[np.complex128], path: Waveform | None, is_long: bool
    ) -> int | None:
        """Returns the delay with which `path` explains what is heard, if two looks agree on it.

        The reflections of the room, which are as high as the first sound, fall into one peak.
        """
        if path is None:
            return None
        expected = np.fft.rfft(path, PLAYED_SAMPLES)[: _BINS + 1]
        delay, heights = _peak(_correlation(cross * expected.conj()))
        return self._confirmed(f"delay {is_long}", delay if heights.max() >= SURE else None)

    def _confirmed(self, kind: str, found: int | None) -> int | None:
        """Returns what was found if the last look of this kind found the same."""
        last, self._last[kind] = self._last.get(kind), found
        if found is None or last is None or abs(found - last) > AGREEING_SAMPLES:
            return None
        return found


def likely_lag(heard: Waveform, played: Waveform) -> int:
    """Returns the samples after which `heard` most resembles what was played, in one look.

    Args:
        heard: (N,) at 16 kHz, half a second at most.
        played: (M,) likewise, its last sample played as the last one of `heard` was heard; from
            `PLAYED_SAMPLES` on.
    """
    return _peak(_correlation(_cross(heard, played)))[0]


def _cross(heard: Waveform, played: Waveform) -> NDArray[np.complex128]:
    padded = np.zeros(PLAYED_SAMPLES, dtype=np.float32)
    padded[-len(heard) :] = heard * np.hanning(len(heard))
    spectrum = np.fft.rfft(played[-PLAYED_SAMPLES:])[: _BINS + 1]
    return np.fft.rfft(padded)[: _BINS + 1] * spectrum.conj()


def _correlation(cross: NDArray[np.complex128]) -> NDArray[np.float64]:
    size = np.abs(cross)
    # what neither holds is noise only: it is not made as loud as the rest
    return np.fft.irfft(cross / (size + 0.05 * float(size.mean()) + 1e-20), 2 * _BINS)


def _peak(correlation: NDArray[np.float64]) -> tuple[int, NDArray[np.float64]]:
    """Returns the lag of the highest peak in samples, and the heights from lag 0 on."""
    lags = np.abs(correlation[: _MOST_LAG * _BINS // _HALF])
    deviation = float(np.sqrt(np.mean(np.square(correlation)))) + 1e-20
    return int(lags.argmax()) * _HALF // _BINS, lags / deviation


def _is_too_brief(heard: Waveform) -> bool:
    powers = np.square(heard).reshape(-1, BLOCK_SAMPLES).mean(axis=1)
    return int(np.count_nonzero(powers > BLOCK_SHARE * powers.max())) < LEAST_BLOCKS


def _power(waveform: Waveform) -> float:
    return float(np.dot(waveform, waveform)) / max(1, len(waveform))
