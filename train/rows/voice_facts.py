"""What can be measured of a voice: the reference that reasons for an emotion are judged by."""

from dataclasses import dataclass

import numpy as np

from models.features import SPEECH_RATE_HZ, Waveform

FRAME_S, HOP_S = 0.04, 0.02
LOWEST_HZ, HIGHEST_HZ = 70, 400
VOICED = 0.5
"""Of a frame's power, what must come back after one period for it to count as voiced."""
BELOW_LOUDEST_DB = 30.0
"""Frames that are softer than the loudest one by more are pauses."""


@dataclass(frozen=True, slots=True)
class VoiceFacts:
    """Pitch, liveliness, loudness and pace."""

    pitch_hz: float
    range_semitones: float
    """Between the 10th and the 90th percentile of the pitch."""
    level_dbfs: float
    words_per_s: float

    def __str__(self) -> str:
        return (
            f"median pitch {self.pitch_hz:.0f} Hz, pitch range {self.range_semitones:.1f} "
            f"semitones, level {self.level_dbfs:.0f} dBFS, {self.words_per_s:.1f} words a second"
        )


def voice_facts(waveform: Waveform, words: str) -> VoiceFacts:
    """Returns what is measured of an utterance (N,); 0 for a pitch that cannot be found."""
    size, hop = round(FRAME_S * SPEECH_RATE_HZ), round(HOP_S * SPEECH_RATE_HZ)
    count = max(1, 1 + (len(waveform) - size) // hop)
    padded = np.pad(waveform.astype(np.float64), (0, max(0, size - len(waveform))))
    frames = np.stack([padded[n * hop : n * hop + size] for n in range(count)])
    power = np.mean(frames**2, axis=1)
    spoken = power > power.max() * 10 ** (-BELOW_LOUDEST_DB / 10)
    pitches = _pitches(frames[spoken])
    low, middle, high = np.percentile(pitches, [10, 50, 90]) if len(pitches) else (0.0, 0.0, 0.0)
    level = 10 * np.log10(max(float(power[spoken].mean()) if spoken.any() else 0.0, 1e-10))
    seconds = max(HOP_S * int(spoken.sum()), HOP_S)
    semitones = 12 * float(np.log2(high / low)) if low else 0.0
    return VoiceFacts(float(middle), semitones, float(level), len(words.split()) / seconds)


def _pitches(frames: np.ndarray) -> np.ndarray:
    """Pitch in Hz of the voiced ones of (N, size) frames, by autocorrelation."""
    if not len(frames):
        return np.zeros(0)
    spectrum = np.fft.rfft(frames - frames.mean(axis=1, keepdims=True), 2 * frames.shape[1])
    likeness = np.fft.irfft(np.abs(spectrum) ** 2)[:, : frames.shape[1]]
    first, last = SPEECH_RATE_HZ // HIGHEST_HZ, SPEECH_RATE_HZ // LOWEST_HZ
    within = likeness[:, first:last]
    places = within.argmax(axis=1)
    strength = within.max(axis=1) / np.maximum(likeness[:, 0], 1e-12)
    rows = np.arange(len(places))
    # Less of a frame overlaps with itself the later it comes back, which is good for choosing the
    # first of several periods and moves each top a little forward.
    even = likeness / (1 - np.arange(frames.shape[1]) / frames.shape[1])
    before, here, after = (even[rows, first + places + step] for step in (-1, 0, 1))
    # The top of a parabola through the three: whole samples are 2 % apart at 300 Hz.
    bend = np.minimum(before - 2 * here + after, -1e-12)
    lags = first + places + np.clip(0.5 * (before - after) / bend, -0.5, 0.5)
    return SPEECH_RATE_HZ / lags[strength > VOICED]
