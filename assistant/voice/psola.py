"""Pitch and tempo of finished speech: time-domain pitch-synchronous overlap-add.

Sources: E. Moulines and F. Charpentier, "Pitch-synchronous waveform processing techniques for
text-to-speech synthesis using diphones" (1990), and, for the pitch, A. de Cheveigné and
H. Kawahara, "YIN, a fundamental frequency estimator for speech and music" (2002), steps 1 to 5.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assistant.audio.waveform import Waveform, resample

_TRACK_RATE_HZ = 8_000
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 400.0
_HOP_S = 0.005
_WINDOW_S = 0.03
"""Of the pitch: nearly two periods of the lowest, which is what it takes to see one."""
_APERIODICITY = 0.2
"""Threshold of step 4 of YIN: a dip below it is a period (0.1 in the paper)."""
_QUIET = 1e-3
_UNVOICED_STEP_S = 0.005
"""From grain to grain where there is no pitch: below the period of any voice, else noise hums."""

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PitchTrack:
    """The pitch of a waveform, every 5 ms."""

    f0_hz: _Floats
    """(frames,); 0 where there is no voice."""

    @property
    def mean_hz(self) -> float:
        """Geometric mean over the voiced frames; 0 without any."""
        voiced = self.f0_hz[self.f0_hz > 0]
        return float(np.exp(np.log(voiced).mean())) if voiced.size else 0.0

    def at(self, time_s: float) -> float:
        """Returns the pitch in Hz at a time, 0 where there is no voice."""
        frame = min(len(self.f0_hz) - 1, max(0, round(time_s / _HOP_S)))
        return float(self.f0_hz[frame])


def track_pitch(waveform: Waveform, sample_rate: int) -> PitchTrack:
    """Returns the pitch of `waveform` between 60 and 400 Hz."""
    samples = resample(waveform, from_hz=sample_rate, to_hz=_TRACK_RATE_HZ).astype(np.float64)
    window, hop = round(_WINDOW_S * _TRACK_RATE_HZ), round(_HOP_S * _TRACK_RATE_HZ)
    longest = round(_TRACK_RATE_HZ / _LOWEST_HZ)
    shortest = round(_TRACK_RATE_HZ / _HIGHEST_HZ)
    half = (window + longest) // 2
    padded = np.pad(samples, (half, half + window + longest))
    count = len(samples) // hop + 1
    starts = np.arange(count) * hop
    frames = padded[starts[:, None] + np.arange(window + longest)]
    difference = _normalised_difference(frames, window, longest)
    lags = _first_dips(difference, shortest)
    is_voiced = (lags > 0) & (np.sqrt(np.mean(frames**2, axis=1)) > _QUIET)
    f0_hz = np.where(is_voiced, _TRACK_RATE_HZ / np.maximum(lags, 1.0), 0.0)
    return PitchTrack(_without_outliers(f0_hz))


def restyle_speech(
    waveform: Waveform,
    sample_rate: int,
    *,
    pitch: float = 0.0,
    pitch_range: float = 1.0,
    rate: float = 1.0,
) -> Waveform:
    """Returns `waveform` with its pitch and tempo changed and its formants kept.

    Args:
        waveform: One sentence, mono.
        sample_rate: Hz.
        pitch: Shift of the mean pitch in semitones.
        pitch_range: Factor on the excursion of the logarithmic pitch around its mean.
        rate: Factor on the tempo; 0.8 is slower.
    """
    if (pitch, pitch_range, rate) == (0.0, 1.0, 1.0) or len(waveform) == 0:
        return waveform
    track = track_pitch(waveform, sample_rate)
    marks = _pitch_marks(waveform, sample_rate, track)
    mean_hz = track.mean_hz
    output_length = round(len(waveform) / rate)
    output = np.zeros(output_length)
    weights = np.full(output_length, 1e-9)
    unvoiced_step = _UNVOICED_STEP_S * sample_rate
    position, turn = 0.0, 0
    while position < output_length:
        source = position * rate
        index = _nearest(marks, source)
        f0_hz = track.at(source / sample_rate)
        if f0_hz > 0:
            target_hz = mean_hz * (f0_hz / mean_hz) ** pitch_range * 2.0 ** (pitch / 12.0)
            radius, step = sample_rate / f0_hz, sample_rate / target_hz
        else:
            radius = step = unvoiced_step
        # Repeating a piece of noise unchanged would make it hum: every other repeat is reversed.
        is_reversed = f0_hz == 0 and rate < 0.95 and turn % 2 == 1
        _add_grain(output, weights, waveform, marks[index], position, radius, is_reversed)
        position, turn = position + step, turn + 1
    output /= np.maximum(weights, 0.2)
    level = np.sqrt(np.mean(np.square(waveform, dtype=np.float64)) / max(1e-12, np.mean(output**2)))
    return np.clip(output * min(level, 2.0), -1.0, 1.0).astype(np.float32)


def _normalised_difference(frames: _Floats, window: int, longest: int) -> _Floats:
    """Returns YIN's cumulative mean normalised difference, (frames, lags)."""
    size = 1 << (2 * frames.shape[1] - 1).bit_length()
    head = np.fft.rfft(frames[:, :window], size)
    correlation = np.fft.irfft(np.conj(head) * np.fft.rfft(frames, size), size)[:, : longest + 1]
    power = np.cumsum(np.pad(frames**2, ((0, 0), (1, 0))), axis=1)
    energies = power[:, window : window + longest + 1] - power[:, : longest + 1]
    difference = np.maximum(energies[:, :1] + energies - 2.0 * correlation, 0.0)
    lags = np.arange(1, longest + 1)
    sums = np.cumsum(difference[:, 1:], axis=1)
    normalised = difference[:, 1:] * lags / np.maximum(sums, 1e-12)
    return np.concatenate([np.ones((len(frames), 1)), normalised], axis=1)


def _first_dips(difference: _Floats, shortest: int) -> _Floats:
    """Returns the first lag whose dip is deep enough, refined by a parabola; 0 without any."""
    lags = np.zeros(len(difference))
    last = difference.shape[1] - 2
    for frame, row in enumerate(difference):
        below = np.flatnonzero(row[shortest : last + 1] < _APERIODICITY)
        if below.size == 0:
            continue
        lag = shortest + int(below[0])
        while lag < last and row[lag + 1] < row[lag]:
            lag += 1
        left, middle, right = row[lag - 1], row[lag], row[lag + 1]
        bend = left - 2.0 * middle + right
        lags[frame] = lag + (0.5 * (left - right) / bend if bend > 0 else 0.0)
    return lags


def _without_outliers(f0_hz: _Floats) -> _Floats:
    """Returns the pitch without octave jumps and without voiced stretches of one or two frames."""
    padded = np.pad(f0_hz, 2, mode="edge")
    median = np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)
    is_jump = (f0_hz > 0) & (np.abs(f0_hz - median) > 0.2 * np.maximum(median, 1.0))
    return np.where(is_jump | (f0_hz == 0), np.where(is_jump, median, 0.0), f0_hz)


def _pitch_marks(waveform: Waveform, sample_rate: int, track: PitchTrack) -> NDArray[np.int64]:
    """Returns one sample index for each period of voice, at its peak; every 5 ms elsewhere."""
    polarity = 1.0 if waveform.max() >= -waveform.min() else -1.0
    signal = waveform * polarity
    marks = [0]
    was_voiced = False
    while True:
        last = marks[-1]
        f0_hz = track.at(last / sample_rate)
        if f0_hz <= 0:
            following = last + round(_UNVOICED_STEP_S * sample_rate)
        else:
            period = sample_rate / f0_hz
            low, high = (0.8, 1.2) if was_voiced else (0.5, 1.5)
            start, end = last + round(low * period), last + round(high * period) + 1
            if end >= len(signal):
                break
            following = start + int(np.argmax(signal[start:end]))
        was_voiced = f0_hz > 0
        if following >= len(signal):
            break
        marks.append(following)
    return np.array(marks, np.int64)


def _nearest(marks: NDArray[np.int64], position: float) -> int:
    after = int(np.searchsorted(marks, position))
    if after == 0:
        return 0
    if after == len(marks):
        return after - 1
    is_before = position - float(marks[after - 1]) <= float(marks[after]) - position
    return after - 1 if is_before else after


def _add_grain(
    output: _Floats,
    weights: _Floats,
    waveform: Waveform,
    mark: int,
    position: float,
    radius: float,
    is_reversed: bool,
) -> None:
    """Adds a windowed piece around `mark` of the source around `position` of the output."""
    reach = round(radius)
    centre = round(position)
    left = min(reach, int(mark), centre)
    right = min(reach, len(waveform) - int(mark), len(output) - centre)
    if left + right <= 0:
        return
    offsets = np.arange(-left, right)
    window = 0.5 + 0.5 * np.cos(np.pi * offsets / max(reach, 1))
    grain = waveform[mark - left : mark + right]
    output[centre - left : centre + right] += window * (grain[::-1] if is_reversed else grain)
    weights[centre - left : centre + right] += window
