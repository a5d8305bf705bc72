"""The tones of the headphone check, as the browser plays them too (`headphones.js`).

Woods, Siegel, Traer and McDermott (2017), Headphone screening to facilitate web-based auditory
experiments: three tones of 200 Hz, one of them 6 dB quieter, one with its sides in antiphase.
"""

from collections.abc import Sequence

import numpy as np

from assistant.audio.waveform import Waveform

TONE_HZ, TONE_S, PAUSE_S, RAMP_S = 200.0, 1.0, 0.5, 0.1
LEVEL, QUIETER_DB = 0.25, 6.0
RATE_HZ = 48_000


def trial_sides(order: Sequence[str]) -> tuple[Waveform, Waveform]:
    """Returns the left and the right side of a trial, at `RATE_HZ`.

    Args:
        order: The kinds of its tones: plain, quiet and antiphase.
    """
    pause = np.zeros(round(PAUSE_S * RATE_HZ), dtype=np.float32)
    left = [part for kind in order for part in (_tone(kind), pause)]
    right = [part for kind in order for part in (_tone(kind, is_right=True), pause)]
    return np.concatenate(left), np.concatenate(right)


def _tone(kind: str, *, is_right: bool = False) -> Waveform:
    time_s = np.arange(round(TONE_S * RATE_HZ)) / RATE_HZ
    edge = np.minimum(1.0, np.minimum(time_s, TONE_S - time_s) / RAMP_S)
    level = LEVEL * 10 ** (-QUIETER_DB / 20) if kind == "quiet" else LEVEL
    sign = -1.0 if is_right and kind == "antiphase" else 1.0
    return (sign * level * edge * np.sin(2 * np.pi * TONE_HZ * time_s)).astype(np.float32)
